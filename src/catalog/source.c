/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "catalog/publication.h"
#include "sql/quote.h"
#include "sql/sql.h"

#define LIBRARIES_REMEDY                                                                           \
    "add to postgresql.conf: output_plugin_libraries = 'pgoutput,test_decoding,wal2json' "         \
    "and run: SELECT pg_reload_conf();"

/* One check, from the question to the answer. */
struct source_check {
    struct source_config config;
    struct publication *publication;
    source_done_fn *done;
    void *arg;
    struct sql *sql;
    struct source_plan plan;
    bool is_wal2json_barred; /* output_plugin_libraries is there and does not name it */
};

/* Column by column what judge() reads; output_plugin_libraries is NULL where
 * the server does not know it, and where the role may not see it (it must be in
 * pg_read_all_settings for that). */
static const char QUESTION[] =
    "SELECT r.rolname, r.rolsuper,"
    " r.rolreplication OR EXISTS (SELECT 1 FROM pg_catalog.pg_roles x"
    "  WHERE x.rolname = 'rds_replication' AND pg_catalog.pg_has_role(x.oid, 'MEMBER')),"
    " pg_catalog.current_setting('wal_level'), pg_catalog.current_setting('max_replication_slots'),"
    " pg_catalog.current_setting('max_wal_senders'),"
    " (SELECT count(*) FROM pg_catalog.pg_replication_slots)"
    "  < pg_catalog.current_setting('max_replication_slots')::int,"
    " pg_catalog.pg_is_in_recovery(),"
    " (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'output_plugin_libraries')"
    " FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

static void finish(struct source_check *check, const struct fault *why)
{
    check->done(check->arg, why ? NULL : &check->plan, why);
    mem_free(check);
}

/* Is `name` one of "pgoutput, test_decoding"? */
static bool list_has(struct slice list, const char *name)
{
    while (list.at) {
        struct slice item = slice_trim(slice_cut(&list, ','));
        if (item.size > 1 && item.at[0] == '"' && item.at[item.size - 1] == '"')
            item = slice_of(item.at + 1, item.size - 2);
        if (slice_is(item, name))
            return true;
    }
    return false;
}

static enum status judge_server(const struct sql *sql, const struct sql_answer *answer,
                                struct fault *fault)
{
    const int version = sql_server_version(sql);

    if (version < 110000)
        return fault_set(fault, ERR_REFUSED, "the server is PostgreSQL %s; 11 or later is needed",
                         sql_parameter(sql, "server_version"));
    if (sql_is_true(answer, 0, 7) && version < 160000)
        return fault_set(fault, ERR_REFUSED,
                         "the server is a standby; before PostgreSQL 16 changes can only be had "
                         "from the primary");
    if (!slice_is(sql_value(answer, 0, 3), "logical"))
        return fault_set(fault, ERR_REFUSED,
                         "wal_level is %.*s, not logical; as a superuser run: ALTER SYSTEM SET "
                         "wal_level = 'logical'; and restart PostgreSQL",
                         SLICE_ARG(sql_value(answer, 0, 3)));
    if (slice_is(sql_value(answer, 0, 5), "0"))
        return fault_set(fault, ERR_REFUSED,
                         "max_wal_senders is 0; as a superuser run: ALTER SYSTEM SET "
                         "max_wal_senders = 10; and restart PostgreSQL");
    return OK;
}

static enum status judge_role(const struct source_check *check, const struct sql_answer *answer,
                              struct fault *fault)
{
    CLEANUP(buf_release) struct buf role = BUF_INIT;

    if (!sql_is_true(answer, 0, 1) && !sql_is_true(answer, 0, 2)) {
        sql_quote_identifier(&role, sql_value(answer, 0, 0));
        return fault_set(fault, ERR_DENIED,
                         "role %s may not replicate; as a superuser run: ALTER ROLE %s REPLICATION;"
                         " (on Amazon RDS: GRANT rds_replication TO %s;)",
                         buf_text(&role), buf_text(&role), buf_text(&role));
    }
    if (check->config.is_slot_new && !sql_is_true(answer, 0, 6))
        return fault_set(fault, ERR_LIMIT,
                         "all %.*s replication slots are taken; look at SELECT slot_name, active "
                         "FROM pg_replication_slots; drop one that nobody needs by SELECT "
                         "pg_drop_replication_slot('...'); or ALTER SYSTEM SET "
                         "max_replication_slots to more and restart PostgreSQL",
                         SLICE_ARG(sql_value(answer, 0, 4)));
    return OK;
}

