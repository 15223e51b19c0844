/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/publication.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "catalog/publication_sql.h"
#include "catalog/publication_tell.h"
#include "sql/quote.h"
#include "sql/sql.h"

/*
 * publication_ensure:  state --missing--> create --+--> differences --> alter, alter, ... --> done
 *                        |----- ours, there -------|
 *                        |----- somebody else's: warn if it harms, done
 *                        |----- missing, and we may not: the remedy
 * publication_keep:                                     differences --> alter, alter, ...
 *
 * A statement that fails (a lock that somebody holds for long, a table dropped meanwhile) is tried
 * again by the next publication_keep, table by table.
 */
#define BATCH 100 /* tables in one ALTER PUBLICATION */

enum work { WORK_NONE, WORK_ENSURE, WORK_KEEP };

struct publication {
    char *name, *inserts_name; /* owned */
    struct publication_names names;
    struct publication_voice voice;

    struct sql *sql; /* borrowed, while there is work */
    enum work work;
    publication_done_fn *done; /* of WORK_ENSURE */
    void *done_arg;

    bool is_ensured, is_kept, is_lost;
    int expected;     /* publications that must exist */
    char joined[300]; /* what done() is told */
    bool was_created; /* by this publication_ensure, once */
    size_t batch;
    size_t asked;         /* ALTERs not yet answered */
    bool has_failed;      /* one of them */
    struct fault failure; /* the last that was logged, so that it is not logged each second */
    char warned_oid[24];  /* tables up to this one were warned of */
};

static void ask_state(struct publication *p);

static void say(struct publication *p, enum log_level level, const char *text)
{
    if (p->voice.log)
        p->voice.log(p->voice.arg, level, text);
}

static void finish(struct publication *p, const struct fault *why)
{
    const bool is_ensure = p->work == WORK_ENSURE;

    p->work = WORK_NONE;
    p->sql = NULL;
    if (!is_ensure)
        return;
    p->is_ensured = !why;
    p->done(p->done_arg, why ? NULL : p->joined, why);
}

/* An answer that is not OK ends the work. */
static void give_up(struct publication *p, const char *what, const struct sql_answer *answer)
{
    struct fault why;

    (void)fault_set(&why, answer->status, "publication %s: %s: %s%s%s", p->name, what,
                    answer->message, answer->hint[0] != '\0' ? "; " : "", answer->hint);
    finish(p, &why);
}

static void join_names(struct publication *p, bool has_update, bool has_inserts)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (has_update)
        sql_quote_identifier(&text, slice_text(p->name));
    if (has_update && has_inserts)
        buf_add_char(&text, ',');
    if (has_inserts)
        sql_quote_identifier(&text, slice_text(p->inserts_name));
    (void)snprintf(p->joined, sizeof p->joined, "%s", buf_text(&text));
    p->expected = (has_update ? 1 : 0) + (has_inserts ? 1 : 0);
}

static void ask_names(struct publication *p, const char *text, const char *third, sql_answer_fn *fn)
{
    const char *params[3] = {p->name, p->inserts_name, third};

    sql_ask(p->sql, text, params, third ? 3 : 2, fn, p);
}

static void on_harmed(void *arg, const struct sql_answer *answer)
{
    struct publication *p = arg;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (answer->status != OK) {
        give_up(p, "its tables cannot be read", answer);
        return;
    }
    if (answer->rows > 0) {
        struct publication_table *tables = publication_tables_of(answer, 0, false);
        buf_printf(&text,
                   "publication %s: UPDATE and DELETE fail on tables without a replica identity "
                   "that it publishes (not pgcdc made it so): ",
                   p->name);
        publication_add_names(&text, tables, (size_t)answer->rows);
        buf_add_text(&text, "; give each a primary key or ALTER TABLE ... REPLICA IDENTITY FULL");
        say(p, LOG_WARNING, buf_text(&text));
        mem_free(tables);
    }
    finish(p, NULL);
}

static void on_altered(void *arg, const struct sql_answer *answer)
{
    struct publication *p = arg;

    p->asked--;
    if (answer->status != OK) {
        p->has_failed = true;
        if (strcmp(p->failure.text, answer->message) != 0 && p->batch == 1) {
            CLEANUP(buf_release) struct buf text = BUF_INIT;
            buf_printf(&text, "publication %s: will be put right later: %s", p->name,
                       answer->message);
            say(p, LOG_WARNING, buf_text(&text));
            (void)fault_set(&p->failure, answer->status, "%s", answer->message);
        }
    }
    if (p->asked > 0)
        return;
    p->batch = p->has_failed ? 1 : BATCH;
    if (!p->has_failed)
        p->failure.text[0] = '\0';
    finish(p, NULL);
}

