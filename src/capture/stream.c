/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/stream.h"

#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "capture/names.h"
#include "capture/stream_parts.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "net/loop.h"
#include "sql/copy.h"

/*
 * How the reading goes matters to the server: a reader that wakes for every message makes the
 * walsender pay for each wake-up.  So after a burst that brought something we pause for a moment
 * before we look again, and block in the loop once nothing came.
 */
#define PAUSE_NS 100000
#define TURN_BUDGET_US 4000 /* then timers get their chance */
#define CLOCK_EVERY 64      /* messages between two looks at the clock */
#define TICK_MAX_MS 1000    /* news are confirmed that often */

/* ---- feedback ---- */

static lsn confirmable(struct stream *stream)
{
    const uint64_t gone = stream->feedback.limits.is_durable ? journal_tail(stream->journal)
                                                             : journal_read_by_all(stream->journal);

    return feedback_confirm(&stream->feedback, gone, loop_now_ms(stream->loop));
}

static void send_status(struct stream *stream, lsn written, lsn confirmed)
{
    uint8_t frame[STATUS_FRAME_SIZE];

    status_frame_write(frame, written, confirmed, clock_wall_us());
    if (sql_copy_write(stream->sql, slice_of(frame, sizeof frame)) != OK)
        return; /* down() follows */
    stream->sent_ms = loop_now_ms(stream->loop);
}

/*
 * With a durable slot, the last word is always that nothing is known of what is flushed: the slot
 * stays where it is, and a server that shuts down is content with what we have received.
 */
static void send_feedback(struct stream *stream)
{
    const lsn confirmed = confirmable(stream);

    if (!stream->feedback.limits.is_durable) {
        send_status(stream, confirmed, confirmed);
    } else {
        if (confirmed > stream->sent)
            send_status(stream, stream->feedback.received, confirmed);
        send_status(stream, stream->feedback.received, LSN_NONE);
    }
    stream->sent = confirmed;
    metrics_set(METRIC_CONFIRMED_LSN, confirmed);
}

static void on_tick(void *arg)
{
    struct stream *stream = arg;

    if (confirmable(stream) != stream->sent ||
        loop_now_ms(stream->loop) - stream->sent_ms >= stream->interval_ms)
        send_feedback(stream);
    /* A name whose answer was lost with the side connection is asked for again. */
    if (!stream->is_open)
        return;
    if (!stream->is_live)
        stream->events.rebuilding(stream->arg, stream->feedback.received, stream->target);
    stream_resume(stream);
}

/* ---- from the decoder ---- */

static enum status on_change(void *arg, const struct change *change)
{
    struct stream *stream = arg;
    struct change placed = *change;

    const enum status place = stream_place(stream, change, &placed.position);
    if (place != OK)
        return place == ERR_CLOSED ? OK : place;

    const enum status status = journal_append(stream->journal, &placed);
    if (status == ERR_LIMIT) {
        return fault_set(&stream->sink_fault, ERR_LIMIT,
                         "a row of table %.*s.%.*s takes more than a quarter of journal_size "
                         "(%zu bytes)",
                         SLICE_ARG(change->table->schema), SLICE_ARG(change->table->name),
                         journal_size(stream->journal));
    }
    if (status != OK)
        return status;
    history_take(&stream->history, placed.position);
    stream->changes++;
    feedback_begin(&stream->feedback, loop_now_ms(stream->loop));
    return OK;
}

static void on_commit(void *arg, lsn commit, lsn end)
{
    struct stream *stream = arg;

    history_complete(&stream->history, commit, end);
    journal_settle(stream->journal, stream->history.settled);
    stream->transactions++;
    feedback_commit(&stream->feedback, journal_end(stream->journal), end,
                    loop_now_ms(stream->loop));
}

static void on_retire(void *arg, struct table *table)
{
    struct stream *stream = arg;

    journal_retire(stream->journal, table);
}

static enum status on_name_table(void *arg, struct slice schema, struct slice name,
                                 struct slice *out_schema, struct slice *out_name)
{
    struct stream *stream = arg;
    const enum status status = names_of_table(stream->names, schema, name, out_schema, out_name);

    if (status == OK)
        stream->events.new_table(stream->arg);
    return status;
}

