/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/attempt.h"

#include <stdio.h>

#include "base/mem.h"
#include "capture/epoch.h"
#include "capture/session_parts.h"
#include "capture/timeline.h"
#include "net/loop.h"
#include "sql/quote.h"
#include "sql/sql.h"

#define PATIENCE_MS 2000 /* a slot that takes longer to be made waits for somebody */

static void start_slot(struct session *session);

/* An answer that is no answer: the connection is lost (its down() follows), or the server said no.
 */
static bool has_failed(struct session *session, const struct sql_answer *answer, const char *what)
{
    CLEANUP(buf_release) struct buf why = BUF_INIT;

    if (answer->status == OK)
        return false;
    if (answer->status == ERR_CLOSED)
        return true;
    buf_printf(&why, "%s: %s", what, answer->message);
    session_fail(session, CAPTURE_CONNECTING, buf_text(&why));
    return true;
}

static void add_gap(struct session *session, const char *reason)
{
    /* Who has heard nothing misses nothing; and one reason is enough. */
    if (session->has_streamed && session->gap.size == 0)
        buf_add_text(&session->gap, reason);
}

/* ---- the slot, by the side connection ---- */

static enum source_plugin wanted_plugin(const struct session *session)
{
    switch (session->config.plugin) {
    case CAPTURE_AUTO:
        break;
    case CAPTURE_PGOUTPUT:
        return SOURCE_PGOUTPUT;
    case CAPTURE_WAL2JSON:
        return SOURCE_WAL2JSON;
    }
    /* A slot that exists has made the choice. */
    if (!session->info.exists)
        return SOURCE_AUTO;
    return slice_is(slice_text(session->info.plugin), "wal2json") ? SOURCE_WAL2JSON
                                                                  : SOURCE_PGOUTPUT;
}

static const char *plugin_text(enum source_plugin plugin)
{
    return plugin == SOURCE_WAL2JSON ? "wal2json" : "pgoutput";
}

static void on_plan(void *arg, const struct source_plan *plan, const struct fault *why);

static void check_source(struct session *session)
{
    const struct source_config config = {wanted_plugin(session), !session->info.exists};

    session->step = STEP_CHECK;
    session->check =
        source_check(side_sql(session->side), &config, session->publication, on_plan, session);
}

static void on_slot_dropped(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;

    if (session->step != STEP_SLOT || has_failed(session, answer, "dropping the lost slot"))
        return;
    session->info.exists = false;
    check_source(session);
}

static void replace_lost_slot(struct session *session, const struct fault *why)
{
    session_say(session, LOG_ERROR, why->text);
    add_gap(session, why->text);
    sql_ask(side_sql(session->side), "SELECT pg_catalog.pg_drop_replication_slot($1)",
            (const char *[]){session->slot}, 1, on_slot_dropped, session);
}

static void note_missing(struct session *session)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (session->is_temporary) {
        add_gap(session, "the connection to the database was lost");
        return;
    }
    add_gap(session, "the replication slot was dropped");
    buf_printf(&text, "slot %s: does not exist and is made; no earlier position can be resumed",
               session->slot);
    session_say(session, session->has_streamed ? LOG_ERROR : LOG_WARNING, buf_text(&text));
}

static void on_walsender_ended(void *arg, const struct sql_answer *answer)
{
    (void)arg;
    (void)answer; /* the next look at the slot tells */
}

/* Our connection is gone, but its other end has not noticed: it would hold the slot until
 * wal_sender_timeout. */
static void end_own_walsender(struct session *session)
{
    char pid[16];

    (void)snprintf(pid, sizeof pid, "%d", session->walsender);
    sql_ask(side_sql(session->side), slot_end_holder, (const char *[]){session->slot, pid}, 2,
            on_walsender_ended, session);
}

static void judge_slot(struct session *session)
{
    const char *plugin =
        session->config.plugin == CAPTURE_AUTO ? NULL : plugin_text(wanted_plugin(session));
    struct fault fault;
    bool is_own;

    switch (slot_judge(&session->info, session->slot, plugin, &fault)) {
    case SLOT_MISSING:
        note_missing(session);
        check_source(session);
        break;
    case SLOT_USABLE:
        if (session->info.confirmed > stream_settled(session->stream) + 1)
            add_gap(session, "the replication slot was used by another consumer");
        session->confirmed = session->info.confirmed;
        check_source(session);
        break;
    case SLOT_BUSY:
        is_own = session->info.active_pid == session->walsender;
        if (is_own)
            end_own_walsender(session);
        session_fail(session, is_own ? CAPTURE_CONNECTING : CAPTURE_STANDBY, fault.text);
        break;
    case SLOT_LOST:
        replace_lost_slot(session, &fault);
        break;
    case SLOT_WRONG:
        session_fail(session, CAPTURE_CONNECTING, fault.text);
        break;
    }
}

