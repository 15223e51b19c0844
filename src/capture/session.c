/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/session.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "capture/attempt.h"
#include "capture/feedback.h"
#include "capture/session_parts.h"
#include "journal/journal.h"
#include "net/loop.h"
#include "sql/sql.h"

/* The owner of all parts, its timers, and what happens when an attempt ends either way. */

#define LACK_MAX 2       /* looks of KEEP_MS each */
#define KEEP_MS 1000     /* how often the publications are looked after */
#define SILENCE_MS 25000 /* what a question of no cost may take */
#define SILENCE_WORDS "no answer from the server for 25 s"
#define STANDBY_MS 1000 /* how often a busy slot is looked at, and up to half as much again */
#define FAREWELL_MS 5000
#define FLAPS_MAX 3
#define STEADY_MS 5000 /* a stream that lived that long was no failure */

/* ---- what is said ---- */

void session_say(struct session *session, enum log_level level, const char *text)
{
    const bool has_subject = slice_starts(slice_text(text), SLICE("slot ")) ||
                             slice_starts(slice_text(text), SLICE("publication: "));

    if (said_is_new(&session->said, text, loop_now_ms(session->loop)))
        log_line(level, "%s%s", has_subject ? "" : "capture: ", text);
}

static void on_publication_log(void *arg, enum log_level level, const char *text)
{
    session_say(arg, level, text);
}

static void on_notice(void *arg, struct slice text)
{
    (void)arg;
    log_debug("server: %.*s", SLICE_ARG(text));
}

/* What comes next is news, unless we go up and down all the time. */
static void change_state(struct session *session)
{
    if (session->flaps <= FLAPS_MAX)
        said_reset(&session->said);
}

/* ---- the end of an attempt ---- */

static uint64_t pause_ms(struct session *session, enum capture_phase phase)
{
    if (phase == CAPTURE_STANDBY)
        return STANDBY_MS + random_below(&session->backoff.random, STANDBY_MS / 2);
    return backoff_next_ms(&session->backoff);
}

void session_fail(struct session *session, enum capture_phase phase, const char *why)
{
    const uint64_t now = loop_now_ms(session->loop);

    if (session->step == STEP_STREAM) {
        session->flaps++;
        if (now - session->live_ms >= STEADY_MS) {
            backoff_reset(&session->backoff);
            session->flaps = 0;
        }
        change_state(session);
    }
    source_cancel(session->check);
    session->check = NULL;
    stream_end(session->stream);
    sql_disconnect(session->replication);
    timer_stop(session->patience);
    session->step = STEP_PAUSE;
    metrics_set(METRIC_CAPTURE_UP, 0);
    state_board_write(session->board, phase, why);
    session_say(session, LOG_WARNING, why);
    timer_start(session->retry, pause_ms(session, phase), 0);
}

static void on_retry(void *arg)
{
    attempt_begin(arg);
}

/* ---- streaming ---- */

static void on_live(void *arg)
{
    struct session *session = arg;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    session->has_streamed = true;
    session->live_ms = loop_now_ms(session->loop);
    change_state(session);
    buf_printf(&text, "slot %s: streaming with %s%s%s%s", session->slot,
               session->decoder->ops->plugin, session->gap.size ? ", after a gap: " : "",
               session->gap.size ? buf_text(&session->gap) : "",
               session->is_temporary ? " (temporary slot)" : "");
    session_say(session, LOG_INFO, buf_text(&text));
    buf_reset(&session->gap);
    metrics_set(METRIC_CAPTURE_UP, 1);
    metrics_add(METRIC_CAPTURE_CONNECTS, 1);
    state_board_write(session->board, CAPTURE_STREAMING, buf_text(&text));
}

static void on_rebuilding(void *arg, lsn received, lsn target)
{
    struct session *session = arg;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    buf_printf(&text, "slot %s: %" PRIu64 " bytes of WAL are still to be read", session->slot,
               received < target ? target - received : 0);
    state_board_write(session->board, CAPTURE_REBUILDING, buf_text(&text));
}

static void on_trouble(void *arg, const char *why)
{
    struct session *session = arg;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    buf_printf(&text, "slot %s: %s%s", session->slot,
               why ? "held up: " : "streaming again, there is room for spilled changes",
               why ? why : "");
    change_state(session);
    session_say(session, why ? LOG_ERROR : LOG_INFO, buf_text(&text));
    metrics_set(METRIC_CAPTURE_UP, why ? 0 : 1);
    state_board_write(session->board, why ? CAPTURE_HELD_UP : CAPTURE_STREAMING, buf_text(&text));
}

static void on_broken(void *arg, const struct fault *why)
{
    session_fail(arg, CAPTURE_CONNECTING, why->text);
}

static void on_new_table(void *arg)
{
    struct session *session = arg;

    timer_start(session->keep, 1, KEEP_MS);
}