static enum status judge_libraries(struct source_check *check, const struct sql_answer *answer,
                                   struct fault *fault)
{
    const struct slice libraries = sql_value(answer, 0, 8);
    const bool is_known = !sql_is_null(answer, 0, 8) && libraries.size > 0;

    check->is_wal2json_barred = is_known && !list_has(libraries, "wal2json");
    if (check->config.plugin == SOURCE_WAL2JSON && check->is_wal2json_barred)
        return fault_set(fault, ERR_REFUSED,
                         "the server does not allow wal2json: output_plugin_libraries is "
                         "'%.*s'; " LIBRARIES_REMEDY " (or use plugin = pgoutput)",
                         SLICE_ARG(libraries));
    return OK;
}

static void on_publication(void *arg, const char *names, const struct fault *why)
{
    struct source_check *check = arg;
    struct fault warning;

    if (names) {
        check->plan.plugin = SOURCE_PGOUTPUT;
        check->plan.publication_names = names;
        finish(check, NULL);
        return;
    }
    /* Only what time will not heal is a reason to do without. */
    if (check->config.plugin == SOURCE_PGOUTPUT || check->is_wal2json_barred ||
        why->status != ERR_DENIED) {
        finish(check, why);
        return;
    }
    (void)fault_set(&warning, why->status, "wal2json is used instead of pgoutput: %s", why->text);
    check->plan.plugin = SOURCE_WAL2JSON;
    check->plan.warning = warning.text;
    finish(check, NULL);
}

static void on_answer(void *arg, const struct sql_answer *answer)
{
    struct source_check *check = arg;
    struct fault fault;

    if (answer->status != OK || answer->rows != 1) {
        (void)fault_set(&fault, answer->status == OK ? ERR_PARSE : answer->status,
                        "the server cannot be asked about itself: %s", answer->message);
        finish(check, &fault);
        return;
    }
    check->plan.is_superuser = sql_is_true(answer, 0, 1);
    check->plan.is_standby = sql_is_true(answer, 0, 7);
    if (judge_server(check->sql, answer, &fault) != OK || judge_role(check, answer, &fault) != OK ||
        judge_libraries(check, answer, &fault) != OK) {
        finish(check, &fault);
        return;
    }
    if (check->config.plugin == SOURCE_WAL2JSON || !check->publication) {
        check->plan.plugin = SOURCE_WAL2JSON;
        finish(check, NULL);
        return;
    }
    publication_ensure(check->publication, check->sql, on_publication, check);
}

struct source_check *source_check(struct sql *sql, const struct source_config *config,
                                  struct publication *publication, source_done_fn *done, void *arg)
{
    struct source_check *check = mem_new(sizeof *check);

    check->config = *config;
    check->publication = publication;
    check->done = done;
    check->arg = arg;
    check->sql = sql;
    sql_ask(sql, QUESTION, NULL, 0, on_answer, check);
    return check;
}

void source_cancel(struct source_check *check)
{
    if (!check)
        return;
    sql_forget(check->sql, check);
    if (check->publication) {
        sql_forget(check->sql, check->publication);
        publication_reset(check->publication);
    }
    mem_free(check);
}

static bool mentions(const struct sql_answer *answer, const char *word)
{
    return strstr(answer->message, word) || strstr(answer->detail, word) ||
           strstr(answer->hint, word);
}

enum status source_slot_fault(struct fault *fault, enum source_plugin plugin,
                              const struct sql_answer *answer)
{
    const char *name = plugin == SOURCE_WAL2JSON ? "wal2json" : "pgoutput";

    if (mentions(answer, "output_plugin_libraries"))
        return fault_set(fault, ERR_REFUSED,
                         "the server does not allow the plugin %s (%s); " LIBRARIES_REMEDY, name,
                         answer->message);
    if (strcmp(answer->sqlstate, "58P01") == 0 && mentions(answer, name))
        return fault_set(fault, ERR_REFUSED,
                         "the server has no plugin %s (%s); install it (Debian: "
                         "postgresql-NN-wal2json), or use plugin = pgoutput",
                         name, answer->message);
    if (strcmp(answer->sqlstate, "53400") == 0)
        return fault_set(fault, ERR_LIMIT,
                         "%s; drop a slot that nobody needs (SELECT slot_name, active FROM "
                         "pg_replication_slots;), or ALTER SYSTEM SET max_replication_slots to "
                         "more and restart PostgreSQL",
                         answer->message);
    return fault_set(fault, answer->status, "%s%s%s%s%s", answer->message,
                     answer->detail[0] != '\0' ? "; " : "", answer->detail,
                     answer->hint[0] != '\0' ? "; " : "", answer->hint);
}