static void on_slot(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;

    if (session->step != STEP_SLOT || has_failed(session, answer, "looking for the slot"))
        return;
    slot_read(&session->info, answer);
    judge_slot(session);
}

static void name_slot(struct session *session)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    mem_free(session->slot);
    if (session->is_temporary) {
        slot_random_name(&name);
        session->slot = mem_text(buf_text(&name));
    } else {
        session->slot = mem_text(session->config.slot_name);
    }
}

void attempt_side_up(struct session *session)
{
    name_slot(session);
    session->step = STEP_SLOT;
    sql_ask(side_sql(session->side), slot_query, (const char *[]){session->slot}, 1, on_slot,
            session);
}

void attempt_begin(struct session *session)
{
    session->step = STEP_SIDE;
    if (sql_is_up(side_sql(session->side)))
        attempt_side_up(session);
}

/* ---- the plan ---- */

static struct decoder *new_decoder(struct session *session)
{
    struct decoder_config config = stream_decoder_config(session->stream);

    config.protocol = session->must_wait ? 1 : session->config.pgoutput_protocol;
    config.spill_memory = session->config.spill_memory;
    config.spill_directory = session->config.spill_directory;
    if (session->plugin != SOURCE_WAL2JSON)
        return decoder_pgoutput_new(&config);
    return session->config.wal2json_format == 1 ? decoder_wal2json_v1_new(&config)
                                                : decoder_wal2json_v2_new(&config);
}

static void dial(struct session *session)
{
    session->step = STEP_DIAL;
    sql_connect(session->replication);
}

static void on_skipped(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;

    if (session->step != STEP_CHECK || has_failed(session, answer, "moving the stuck slot on"))
        return;
    session->must_skip = false;
    add_gap(session, "the server could not decode what comes next, the slot was moved on");
    if (lsn_parse(sql_value(answer, 0, 0), &session->confirmed) != OK)
        session->confirmed = session->info.confirmed;
    dial(session);
}

/* What the server cannot decode it would not decode next time, either. */
static void skip_stuck(struct session *session)
{
    sql_ask(side_sql(session->side), slot_skip, (const char *[]){session->slot}, 1, on_skipped,
            session);
}

static void on_plan(void *arg, const struct source_plan *plan, const struct fault *why)
{
    struct session *session = arg;

    session->check = NULL;
    if (!plan) {
        session_fail(session, CAPTURE_CONNECTING, why->text);
        return;
    }
    if (plan->warning)
        session_say(session, LOG_WARNING, plan->warning);
    if (!session->decoder || session->plugin != plan->plugin) {
        decoder_free(session->decoder);
        session->plugin = plan->plugin;
        session->decoder = new_decoder(session);
    }
    mem_free(session->publication_names);
    session->publication_names = mem_text(plan->publication_names);
    session->is_publishing = plan->publication_names != NULL;
    if (session->must_skip && session->info.exists)
        skip_stuck(session);
    else
        dial(session);
}

/* ---- the replication connection ---- */

static void set_text(char **text, struct slice value)
{
    mem_free(*text);
    *text = mem_text_n(value.at, value.size);
}

/* Another server, or another history of this one, has other rows at the same positions. */
static void compare_system(struct session *session, const struct sql_answer *answer)
{
    const struct slice system = sql_value(answer, 0, 0), timeline = sql_value(answer, 0, 1);

    mem_free_at(&session->timeline_left);
    if (session->system && !slice_is(system, session->system)) {
        add_gap(session, "the database is another one");
    } else if (session->timeline && !slice_is(timeline, session->timeline)) {
        session->timeline_left = session->timeline;
        session->timeline = NULL;
    }
    set_text(&session->system, system);
    set_text(&session->timeline, timeline);
}

static void fail_slot(struct session *session, const struct sql_answer *answer)
{
    struct fault fault;
    CLEANUP(buf_release) struct buf why = BUF_INIT;

    if (answer->status == ERR_CLOSED)
        return; /* down() follows */
    (void)source_slot_fault(&fault, session->plugin, answer);
    if (!session->is_temporary) /* else another name for each attempt, and the same words as news */
        buf_printf(&why, "slot %s: ", session->slot);
    buf_add_text(&why, fault.text);
    session_fail(session, CAPTURE_CONNECTING, buf_text(&why));
}

static void on_created(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;

    timer_stop(session->patience);
    if (answer->status != OK) {
        fail_slot(session, answer);
        return;
    }
    if (lsn_parse(sql_value(answer, 0, 1), &session->confirmed) != OK)
        session->confirmed = LSN_NONE;
    start_slot(session);
}

