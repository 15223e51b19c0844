/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/metrics.h"
#include "capture/stream_parts.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "net/loop.h"

/* What a stream tells where something is missing: a gap is set, and appended once there is room. */

#define LOSS_LOG_MS 1000

static void set_gap(struct stream *stream, struct position position, const char *reason)
{
    stream->has_gap = true;
    stream->gap_position = position;
    buf_reset(&stream->gap);
    buf_add_text(&stream->gap, reason);
}

/* False: the journal is full. */
bool stream_append_gap(struct stream *stream)
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
void stream_lose(struct stream *stream, const char *why)
{
    struct position position = stream->decoder->ops->skip(stream->decoder);
    CLEANUP(buf_release) struct buf reason = BUF_INIT;

    if (position.commit != LSN_NONE && position_compare(position, stream->history.last) <= 0) {
        if (position.commit == stream->history.last.commit)
            stream->history.is_unproven = false;
        return; /* sent again; it was told before the break */
    }
    if (position.commit != LSN_NONE) {
        history_take(&stream->history, position); /* with no check: its time may not be known */
        position.check = position_check(position.commit, 0);
    }
    metrics_add(METRIC_UNDECODABLE, 1);
    log_loss(stream, position.commit ? position.commit : stream->frame.start, why);
    buf_printf(&reason, "a change could not be read: %s", why);
    set_gap(stream, position, buf_text(&reason));
}

/* ---- histories ---- */

/* Nothing of what was before goes on behind `floor`; the gap is told where somebody has heard it.
 */
void stream_begin_history(struct stream *stream, uint64_t epoch, lsn floor, const char *gap)
{
    const uint32_t check = (uint32_t)random_u64(&stream->random) | 1;

    history_begin(&stream->history, epoch, floor);
    journal_begin_epoch(stream->journal, epoch, floor, check);
    if (gap && stream->has_been_live)
        set_gap(stream, (struct position){LSN_NONE}, gap);
}

/* OK: it is to be appended at `position`; ERR_CLOSED: it was, before a break. */
enum status stream_place(struct stream *stream, const struct change *change,
                         struct position *position)
{
    *position = change->position;
    position->check = position_check(position->commit, change->commit_time_us);
    switch (history_judge(&stream->history, *position)) {
    case HISTORY_NEW:
        break;
    case HISTORY_REPEAT:
        return ERR_CLOSED;
    case HISTORY_BROKEN:
        log_warning("slot %s: at " LSN_FORMAT " the database has another history than before: it "
                    "was restored from a copy; clients are told of a gap",
                    stream->slot, LSN_ARG(position->commit));
        stream_begin_history(stream, stream->history.epoch, position->commit - 1,
                             "the database was restored from a copy");
        break;
    }
    return stream_append_gap(stream) ? OK : ERR_AGAIN;
}