/* The stream waits for a name, and there is nobody to ask.  PostgreSQL ends query connections first
 * when it stops, and then waits until we have read what it sends: waiting on would be for ever. */
static bool is_stuck(struct session *session)
{
    if (session->step != STEP_STREAM || sql_is_up(side_sql(session->side)) ||
        !stream_lacks_names(session->stream))
        session->lack_count = 0;
    else
        session->lack_count++;
    return session->lack_count > LACK_MAX;
}

static void on_measured(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;
    uint64_t bytes;

    session->is_measuring = false;
    if (answer->status == OK && answer->rows == 1 &&
        slice_to_u64(sql_value(answer, 0, 0), INT64_MAX, &bytes) == OK)
        stream_retained(session->stream, bytes);
}

static bool on_gone(void *arg, struct slice schema, struct slice name)
{
    struct session *session = arg;

    if (!stream_drop_table(session->stream, schema, name))
        return false;
    log_info("table %.*s.%.*s was dropped or renamed", SLICE_ARG(schema), SLICE_ARG(name));
    return true;
}

/* What an idle slot keeps moves in steps of the server's own. */
static void measure_slot(struct session *session)
{
    if (session->step != STEP_STREAM || session->is_temporary || session->is_measuring)
        return;
    session->is_measuring = true;
    sql_ask(side_sql(session->side), slot_retained, (const char *[]){session->slot}, 1, on_measured,
            session);
}

static void on_sign_of_life(void *arg, const struct sql_answer *answer)
{
    struct session *session = arg;

    (void)answer;
    session->asked_ms = 0;
}

/* A link may be dead without saying so, and a walsender may be silent for good reasons; but a
 * question of no cost is answered, or the server is not there.  True: it is not. */
static bool is_server_gone(struct session *session)
{
    const uint64_t now = loop_now_ms(session->loop);

    if (session->asked_ms == 0) {
        session->asked_ms = now;
        sql_ask(side_sql(session->side), "SELECT 1", NULL, 0, on_sign_of_life, session);
        return false;
    }
    if (now - session->asked_ms < SILENCE_MS)
        return false;
    session->asked_ms = 0;
    sql_give_up(side_sql(session->side), SILENCE_WORDS);
    return true;
}

static void on_keep(void *arg)
{
    struct session *session = arg;

    if (is_stuck(session)) {
        session->lack_count = 0;
        session_fail(session, CAPTURE_CONNECTING, "types cannot be asked for");
        return;
    }
    if (!sql_is_up(side_sql(session->side)))
        return;
    if (is_server_gone(session)) {
        session_fail(session, CAPTURE_CONNECTING, SILENCE_WORDS);
        return;
    }
    measure_slot(session);
    if (session->step == STEP_STREAM)
        dropped_look(session->dropped, stream_received(session->stream));
    if (!session->is_publishing)
        return;
    if (session->step == STEP_STREAM && publication_is_lost(session->publication)) {
        session_fail(session, CAPTURE_CONNECTING, "a publication of ours was dropped or changed");
        return;
    }
    publication_keep(session->publication, side_sql(session->side));
}

/* ---- connections ---- */

static void on_side_up(void *arg)
{
    struct session *session = arg;

    names_reset(session->names);
    if (session->step == STEP_SIDE)
        attempt_side_up(session);
}

static void on_side_down(void *arg, const struct fault *why)
{
    struct session *session = arg;

    if (session->step == STEP_SLOT || session->step == STEP_CHECK) {
        session_fail(session, CAPTURE_CONNECTING, why->text);
    } else if (session->step == STEP_SIDE) {
        state_board_write(session->board, CAPTURE_CONNECTING, why->text);
        session_say(session, LOG_WARNING, why->text);
    }
}

static void tell_ended(struct session *session)
{
    void (*ended)(void *arg) = session->ended;

    session->ended = NULL;
    timer_stop(session->farewell);
    if (ended)
        ended(session->ended_arg);
}

/* Positions are the same either way, so what was told before goes on. */
static void ask_for_whole_transactions(struct session *session, const char *why)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    buf_printf(&text,
               "slot %s: the server cannot decode a transaction while it runs (%s): whole "
               "ones are asked for from now on, as with pgoutput_protocol = 1",
               session->slot, why);
    session_say(session, LOG_WARNING, buf_text(&text));
    session->must_wait = true;
    decoder_free(session->decoder); /* the next plan makes another one */
    session->decoder = NULL;
}

static void on_replication_down(void *arg, const struct fault *why)
{
    struct session *session = arg;
    const bool is_too_early = session->step == STEP_STREAM && session->plugin == SOURCE_PGOUTPUT &&
                              !session->must_wait && slot_is_too_early(slice_text(why->text));

    if (session->step == STEP_END) {
        tell_ended(session);
        return;
    }
    if (session->step == STEP_STREAM && !session->is_temporary)
        session->must_skip = session->flaps > 0 && slot_is_stuck(slice_text(why->text));
    if (session->step >= STEP_DIAL)
        session_fail(session, CAPTURE_CONNECTING, why->text);
    if (is_too_early)
        ask_for_whole_transactions(session, why->text);
}

