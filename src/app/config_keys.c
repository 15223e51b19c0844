/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_keys.h"

#include <assert.h>
#include <ctype.h>

#include "app/cpus.h"
#include "auth/cookie.h"
#include "auth/identity.h"
#include "auth/origin.h"
#include "net/address.h"

#define KIB ((uint64_t)1 << 10)
#define TIB ((uint64_t)1 << 40)
#define NAME_MAX_SIZE 63 /* NAMEDATALEN - 1: what PostgreSQL keeps of a name */

static enum status check_slot_name(const char *text, struct fault *fault)
{
    if (text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
        return fault_set(fault, ERR_INPUT,
                         "must be lower-case letters, digits and underscores only");
    return OK;
}

static enum status check_url(const char *text, struct fault *fault)
{
    if (strncmp(text, "postgres://", 11) == 0 || strncmp(text, "postgresql://", 13) == 0)
        return OK;
    if (strchr(text, '=') && !strstr(text, "://"))
        return OK;
    return fault_set(fault, ERR_INPUT,
                     "must begin with postgres:// or be a libpq keyword string such as "
                     "\"host=db dbname=shop\"");
}

static enum status check_binding(const char *text, struct fault *fault)
{
    struct address address;
    struct fault why;

    if (address_parse(text, &address, &why) != OK)
        return fault_set(fault, ERR_INPUT, "must be ADDRESS:PORT (%s)", why.text);
    return OK;
}

static enum status check_origin(const char *text, struct fault *fault)
{
    return origin_check(slice_text(text), fault);
}

static const char *const plugins[] = {"auto", "pgoutput", "wal2json", NULL};
static const char *const auths[] = {"auto", "none", NULL};
static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

#define AT(member) .name = #member, .offset = offsetof(struct config, member)

const struct config_key config_keys[] = {
    {AT(database_url), .type = CONFIG_TEXT, .privacy = CONFIG_URL, .standard = "", .max = 4096,
     .check = check_url, .example = "\"postgres://pgcdc@db.example.com/shop\"",
     .help = "the database, as one URL; wins over the parts below"},
    {AT(database_host), .type = CONFIG_TEXT, .standard = "", .max = 1024,
     .example = "\"/run/postgresql\"", .help = "host name, address, or directory of the socket"},
    {AT(database_port), .type = CONFIG_NUMBER, .standard = "0", .max = 65535, .example = "5432",
     .help = "port; 0: libpq's own (PGPORT, or 5432)"},
    {AT(database_dbname), .type = CONFIG_TEXT, .standard = "", .max = NAME_MAX_SIZE,
     .example = "\"shop\"", .help = "name of the database"},
    {AT(database_user), .type = CONFIG_TEXT, .standard = "", .max = NAME_MAX_SIZE,
     .example = "\"pgcdc\"", .help = "role to connect as; it needs REPLICATION"},
    {AT(database_password), .type = CONFIG_TEXT, .privacy = CONFIG_SECRET, .standard = "",
     .max = 1024, .example = "\"a password\"", .help = "its password; a .pgpass file is better"},
    {AT(database_tls), .type = CONFIG_FLAG, .standard = "false", .example = "true",
     .help = "insist on TLS to the database (sslmode=require)"},
    {AT(plugin), .type = CONFIG_CHOICE, .standard = "auto", .choices = plugins,
     .example = "\"pgoutput\"", .help = "the server's decoder; auto: pgoutput if possible"},
    {AT(wal2json_format), .type = CONFIG_NUMBER, .standard = "2", .min = 1, .max = 2,
     .example = "1", .help = "wal2json's format version"},
    {AT(pgoutput_protocol), .type = CONFIG_NUMBER, .standard = "0", .max = 4, .example = "1",
     .help = "pgoutput's protocol, 1 to 4; 0: the newest; 1: whole transactions only"},
    {AT(publication), .type = CONFIG_TEXT, .standard = "pgcdc", .min = 1,
     .max = NAME_MAX_SIZE - sizeof "_inserts" + 1, .example = "\"pgcdc\"",
     .help = "publication for pgoutput; <name>_inserts goes with it"},
    {AT(publish_via_partition_root), .type = CONFIG_FLAG, .standard = "false", .example = "true",
     .help = "rows of partitions count as rows of the partitioned table"},
    {AT(slot_name), .type = CONFIG_TEXT, .standard = "", .max = NAME_MAX_SIZE,
     .check = check_slot_name, .example = "\"pgcdc\"",
     .help = "durable replication slot; empty: a temporary one"},
    {AT(slot_failover), .type = CONFIG_FLAG, .standard = "false", .example = "true",
     .help = "make it with FAILOVER, for standbys of PostgreSQL 17 and later"},
    {AT(journal_size), .type = CONFIG_SIZE, .standard = "256MiB", .min = 64 * KIB, .max = TIB,
     .example = "\"1GiB\"", .help = "memory that holds the latest changes"},
    {AT(journal_age), .type = CONFIG_NUMBER, .standard = "3600", .max = 31536000, .example = "600",
     .help = "seconds that a durable slot keeps changes for a restart; 0: any age"},
    {AT(journal_wal_limit), .type = CONFIG_SIZE, .standard = "1GiB", .min = KIB * KIB, .max = TIB,
     .example = "\"10GiB\"", .help = "WAL that a durable slot holds back for that, at most"},
    {AT(spill_memory), .type = CONFIG_SIZE, .standard = "64MiB", .min = 1024 * KIB, .max = TIB,
     .example = "\"256MiB\"", .help = "memory for changes of transactions that have not ended"},
    {AT(spill_directory), .type = CONFIG_TEXT, .standard = "", .max = 4095,
     .example = "\"/var/lib/pgcdc\"",
     .help = "where those beyond spill_memory go; empty: $TMPDIR, or /var/tmp"},
    {AT(workers), .type = CONFIG_NUMBER, .standard = "0", .max = 256, .example = "4",
     .help = "threads that serve clients; 0: one per CPU"},
    {AT(worker_cpus), .type = CONFIG_TEXT, .standard = "", .max = 1024, .check = cpus_check,
     .example = "\"0,2-3\"",
     .help = "CPUs that these are pinned to, in turn; \"auto\": those we may use; empty: none"},
    {AT(batch_delay), .type = CONFIG_TIME, .standard = "0", .max = 5000, .example = "\"0.5ms\"",
     .help = "how long a change waits for others to share a send with; 0: not"},
    {AT(snapshot_connections), .type = CONFIG_NUMBER, .standard = "4", .min = 1, .max = 100,
     .example = "8", .help = "snapshots of tables that are read at once"},
    {AT(binding), .type = CONFIG_TEXT, .standard = "127.0.0.1:8080", .min = 1, .max = 1024,
     .check = check_binding, .example = "\"0.0.0.0:8080\"",
     .help = "ADDRESS:PORT to listen on; 0.0.0.0:8080 if unset and authentication is on"},
    {AT(binding_shared), .type = CONFIG_FLAG, .standard = "false", .example = "true",
     .help = "start although other servers of the same user listen there, and share the clients"},
    {AT(https), .type = CONFIG_FLAG, .standard = "false", .example = "true",
     .help = "serve TLS; needs key_priv and key_cert"},
    {AT(key_priv), .type = CONFIG_TEXT, .standard = "", .max = 4095,
     .example = "\"/etc/speculare/key.pem\"", .help = "PEM file with the private key"},
    {AT(key_cert), .type = CONFIG_TEXT, .standard = "", .max = 4095,
     .example = "\"/etc/speculare/cert.pem\"", .help = "PEM file with the certificate chain"},
    {AT(ticket_key), .type = CONFIG_TEXT, .standard = "", .max = 4095,
     .example = "\"/etc/speculare/ticket.key\"",
     .help = "file with secrets that seal session tickets; empty: made at start, renewed"},
    {AT(ktls), .type = CONFIG_FLAG, .standard = "false", .example = "true",
     .help = "let the kernel encrypt, where its module tls is loaded"},
    {AT(ping_interval), .type = CONFIG_NUMBER, .standard = "25", .min = 1, .max = 50,
     .example = "10", .help = "seconds between pings of a client; 10 s of silence end it"},
    {AT(compression), .type = CONFIG_FLAG, .standard = "true", .example = "false",
     .help = "compress for WebSocket clients that offer permessage-deflate"},
    {AT(metrics_public), .type = CONFIG_FLAG, .standard = "false", .example = "true",
     .help = "answer /metrics to anybody, not only to this machine and admins"},
    {AT(auth), .type = CONFIG_CHOICE, .standard = "auto", .choices = auths, .example = "\"none\"",
     .help = "auto: clients must prove themselves once a secret is set"},
    {AT(cookie_secret), .type = CONFIG_TEXT, .privacy = CONFIG_SECRET, .standard = "",
     .min = COOKIE_SECRET_MIN, .max = 4096, .example = "\"the output of: openssl rand -hex 32\"",
     .help = "secret that signs SP-CKS cookies"},
    {AT(admin_secret), .type = CONFIG_TEXT, .privacy = CONFIG_SECRET, .standard = "",
     .min = IDENTITY_ADMIN_SECRET_MIN, .max = 4096,
     .example = "\"the output of: openssl rand -hex 16\"",
     .help = "secret of the SP-ADM header, whose bearer may ask anything"},
    {AT(auth_database_url), .type = CONFIG_TEXT, .privacy = CONFIG_URL, .standard = "", .max = 4096,
     .check = check_url, .example = "\"postgres://pgcdc@db.example.com/sso\"",
     .help = "the database with the table apikeys"},
    {AT(auth_database_max_connection), .type = CONFIG_NUMBER, .standard = "10", .min = 1,
     .max = 1000, .example = "2", .help = "connections to it, at most"},
    {AT(allowed_origins), .type = CONFIG_ITEMS, .standard = "", .max = 1024, .check = check_origin,
     .example = "[ \"https://app.example.com\" ]",
     .help = "pages whose cookies count; empty: those of our own host"},
    {AT(log_level), .type = CONFIG_CHOICE, .standard = "info", .choices = levels,
     .example = "\"debug\"", .help = "what is logged; -v and -q move it"},
};

static_assert(sizeof config_keys / sizeof config_keys[0] == CONFIG_KEY_COUNT,
              "CONFIG_KEY_COUNT is not the number of rows");

const struct config_key *config_key_find(struct slice name)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (slice_is(name, config_keys[i].name))
            return &config_keys[i];
    }
    return NULL;
}