struct decoder_config stream_decoder_config(struct stream *stream)
{
    return (struct decoder_config){
        .sink = on_change,
        .on_commit = on_commit,
        .retire = on_retire,
        .name_table = on_name_table,
        .arg = stream,
        .types = names_types(stream->names),
    };
}

/* ---- frames ---- */

static void tell_trouble(struct stream *stream, const char *why)
{
    const bool is_troubled = why[0] != '\0';

    if (is_troubled == stream->is_troubled)
        return;
    stream->is_troubled = is_troubled;
    if (is_troubled)
        metrics_add(METRIC_SPILL_FAILURES, 1);
    stream->events.trouble(stream->arg, is_troubled ? why : NULL);
}

/* Feeds what is in stream->frame; false: held up, or broken. */
static bool feed_frame(struct stream *stream)
{
    struct fault fault = {OK, ""};

    const enum status status = stream->decoder->ops->feed(stream->decoder, stream->frame.payload,
                                                          stream->frame.start, &fault);
    tell_trouble(stream, status == ERR_AGAIN ? fault.text : "");
    if (status != OK && status != ERR_AGAIN)
        stream_lose(stream, status == ERR_LIMIT ? stream->sink_fault.text : fault.text);
    stream->has_frame = status == ERR_AGAIN || stream->decoder->is_unfinished;
    if (stream->decoder->is_unfinished)
        wake_signal(stream->wake);
    else if (status == ERR_AGAIN)
        (void)names_ask(stream->names);
    return stream_append_gap(stream) && !stream->has_frame;
}

static bool take_frame(struct stream *stream)
{
    if (stream->frame.kind == FRAME_DATA) {
        feedback_data(&stream->feedback, stream->frame.end, loop_now_ms(stream->loop));
        return feed_frame(stream);
    }

    feedback_keepalive(&stream->feedback, stream->frame.end);
    if (!stream->feedback.is_inside) {
        history_settle(&stream->history, stream->frame.end);
        journal_settle(stream->journal, stream->history.settled);
    }
    if (stream->frame.is_reply_wanted)
        send_feedback(stream);
    return true;
}

bool stream_lacks_names(struct stream *stream)
{
    return stream->has_frame && names_ask(stream->names);
}

static void block(struct stream *stream)
{
    stream->is_blocked = true;
    sql_copy_pause(stream->sql, true);
}

static bool take_message(struct stream *stream, struct slice message)
{
    stream->bytes += message.size;
    if (frame_parse(message, &stream->frame) != OK) {
        struct fault fault;
        (void)fault_set(&fault, ERR_PARSE, "a frame of the replication stream is malformed");
        stream->events.broken(stream->arg, &fault);
        return false;
    }
    if (take_frame(stream))
        return true;
    block(stream);
    return false;
}

/* What the burst has brought is counted, and becomes visible. */
static void settle(struct stream *stream)
{
    metrics_add(METRIC_CHANGES_CAPTURED, stream->changes);
    metrics_add(METRIC_TRANSACTIONS_CAPTURED, stream->transactions);
    metrics_add(METRIC_BYTES_CAPTURED, stream->bytes);
    metrics_set(METRIC_RECEIVED_LSN, stream->feedback.received);
    stream->changes = stream->transactions = stream->bytes = 0;
    journal_publish(stream->journal);
}

/* Once all is there that the database had when we came: from then on nobody waits for the past. */
static void become_live(struct stream *stream)
{
    if (stream->is_live || stream->is_blocked || stream->feedback.received < stream->target)
        return;
    stream->is_live = stream->has_been_live = true;
    stream->events.live(stream->arg);
}

/* Reads all that is there.  True: it brought something, and nothing holds us up. */
static bool read_burst(struct stream *stream, uint64_t until_us)
{
    struct slice message;
    uint32_t count = 0;

    while (sql_copy_read(stream->sql, &message) == OK) {
        count++;
        if (!take_message(stream, message))
            break;
        if (count % CLOCK_EVERY == 0 && clock_monotonic_us() > until_us)
            break;
    }
    settle(stream);
    become_live(stream);
    return count > 0 && stream->is_open && !stream->is_blocked;
}

void stream_readable(struct stream *stream)
{
    const uint64_t until_us = clock_monotonic_us() + TURN_BUDGET_US;
    const struct timespec pause = {0, PAUSE_NS};

    if (!stream->is_open || stream->is_blocked)
        return;
    while (read_burst(stream, until_us)) {
        if (clock_monotonic_us() > until_us) {
            wake_signal(stream->wake);
            return;
        }
        (void)nanosleep(&pause, NULL);
    }
}