static void on_replication_up(void *arg)
{
    attempt_replication_up(arg);
}

static void on_readable(void *arg)
{
    struct session *session = arg;

    stream_readable(session->stream);
}

static void on_known(void *arg)
{
    struct session *session = arg;

    stream_resume(session->stream);
}

static void on_farewell(void *arg)
{
    struct session *session = arg;

    log_warning("slot %s: the server has not ended the stream within %d s", session->slot,
                FAREWELL_MS / 1000);
    tell_ended(session);
}

static void on_patience(void *arg)
{
    attempt_say_who_blocks(arg);
}

/* ---- life ---- */

static void copy_config(struct session *session, const struct capture_config *config)
{
    session->config = *config;
    session->config.conninfo = mem_text(config->conninfo);
    session->config.publication = mem_text(config->publication);
    session->config.slot_name = mem_text(config->slot_name ? config->slot_name : "");
    session->config.spill_directory = mem_text(config->spill_directory);
    session->is_temporary = session->config.slot_name[0] == '\0';
}

static void make_connections(struct session *session)
{
    const struct side_events side_events = {on_side_up, on_side_down};
    const struct sql_events sql_events = {on_replication_up, on_replication_down, on_notice,
                                          on_readable};
    const struct sql_config sql_config = {
        .conninfo = session->config.conninfo, .application_name = "pgcdc", .is_replication = true};

    session->side = side_new(session->loop, session->config.conninfo, &side_events, session);
    session->replication = sql_new(session->loop, &sql_config, &sql_events, session);
    session->names = names_new(side_sql(session->side), on_known, session);
    session->dropped = dropped_new(side_sql(session->side), on_gone, session);
    stream_use(session->stream, session->replication, session->names);
}

struct session *session_new(struct loop *loop, const struct capture_config *config,
                            struct state_board *board)
{
    const struct stream_events stream_events = {on_live, on_rebuilding, on_broken, on_trouble,
                                                on_new_table};
    struct session *session = mem_new(sizeof *session);
    struct random random;

    session->loop = loop;
    session->board = board;
    copy_config(session, config);
    random_init_system(&random);
    backoff_init(&session->backoff, random);
    session->retry = timer_new(loop, on_retry, session);
    session->keep = timer_new(loop, on_keep, session);
    session->patience = timer_new(loop, on_patience, session);
    session->farewell = timer_new(loop, on_farewell, session);
    const struct feedback_limits limits = {
        .is_durable = !session->is_temporary,
        .journal_size = journal_size(config->journal),
        .age_ms = config->journal_age_s * 1000,
        .wal = config->journal_wal_limit,
    };
    session->stream = stream_new(loop, config->journal, &limits, &stream_events, session);
    make_connections(session);

    const struct publication_config publication_config = {session->config.publication,
                                                          config->publish_via_partition_root};
    session->publication = publication_new(&publication_config, on_publication_log, session);
    state_board_write(board, CAPTURE_CONNECTING, "starting");
    return session;
}

void session_start(struct session *session)
{
    side_start(session->side);
    timer_start(session->keep, KEEP_MS, KEEP_MS);
    attempt_begin(session);
}

void session_stop(struct session *session, void (*ended)(void *arg), void *arg)
{
    const bool is_streaming = session->step == STEP_STREAM;

    session->ended = ended;
    session->ended_arg = arg;
    session->step = STEP_END;
    source_cancel(session->check);
    session->check = NULL;
    timer_stop(session->retry);
    timer_stop(session->keep);
    metrics_set(METRIC_CAPTURE_UP, 0);
    state_board_write(session->board, CAPTURE_STOPPED, "stopping");
    if (!is_streaming) {
        sql_disconnect(session->replication);
        tell_ended(session);
        return;
    }
    timer_start(session->farewell, FAREWELL_MS, 0);
    stream_finish(session->stream);
}

static void free_config(struct capture_config *config)
{
    mem_free_at(&config->conninfo);
    mem_free_at(&config->publication);
    mem_free_at(&config->slot_name);
    mem_free_at(&config->spill_directory);
}

void session_free(struct session *session)
{
    if (!session)
        return;
    decoder_free(session->decoder);
    source_cancel(session->check);
    publication_free(session->publication);
    names_free(session->names);
    dropped_free(session->dropped);
    sql_free(session->replication);
    side_free(session->side);
    stream_free(session->stream);
    timer_free(session->retry);
    timer_free(session->keep);
    timer_free(session->patience);
    timer_free(session->farewell);
    mem_free(session->slot);
    mem_free(session->publication_names);
    mem_free(session->system);
    mem_free(session->timeline);
    mem_free(session->timeline_left);
    buf_release(&session->gap);
    free_config(&session->config);
    mem_free(session);
}