static unsigned char plain(char c)
{
    return c == '-' ? '_' : (unsigned char)tolower((unsigned char)c);
}

/* How many letters must be added, left out or changed (Levenshtein), regardless of case. */
static size_t distance(struct slice a, const char *b)
{
    size_t row[64];
    const size_t size = strlen(b);

    assert(size < 64);
    for (size_t j = 0; j <= size; j++)
        row[j] = j;
    for (size_t i = 0; i < a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < size; j++) {
            const size_t change = diagonal + (plain(a.at[i]) == plain(b[j]) ? 0 : 1);
            const size_t one_more = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = change < one_more ? change : one_more;
        }
    }
    return row[size];
}

const struct config_key *config_key_suggest(struct slice name)
{
    const struct config_key *best = NULL;
    size_t least = name.size / 3 + 1;

    if (name.size < 2 || name.size > 63)
        return NULL;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const size_t changes = distance(name, config_keys[i].name);
        if (changes < least) {
            least = changes;
            best = &config_keys[i];
        }
    }
    return best;
}

void config_key_environment(const struct config_key *key, struct buf *out)
{
    buf_add_text(out, "PGCDC_");
    for (const char *c = key->name; *c; c++)
        buf_add_char(out, (char)toupper((unsigned char)*c));
}

const struct config_source *config_key_source(const struct config_key *key,
                                              const struct config *config)
{
    return &config->sources[key - config_keys];
}