static enum slot_kind kind_of_slot(const struct session *session)
{
    if (session->is_temporary)
        return SLOT_TEMPORARY;
    return session->config.is_failover && sql_server_version(session->replication) >= 170000
               ? SLOT_FAILOVER
               : SLOT_DURABLE;
}

static void have_slot(struct session *session)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (session->info.exists) {
        start_slot(session);
        return;
    }
    session->step = STEP_CREATE;
    timer_start(session->patience, PATIENCE_MS, PATIENCE_MS);
    slot_add_create(&text, session->slot, plugin_text(session->plugin), kind_of_slot(session));
    sql_ask(session->replication, buf_text(&text), NULL, 0, on_created, session);
}

/* A standby was promoted, perhaps without the end of what we had read; or we are at the old
 * primary again. */
static void on_history(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;

    if (answer->status == ERR_CLOSED)
        return; /* down() follows */
    const lsn left =
        answer->status == OK && answer->rows == 1
            ? timeline_left_at(sql_value(answer, 0, 1), slice_text(session->timeline_left))
            : LSN_NONE;
    if (left <= stream_settled(session->stream))
        add_gap(session, "the database has a new timeline, which lacks the end of the old one");
    have_slot(session);
}

static void on_identified(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (has_failed(session, answer, "IDENTIFY_SYSTEM"))
        return;
    compare_system(session, answer);
    if (lsn_parse(sql_value(answer, 0, 2), &session->target) != OK)
        session->target = LSN_NONE;
    if (session->target < stream_settled(session->stream))
        add_gap(session, "the database is behind what it has sent before, it was restored");
    if (!session->timeline_left) {
        have_slot(session);
        return;
    }
    buf_printf(&text, "TIMELINE_HISTORY %s", session->timeline);
    sql_ask(session->replication, buf_text(&text), NULL, 0, on_history, session);
}

void attempt_replication_up(struct session *session)
{
    session->step = STEP_IDENTIFY;
    sql_ask(session->replication, "IDENTIFY_SYSTEM", NULL, 0, on_identified, session);
}

static void on_blockers(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (session->step != STEP_CREATE || answer->status != OK || answer->rows == 0)
        return;
    buf_printf(&text, "slot %s: cannot be made before open transactions end; the oldest is of %.*s",
               session->slot, SLICE_ARG(sql_value(answer, 0, 0)));
    state_board_write(session->board, CAPTURE_CONNECTING, buf_text(&text));
    session_say(session, LOG_WARNING, buf_text(&text));
}

void attempt_say_who_blocks(struct session *session)
{
    if (session->step != STEP_CREATE || sql_pending(side_sql(session->side)) > 0)
        return;
    sql_ask(side_sql(session->side),
            "SELECT coalesce('process ' || pid, 'a prepared transaction')"
            " FROM pg_catalog.pg_locks"
            " WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted"
            " ORDER BY pg_catalog.age(transactionid) DESC LIMIT 1",
            NULL, 0, on_blockers, session);
}

/* ---- the stream ---- */

static uint64_t epoch_now(const struct session *session)
{
    const bool is_json = session->plugin == SOURCE_WAL2JSON;
    const char *json = session->config.wal2json_format == 1 ? "wal2json 1" : "wal2json 2";
    const struct epoch_facts facts = {
        .system = slice_text(session->system),
        .database = slice_text(session->info.database),
        .slot = slice_text(session->slot),
        .plugin = slice_text(is_json ? json : "pgoutput"),
    };

    return epoch_of(&facts);
}

static void on_started(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;

    if (answer->status != OK) {
        fail_slot(session, answer);
        return;
    }
    if (!answer->is_copy) {
        session_fail(session, CAPTURE_CONNECTING, "START_REPLICATION began no stream");
        return;
    }
    session->walsender = sql_backend_pid(session->replication);
    const struct stream_start start = {
        .decoder = session->decoder,
        .slot = session->slot,
        .epoch = epoch_now(session),
        .target = session->target,
        .confirmed = session->confirmed,
        .wal_sender_timeout_ms = session->info.wal_sender_timeout_ms,
        .gap = session->gap.size > 0 ? buf_text(&session->gap) : NULL,
    };
    session->step = STEP_STREAM;
    stream_begin(session->stream, &start);
}

static void start_slot(struct session *session)
{
    CLEANUP(buf_release) struct buf options = BUF_INIT;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    session->step = STEP_START;
    session->decoder->ops->add_options(session->decoder, sql_server_version(session->replication),
                                       &options);
    if (session->publication_names) {
        buf_add_text(&options, ", \"publication_names\" ");
        sql_quote_literal(&options, slice_text(session->publication_names));
    }
    slot_add_start(&text, session->slot, buf_slice(&options));
    sql_ask(session->replication, buf_text(&text), NULL, 0, on_started, session);
}
