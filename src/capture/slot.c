/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/slot.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/random.h"
#include "sql/quote.h"
#include "sql/sql.h"

void slot_random_name(struct buf *out)
{
    struct random random;

    random_init_system(&random);
    buf_printf(out, "pgcdc_%016" PRIx64, random_u64(&random));
}

/* wal_status exists from PostgreSQL 13 on: to_jsonb looks it up without naming it as a column. */
const char slot_query[] =
    "SELECT (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'),"
    " s.slot_name IS NOT NULL, s.slot_type = 'logical',"
    " s.database = pg_catalog.current_database(),"
    " pg_catalog.to_jsonb(s) ->> 'wal_status' = 'lost', coalesce(s.active_pid, 0), s.plugin,"
    " s.confirmed_flush_lsn,"
    " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    " FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = $1";

static uint64_t number_of(struct slice text)
{
    uint64_t number;

    return slice_to_u64(text, INT32_MAX, &number) == OK ? number : 0;
}

void slot_read(struct slot_info *out, const struct sql_answer *answer)
{
    *out = (struct slot_info){
        .wal_sender_timeout_ms = number_of(sql_value(answer, 0, 0)),
        .exists = sql_is_true(answer, 0, 1),
        .is_logical = sql_is_true(answer, 0, 2),
        .is_here = sql_is_true(answer, 0, 3),
        .is_lost = sql_is_true(answer, 0, 4),
        .active_pid = (int)number_of(sql_value(answer, 0, 5)),
    };
    (void)snprintf(out->plugin, sizeof out->plugin, "%.*s", SLICE_ARG(sql_value(answer, 0, 6)));
    if (lsn_parse(sql_value(answer, 0, 7), &out->confirmed) != OK)
        out->confirmed = LSN_NONE;
    (void)snprintf(out->database, sizeof out->database, "%.*s", SLICE_ARG(sql_value(answer, 0, 8)));
}

static enum slot_verdict judge_wrong(const struct slot_info *info, const char *name,
                                     const char *plugin, struct fault *fault)
{
    if (!info->is_logical) {
        (void)fault_set(fault, ERR_CONFIG, "slot %s: is a physical one; set another slot_name",
                        name);
    } else if (!info->is_here) {
        (void)fault_set(fault, ERR_CONFIG,
                        "slot %s: belongs to another database; set another slot_name", name);
    } else {
        (void)fault_set(fault, ERR_CONFIG,
                        "slot %s: decodes with plugin %s, not %s; set another slot_name, or drop "
                        "it: SELECT pg_drop_replication_slot('%s')",
                        name, info->plugin, plugin ? plugin : "pgoutput or wal2json", name);
    }
    return SLOT_WRONG;
}

static bool has_plugin(const struct slot_info *info, const char *plugin)
{
    const struct slice had = slice_text(info->plugin);

    return plugin ? slice_is(had, plugin) : slice_is(had, "pgoutput") || slice_is(had, "wal2json");
}

enum slot_verdict slot_judge(const struct slot_info *info, const char *name, const char *plugin,
                             struct fault *fault)
{
    if (!info->exists) {
        (void)fault_set(fault, ERR_NOT_FOUND, "slot %s: does not exist", name);
        return SLOT_MISSING;
    }
    if (!info->is_logical || !info->is_here || !has_plugin(info, plugin))
        return judge_wrong(info, name, plugin, fault);
    if (info->active_pid != 0) {
        (void)fault_set(fault, ERR_AGAIN, "slot %s: is in use by process %d, standing by", name,
                        info->active_pid);
        return SLOT_BUSY;
    }
    if (info->is_lost) {
        (void)fault_set(fault, ERR_CLOSED,
                        "slot %s: is lost (wal_status), the server has removed WAL that it needs: "
                        "max_slot_wal_keep_size is too small",
                        name);
        return SLOT_LOST;
    }
    return SLOT_USABLE;
}

bool slot_is_stuck(struct slice server_error)
{
    static const char *const starts[] = {"out of memory", "invalid memory alloc request size",
                                         "string buffer exceeds maximum allowed length"};
    const struct slice end = SLICE("\" does not exist");

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (slice_starts(server_error, slice_text(starts[i])))
            return true;
    }
    return slice_starts(server_error, SLICE("publication \"")) && server_error.size > end.size &&
           slice_equal(slice_from(server_error, server_error.size - end.size), end);
}

/* "filenode" before PostgreSQL 16. */
bool slot_is_too_early(struct slice server_error)
{
    return slice_starts(server_error, SLICE("could not map filen"));
}

const char slot_skip[] =
    "SELECT end_lsn FROM pg_catalog.pg_replication_slot_advance($1,"
    " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
    " ELSE pg_catalog.pg_current_wal_lsn() END)";

const char slot_retained[] =
    "SELECT pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()"
    " THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END,"
    " restart_lsn)::int8 FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";

const char slot_end_holder[] =
    "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_replication_slots s"
    " JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid"
    " WHERE s.slot_name = $1 AND a.pid = $2::int4 AND a.usename = current_user"
    " AND a.application_name = 'pgcdc'";

void slot_add_create(struct buf *out, const char *name, const char *plugin, enum slot_kind kind)
{
    buf_add_text(out, "CREATE_REPLICATION_SLOT ");
    sql_quote_identifier(out, slice_text(name));
    buf_printf(out, "%s LOGICAL ", kind == SLOT_TEMPORARY ? " TEMPORARY" : "");
    sql_quote_identifier(out, slice_text(plugin));
    buf_add_text(out,
                 kind == SLOT_FAILOVER ? " (SNAPSHOT 'nothing', FAILOVER)" : " NOEXPORT_SNAPSHOT");
}

void slot_add_start(struct buf *out, const char *name, struct slice options)
{
    buf_add_text(out, "START_REPLICATION SLOT ");
    sql_quote_identifier(out, slice_text(name));
    /* 0/0: from where the slot stands. */
    buf_printf(out, " LOGICAL 0/0 (%.*s)", SLICE_ARG(options));
}