static void ask_statement(void *arg, const char *text)
{
    struct publication *p = arg;

    p->asked++;
    sql_ask(p->sql, text, NULL, 0, on_altered, p);
}

/* Rows come in the order of their oids. */
static void remember_oid(struct publication *p, struct slice last)
{
    uint64_t oid = 0, warned = 0;

    if (slice_to_u64(last, UINT32_MAX, &oid) == OK &&
        slice_to_u64(slice_text(p->warned_oid), UINT32_MAX, &warned) == OK && oid > warned)
        (void)snprintf(p->warned_oid, sizeof p->warned_oid, "%" PRIu64, oid);
}

static void on_differences(void *arg, const struct sql_answer *answer)
{
    struct publication *p = arg;
    char existing[16];

    if (answer->status != OK) {
        give_up(p, "its tables cannot be compared", answer);
        return;
    }
    (void)snprintf(existing, sizeof existing, "%d", p->expected);
    if (!slice_is(sql_value(answer, 0, 0), existing)) {
        p->is_lost = true;
        finish(p, NULL);
        return;
    }
    if (!p->is_kept || sql_is_null(answer, 0, 1)) {
        finish(p, NULL);
        return;
    }

    struct publication_table *tables = publication_tables_of(answer, 2, true);
    p->has_failed = false;
    publication_sql_alter(&p->names, tables, (size_t)answer->rows, p->batch, ask_statement, p);
    if (p->batch > 1)
        publication_tell(&p->voice, tables, (size_t)answer->rows);
    remember_oid(p, sql_value(answer, answer->rows - 1, 1));
    mem_free(tables);
    if (p->asked == 0)
        finish(p, NULL);
}

static void ask_differences(struct publication *p)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    publication_sql_differences(&text, &p->names);
    ask_names(p, buf_text(&text), p->warned_oid, on_differences);
}

static void on_created(void *arg, const struct sql_answer *answer)
{
    struct publication *p = arg;

    /* 42710: another pgcdc was quicker. */
    if (answer->status == OK || (strcmp(answer->sqlstate, "42710") == 0 && !p->was_created)) {
        p->was_created = true;
        ask_state(p);
        return;
    }
    give_up(p, "cannot be made", answer);
}

static void on_identified(void *arg, const struct sql_answer *answer)
{
    struct publication *p = arg;
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct fault why;

    if (answer->status != OK) {
        give_up(p, "tables cannot be listed", answer);
        return;
    }
    struct publication_table *tables = publication_tables_of(answer, 0, false);
    publication_sql_remedy(&text, &p->names, tables, (size_t)answer->rows);
    mem_free(tables);
    (void)fault_set(&why, ERR_DENIED,
                    "publication %s does not exist, and this role may not make it: it owns no "
                    "table, or has no CREATE on the database; let an administrator run: %s",
                    p->name, buf_text(&text));
    finish(p, &why);
}

/* What publication_sql_state() tells, and what follows from it. */
struct found {
    bool is_superuser, may_create, is_standby;
    struct {
        bool exists, is_ours, may_alter, is_via_root;
    } update, inserts;
    bool has_ours, has_others;
    struct slice others;
};

static struct found found_of(const struct sql_answer *answer)
{
    struct found found = {
        sql_is_true(answer, 0, 0),
        sql_is_true(answer, 0, 1),
        sql_is_true(answer, 0, 2),
        {sql_is_true(answer, 0, 5), sql_is_true(answer, 0, 6), sql_is_true(answer, 0, 7),
         sql_is_true(answer, 0, 8)},
        {sql_is_true(answer, 0, 10), sql_is_true(answer, 0, 11), sql_is_true(answer, 0, 12),
         sql_is_true(answer, 0, 13)},
        !slice_is(sql_value(answer, 0, 15), "0"),
        !slice_is(sql_value(answer, 0, 16), "0"),
        sql_value(answer, 0, 16),
    };

    return found;
}

static void refuse(struct publication *p, const struct found *found)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct fault why;

    if (found->is_standby) {
        (void)fault_set(&why, ERR_DENIED,
                        "publication %s does not exist, and none can be made on a standby: start "
                        "pgcdc once on the primary, or make it there by hand",
                        p->name);
        finish(p, &why);
        return;
    }
    publication_sql_identified(&text, &p->names);
    sql_ask(p->sql, buf_text(&text), NULL, 0, on_identified, p);
}

