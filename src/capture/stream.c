/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/stream.h"

#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "capture/copy.h"
#include "capture/feedback.h"
#include "capture/names.h"
#include "journal/journal.h"
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
#define LOSS_LOG_MS 1000
#define TICK_MAX_MS 1000 /* news are confirmed that often */

struct stream {
    struct journal *journal; /* borrowed, as are sql, names, decoder */
    struct sql *sql;
    struct names *names;
    struct decoder *decoder;
    const char *slot;
    struct stream_events events;
    void *arg;
    struct loop *loop;
    struct timer *tick;
    struct wake *wake; /* room in the journal; more to read after a budget */

    bool is_open, is_live;
    bool is_blocked;  /* by `frame` or `gap` */
    bool is_troubled; /* by the disk; told */
    bool has_frame;
    struct frame frame; /* borrowed from sql: it is not read while blocked */
    bool has_gap;
    struct buf gap;
    struct position gap_position;
    struct fault sink_fault; /* why the sink refused a change for good */

    uint64_t loss_logged_ms;
    unsigned losses_unlogged;

    struct position last; /* of the last change appended */
    struct feedback feedback;
    lsn sent;
    uint64_t sent_ms, interval_ms;
    lsn received;
    uint64_t changes, transactions, bytes; /* since the last settle() */
};

/* ---- feedback ---- */

static void send_feedback(struct stream *stream)
{
    uint8_t frame[STATUS_FRAME_SIZE];
    const lsn confirmed = feedback_confirm(&stream->feedback, journal_read_by_all(stream->journal));

    status_frame_write(frame, confirmed, clock_wall_us());
    if (sql_copy_write(stream->sql, slice_of(frame, sizeof frame)) != OK)
        return; /* down() follows */
    stream->sent = confirmed;
    stream->sent_ms = loop_now_ms(stream->loop);
    metrics_set(METRIC_CONFIRMED_LSN, confirmed);
}

static void on_tick(void *arg)
{
    struct stream *stream = arg;
    const lsn confirmed = feedback_confirm(&stream->feedback, journal_read_by_all(stream->journal));

    if (confirmed != stream->sent ||
        loop_now_ms(stream->loop) - stream->sent_ms >= stream->interval_ms)
        send_feedback(stream);
    /* A name whose answer was lost with the side connection is asked for again. */
    if (stream->is_open)
        stream_resume(stream);
}

/* ---- from the decoder ---- */

static enum status on_change(void *arg, const struct change *change)
{
    struct stream *stream = arg;

    if (position_compare(change->position, stream->last) <= 0)
        return OK; /* sent again after a break */

    const enum status status = journal_append(stream->journal, change);
    if (status == ERR_LIMIT) {
        return fault_set(&stream->sink_fault, ERR_LIMIT,
                         "a row of table %.*s.%.*s takes more than a quarter of journal_size "
                         "(%zu bytes)",
                         SLICE_ARG(change->table->schema), SLICE_ARG(change->table->name),
                         journal_size(stream->journal));
    }
    if (status != OK)
        return status;
    stream->last = change->position;
    stream->changes++;
    feedback_begin(&stream->feedback);
    return OK;
}

