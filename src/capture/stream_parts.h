/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/random.h"
#include "capture/copy.h"
#include "capture/feedback.h"
#include "capture/history.h"
#include "capture/stream.h"

/* What stream.c (frames, feedback, begin and end) and stream_gap.c (what is missing) share. */

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

    struct history history;
    struct random random;
    bool has_been_live; /* someone may have heard something */
    struct feedback feedback;
    lsn sent;
    uint64_t sent_ms, interval_ms;
    lsn target;                            /* live once this was received */
    uint64_t changes, transactions, bytes; /* since the last settle() */
};

/* Nothing of what was before goes on behind `floor`; `gap` is told where somebody has heard that.
 */
void stream_begin_history(struct stream *stream, uint64_t epoch, lsn floor, const char *gap);
/* OK: the change is to be appended at `position`; ERR_CLOSED: it was, before a break; ERR_AGAIN: a
 * gap has to be told first, and there is no room. */
MUST_CHECK enum status stream_place(struct stream *stream, const struct change *change,
                                    struct position *position);
/* False: the journal is full. */
bool stream_append_gap(struct stream *stream);
/* The rest of the transaction at hand cannot be had: the gap is set. */
void stream_lose(struct stream *stream, const char *why);