static void create(struct publication *p, const struct found *found)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    publication_sql_create(&text, &p->names, !found->update.exists, !found->inserts.exists,
                           found->is_superuser);
    sql_ask(p->sql, buf_text(&text), NULL, 0, on_created, p);
}

/* Both are there and ours. */
static void keep_ours(struct publication *p, const struct found *found)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    p->is_kept = true;
    join_names(p, true, true);
    if (found->has_others && !found->is_superuser) {
        buf_printf(&text,
                   "publication %s: %.*s tables belong to roles that this one is no member of and "
                   "are not published; GRANT their owners to this role, or make the publications "
                   "as an administrator",
                   p->name, SLICE_ARG(found->others));
        say(p, LOG_WARNING, buf_text(&text));
    }
    ask_differences(p);
}

static void on_root_set(void *arg, const struct sql_answer *answer)
{
    struct publication *p = arg;

    if (answer->status == OK)
        ask_state(p);
    else
        give_up(p, "publish_via_partition_root cannot be set", answer);
}

/* Both ours, but one was made under the other setting. */
static bool corrects_root(struct publication *p, const struct found *found)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const bool update_differs = found->update.is_via_root != p->names.is_via_root;
    const bool inserts_differs = found->inserts.is_via_root != p->names.is_via_root;

    if (p->names.server_version < 130000 || (!update_differs && !inserts_differs))
        return false;
    publication_sql_set_root(&text, update_differs ? p->name : p->inserts_name,
                             p->names.is_via_root);
    sql_ask(p->sql, buf_text(&text), NULL, 0, on_root_set, p);
    return true;
}

static void on_state(void *arg, const struct sql_answer *answer)
{
    struct publication *p = arg;

    if (answer->status != OK || answer->rows != 1) {
        give_up(p, "cannot be looked up", answer);
        return;
    }
    const struct found found = found_of(answer);
    const bool is_theirs =
        found.update.exists && (!found.update.is_ours || !found.update.may_alter);
    const bool may_create =
        found.is_superuser || (found.may_create && (found.has_ours || !found.has_others));

    p->is_kept = false;
    if (is_theirs || found.is_standby) {
        if (!found.update.exists) {
            refuse(p, &found);
            return;
        }
        join_names(p, true, found.inserts.exists);
        ask_names(p, publication_sql_harmed(), NULL, on_harmed);
        return;
    }
    if (found.update.exists && found.inserts.exists) {
        if (!corrects_root(p, &found))
            keep_ours(p, &found);
        return;
    }
    if (may_create)
        create(p, &found);
    else
        refuse(p, &found);
}

static void ask_state(struct publication *p)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    p->names.server_version = sql_server_version(p->sql);
    publication_sql_state(&text, &p->names);
    ask_names(p, buf_text(&text), NULL, on_state);
}

struct publication *publication_new(const struct publication_config *config,
                                    publication_log_fn *log, void *arg)
{
    struct publication *p = mem_new(sizeof *p);
    CLEANUP(buf_release) struct buf inserts = BUF_INIT;

    buf_printf(&inserts, "%s_inserts", config->name);
    p->name = mem_text(config->name);
    p->inserts_name = mem_text(buf_text(&inserts));
    p->names = (struct publication_names){p->name, p->inserts_name, config->is_via_root, 0};
    p->voice = (struct publication_voice){log, arg};
    p->batch = BATCH;
    (void)snprintf(p->warned_oid, sizeof p->warned_oid, "0");
    return p;
}

void publication_free(struct publication *p)
{
    if (!p)
        return;
    if (p->sql)
        sql_forget(p->sql, p);
    mem_free(p->name);
    mem_free(p->inserts_name);
    mem_free(p);
}

void publication_reset(struct publication *p)
{
    p->work = WORK_NONE;
    p->sql = NULL;
    p->asked = 0;
    p->is_ensured = false;
}

void publication_ensure(struct publication *p, struct sql *sql, publication_done_fn *done,
                        void *arg)
{
    if (p->sql)
        sql_forget(p->sql, p);
    publication_reset(p);
    p->work = WORK_ENSURE;
    p->sql = sql;
    p->done = done;
    p->done_arg = arg;
    p->is_lost = p->was_created = false;
    p->batch = BATCH;
    ask_state(p);
}

void publication_keep(struct publication *p, struct sql *sql)
{
    if (p->work != WORK_NONE || !p->is_ensured || p->is_lost || !sql_is_up(sql))
        return;
    p->work = WORK_KEEP;
    p->sql = sql;
    ask_differences(p);
}

bool publication_is_lost(const struct publication *p)
{
    return p->is_lost;
}