static void on_commit(void *arg, lsn commit, lsn end)
{
    struct stream *stream = arg;

    if (commit >= stream->last.commit)
        stream->last = (struct position){commit, UINT32_MAX};
    stream->transactions++;
    feedback_commit(&stream->feedback, journal_end(stream->journal), end);
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

/* ---- gaps ---- */

static void set_gap(struct stream *stream, struct position position, const char *reason)
{
    stream->has_gap = true;
    stream->gap_position = position;
    buf_reset(&stream->gap);
    buf_add_text(&stream->gap, reason);
}

/* False: the journal is full. */
static bool append_gap(struct stream *stream)
{
    if (!stream->has_gap)
        return true;

    const struct change gap = {
        .kind = CHANGE_GAP, .reason = buf_slice(&stream->gap), .position = stream->gap_position};
    if (journal_append(stream->journal, &gap) == ERR_AGAIN)
        return false;
    stream->has_gap = false;
    metrics_add(METRIC_GAPS_TOLD, 1);
    return true;
}

/* Anyone who may make a type with a strange name can cause many of these: a line a second. */
static void log_loss(struct stream *stream, lsn at, const char *why)
{
    const uint64_t now = loop_now_ms(stream->loop);
    CLEANUP(buf_release) struct buf more = BUF_INIT;

    if (stream->loss_logged_ms != 0 && now - stream->loss_logged_ms < LOSS_LOG_MS) {
        stream->losses_unlogged++;
        return;
    }
    if (stream->losses_unlogged > 0)
        buf_printf(&more, " (and %u more like it)", stream->losses_unlogged);
    log_warning("slot %s: transaction at " LSN_FORMAT
                ": a change is lost, and clients are told of a gap: %s%s",
                stream->slot, LSN_ARG(at), why, buf_text(&more));
    stream->loss_logged_ms = now;
    stream->losses_unlogged = 0;
}

/* The rest of this transaction cannot be had. */
static void lose_transaction(struct stream *stream, const char *why)
{
    const struct position position = stream->decoder->ops->skip(stream->decoder);
    CLEANUP(buf_release) struct buf reason = BUF_INIT;

    if (position.commit != LSN_NONE && position_compare(position, stream->last) <= 0)
        return; /* sent again; it was told before the break */
    if (position.commit != LSN_NONE)
        stream->last = position;
    metrics_add(METRIC_UNDECODABLE, 1);
    log_loss(stream, position.commit ? position.commit : stream->frame.start, why);
    buf_printf(&reason, "a change could not be read: %s", why);
    set_gap(stream, position, buf_text(&reason));
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
        lose_transaction(stream, status == ERR_LIMIT ? stream->sink_fault.text : fault.text);
    stream->has_frame = status == ERR_AGAIN || stream->decoder->is_unfinished;
    if (stream->decoder->is_unfinished)
        wake_signal(stream->wake);
    else if (status == ERR_AGAIN)
        (void)names_ask(stream->names);
    return append_gap(stream) && !stream->has_frame;
}

static bool take_frame(struct stream *stream)
{
    if (stream->frame.end > stream->received)
        stream->received = stream->frame.end;
    if (stream->frame.kind == FRAME_DATA)
        return feed_frame(stream);

    feedback_keepalive(&stream->feedback, stream->frame.end);
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

/* What the burst has brought becomes visible. */
static void settle(struct stream *stream)
{
    journal_publish(stream->journal);
    metrics_add(METRIC_CHANGES_CAPTURED, stream->changes);
    metrics_add(METRIC_TRANSACTIONS_CAPTURED, stream->transactions);
    metrics_add(METRIC_BYTES_CAPTURED, stream->bytes);
    metrics_set(METRIC_RECEIVED_LSN, stream->received);
    stream->changes = stream->transactions = stream->bytes = 0;
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

static void become_live(struct stream *stream)
{
    if (stream->is_live)
        return;
    stream->is_live = true;
    journal_publish(stream->journal);
    stream->events.live(stream->arg);
}

void stream_resume(struct stream *stream)
{
    if (!stream->is_open || !stream->is_blocked)
        return;
    /* Feeding may lose a transaction, which is a gap again. */
    if (!append_gap(stream) || (stream->has_frame && !feed_frame(stream))) {
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
                          const struct stream_events *events, void *arg)
{
    struct stream *stream = mem_new(sizeof *stream);

    stream->loop = loop;
    stream->journal = journal;
    stream->events = *events;
    stream->arg = arg;
    stream->tick = timer_new(loop, on_tick, stream);
    stream->wake = wake_new(loop, on_wake, stream);
    feedback_init(&stream->feedback);
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

void stream_begin(struct stream *stream, const struct stream_start *start)
{
    stream->decoder = start->decoder;
    stream->slot = start->slot;
    stream->is_open = true;
    stream->is_live = stream->is_blocked = stream->has_frame = false;
    stream->interval_ms = feedback_interval_ms(start->wal_sender_timeout_ms);
    stream->sent = start->confirmed;
    stream->decoder->ops->reset(stream->decoder);
    feedback_reset(&stream->feedback, start->confirmed);
    if (start->gap) {
        /* Another history may have begun: positions of the former one mean nothing there. */
        stream->last = (struct position){LSN_NONE, 0};
        set_gap(stream, (struct position){start->confirmed, 0}, start->gap);
    }
    timer_start(stream->tick, 1,
                stream->interval_ms < TICK_MAX_MS ? stream->interval_ms : TICK_MAX_MS);
    if (!append_gap(stream)) {
        block(stream);
        return;
    }
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
    struct slice message;

    if (!stream->is_open)
        return;
    send_feedback(stream);
    /* A socket that is closed with bytes unread is reset, and takes what we sent with it. */
    for (int i = 0; i < 10000 && sql_copy_read(stream->sql, &message) == OK; i++)
        continue;
    stream_end(stream);
}

lsn stream_confirmed(const struct stream *stream)
{
    return stream->feedback.confirmed;
}
