/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/conninfo.h"

#include <assert.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "base/mem.h"

/* A name that a server does not know would make it refuse us, so here are only settings of
 * PostgreSQL 11 and before; sql.c sets the younger ones when it knows the version.  It also sets
 * default_transaction_read_only, by which libpq tells what target_session_attrs = read-write is not
 * to take: an old primary that was fenced in this way. */
static const char OUR_OPTIONS[] =
    "-c search_path=public -c DateStyle=ISO -c IntervalStyle=postgres -c TimeZone=UTC "
    "-c bytea_output=hex -c extra_float_digits=1 -c standard_conforming_strings=on "
    "-c xmlbinary=base64 -c row_security=on "
    "-c default_transaction_isolation=read\\ committed -c jit=off -c statement_timeout=0 "
    "-c lock_timeout=0 -c idle_in_transaction_session_timeout=0";

static bool is_uri(const char *text)
{
    return strncmp(text, "postgres://", 11) == 0 || strncmp(text, "postgresql://", 13) == 0;
}

/* libpq takes anything else for the name of a database. */
static bool is_parsed(const char *text)
{
    return is_uri(text) || strchr(text, '=');
}

/* libpq's words about a broken conninfo quote what is broken, which may be the password: only
 * what stands before the first quote is told. */
static enum status refuse(struct fault *fault, const char *words)
{
    const size_t size = strcspn(words ? words : "", "\"\n");
    struct slice said = slice_trim(slice_of(words, words ? size : 0));

    while (said.size > 0 && strchr(":,", said.at[said.size - 1]))
        said.size--;
    return fault_set(fault, ERR_CONFIG,
                     "the database's URI or keywords cannot be understood (%.*s); right would be "
                     "postgres://user@host:5432/database or host=... dbname=...",
                     SLICE_ARG(said));
}

/* The value of one keyword, owned; NULL where it is not set.  ERR_CONFIG as conninfo_check. */
static enum status find_keyword(const char *text, const char *keyword, char **out_value,
                                struct fault *fault)
{
    char *words = NULL;

    *out_value = NULL;
    if (!is_parsed(text))
        return OK;

    PQconninfoOption *options = PQconninfoParse(text, &words);
    if (!options) {
        (void)refuse(fault, words);
        PQfreemem(words);
        return ERR_CONFIG;
    }
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        if (strcmp(option->keyword, keyword) == 0)
            *out_value = mem_text(option->val);
    }
    PQconninfoFree(options);
    return OK;
}

static char *join_options(const char *users)
{
    CLEANUP(buf_release) struct buf all = BUF_INIT;

    if (users && users[0] != '\0') {
        buf_add_text(&all, users);
        buf_add_char(&all, ' ');
    }
    buf_add_text(&all, OUR_OPTIONS);
    return mem_text_n(all.at, all.size);
}

static void set(struct conninfo *info, size_t *count, const char *key, const char *value)
{
    assert(*count + 1 < sizeof info->keys / sizeof info->keys[0]);
    info->keys[*count] = key;
    info->values[*count] = value;
    ++*count;
}

enum status conninfo_init(struct conninfo *info, const char *text, const char *application_name,
                          bool is_replication, struct fault *fault)
{
    CLEANUP(mem_free_at) char *users = NULL;
    size_t count = 0;

    if (find_keyword(text, "options", &users, fault) != OK)
        return ERR_CONFIG;

    *info = (struct conninfo){0};
    info->database = mem_text(text);
    /* The environment is not changed once threads run. */
    info->options =
        join_options(users ? users : getenv("PGOPTIONS")); /* NOLINT(concurrency-mt-unsafe) */
    info->application_name = mem_text(application_name ? application_name : "pgcdc");

    set(info, &count, "keepalives_idle", "10");
    set(info, &count, "keepalives_interval", "5");
    set(info, &count, "keepalives_count", "4");
    set(info, &count, "tcp_user_timeout", "30000");
    set(info, &count, "fallback_application_name", info->application_name);
    set(info, &count, "dbname", info->database); /* what comes after it wins over what is in it */
    set(info, &count, "options", info->options);
    set(info, &count, "client_encoding", "UTF8");
    if (is_replication)
        set(info, &count, "replication", "database");
    return OK;
}

void conninfo_release(struct conninfo *info)
{
    mem_free(info->database);
    mem_free(info->options);
    mem_free(info->application_name);
    *info = (struct conninfo){0};
}

enum status conninfo_check(const char *text, struct fault *fault)
{
    CLEANUP(mem_free_at) char *unused = NULL;

    return find_keyword(text, "options", &unused, fault);
}

char *conninfo_password(const char *text)
{
    char *password = NULL;

    return find_keyword(text, "password", &password, NULL) == OK ? password : NULL;
}

/* The size of the password that begins at `text`, which follows "://user:"; 0: there is none. */
static size_t uri_password_size(struct slice text)
{
    size_t size = 0;

    for (size_t i = 0; i < text.size && !strchr(" \t\n\"'/?", text.at[i]); i++) {
        if (text.at[i] == '@')
            size = i;
    }
    return size;
}

/* The size of the value that begins at `text`, which follows "password=". */
static size_t keyword_value_size(struct slice text)
{
    const bool is_quoted = text.size > 0 && text.at[0] == '\'';
    size_t i = is_quoted ? 1 : 0;

    for (; i < text.size; i++) {
        if (text.at[i] == '\\' && i + 1 < text.size)
            i++;
        else if (is_quoted ? text.at[i] == '\'' : strchr(" \t\n&\"", text.at[i]) != NULL)
            break;
    }
    return i + (is_quoted && i < text.size ? 1U : 0U);
}

/* How much of the message, from `at` on, is a secret? */
static size_t secret_size(struct slice message, size_t at, struct slice secret)
{
    const struct slice rest = slice_from(message, at);
    const struct slice before = slice_of(message.at, at);
    const struct slice keyword = SLICE("password=");

    if (secret.size > 3 && slice_starts(rest, secret))
        return secret.size;
    if (before.size >= keyword.size &&
        memcmp(before.at + at - keyword.size, keyword.at, keyword.size) == 0)
        return keyword_value_size(rest);
    if (before.size > 0 && before.at[at - 1] == ':') {
        const char *start = memmem(before.at, before.size, "://", 3);
        if (start && start + 3 < before.at + at)
            return uri_password_size(rest);
    }
    return 0;
}

void conninfo_mask(struct buf *out, struct slice message, const char *secret)
{
    bool is_space = false, is_new_line = false;

    while (message.size > 0 && strchr(" \t\r\n", message.at[message.size - 1]))
        message.size--;
    for (size_t i = 0; i < message.size; i++) {
        const size_t size = secret_size(message, i, slice_text(secret));
        if (size > 0) {
            buf_add_text(out, is_new_line ? "; ***" : is_space ? " ***" : "***");
            is_space = is_new_line = false;
            i += size - 1;
            continue;
        }
        if (strchr("\n\t\r", message.at[i])) {
            is_new_line |= message.at[i] == '\n';
            is_space = true;
            continue;
        }
        if (is_space)
            buf_add_text(out, is_new_line ? "; " : " ");
        is_space = is_new_line = false;
        buf_add_char(out, message.at[i]);
    }
}