/* ---- held up ---- */

void stream_resume(struct stream *stream)
{
    if (!stream->is_open || !stream->is_blocked)
        return;
    /* Feeding may lose a transaction, which is a gap again. */
    if (!stream_append_gap(stream) || (stream->has_frame && !feed_frame(stream))) {
        settle(stream);
        return;
    }
    stream->is_blocked = false;
    settle(stream);
    become_live(stream);
    sql_copy_pause(stream->sql, false);
    stream_readable(stream);
}

static void on_wake(void *arg)
{
    struct stream *stream = arg;

    stream_resume(stream);
    stream_readable(stream);
}

/* ---- begin and end ---- */

struct stream *stream_new(struct loop *loop, struct journal *journal,
                          const struct feedback_limits *limits, const struct stream_events *events,
                          void *arg)
{
    struct stream *stream = mem_new(sizeof *stream);

    random_init_system(&stream->random);
    stream->loop = loop;
    stream->journal = journal;
    stream->events = *events;
    stream->arg = arg;
    stream->tick = timer_new(loop, on_tick, stream);
    stream->wake = wake_new(loop, on_wake, stream);
    feedback_init(&stream->feedback, limits);
    journal_on_room(journal, stream->wake);
    return stream;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    stream_end(stream);
    journal_on_room(stream->journal, NULL);
    wake_free(stream->wake);
    timer_free(stream->tick);
    feedback_release(&stream->feedback);
    buf_release(&stream->gap);
    mem_free(stream);
}

void stream_use(struct stream *stream, struct sql *sql, struct names *names)
{
    stream->sql = sql;
    stream->names = names;
}

static void begin_or_resume(struct stream *stream, const struct stream_start *start)
{
    /* A transaction that commits right where the slot stands is still sent. */
    const lsn floor = start->confirmed > 0 ? start->confirmed - 1 : 0;

    if (!start->gap && history_goes_on(&stream->history, start->epoch, start->confirmed))
        history_resume(&stream->history, start->confirmed);
    else
        stream_begin_history(stream, start->epoch, floor,
                             start->gap ? start->gap : "the stream does not go on where it ended");
}

void stream_begin(struct stream *stream, const struct stream_start *start)
{
    stream->decoder = start->decoder;
    stream->slot = start->slot;
    stream->is_open = true;
    stream->is_live = stream->is_blocked = stream->has_frame = false;
    stream->interval_ms = feedback_interval_ms(start->wal_sender_timeout_ms);
    stream->sent = start->confirmed;
    stream->decoder->ops->reset(stream->decoder);
    stream->target = start->target;
    feedback_reset(&stream->feedback, start->confirmed, loop_now_ms(stream->loop));
    begin_or_resume(stream, start);
    timer_start(stream->tick, 1,
                stream->interval_ms < TICK_MAX_MS ? stream->interval_ms : TICK_MAX_MS);
    if (!stream_append_gap(stream)) {
        block(stream);
        return;
    }
    settle(stream);
    become_live(stream);
}

void stream_end(struct stream *stream)
{
    if (!stream->is_open)
        return;
    settle(stream);
    timer_stop(stream->tick);
    stream->is_open = stream->is_blocked = stream->is_troubled = stream->has_frame = false;
}

void stream_finish(struct stream *stream)
{
    if (!stream->is_open)
        return;
    send_feedback(stream);
    stream_end(stream);
    sql_copy_end(stream->sql);
}

lsn stream_settled(const struct stream *stream)
{
    return stream->history.settled;
}

lsn stream_received(const struct stream *stream)
{
    return stream->feedback.received;
}

bool stream_drop_table(struct stream *stream, struct slice schema, struct slice name)
{
    struct table *table = table_new(schema, name, NULL, 0);
    const struct change change = {.kind = CHANGE_DROPPED, .table = table};

    if (journal_append(stream->journal, &change) == ERR_AGAIN) {
        table_free(table);
        return false;
    }
    journal_retire(stream->journal, table);
    journal_publish(stream->journal);
    return true;
}

void stream_retained(struct stream *stream, uint64_t bytes)
{
    feedback_retain(&stream->feedback, bytes);
}
