/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/list.h"
#include "catalog/snapshot.h"
#include "change/visible.h"
#include "net/mailbox.h"

struct lane;

/*
 * What snapshot.c (asker and office), snapshot_lane.c (one connection) and snapshot_note.c (their
 * letters) share; nobody else includes it.
 *
 * A snapshot is one object that both threads hold, and every letter under way holds, too; the last
 * one frees it.  Who may touch what is said at its members.
 */
enum note_kind {
    NOTE_START, /* to the control thread */
    NOTE_NEXT,
    NOTE_CANCEL,
    NOTE_STARTED, /* to the asker */
    NOTE_ROWS,
    NOTE_DONE,
    NOTE_FAILED,
};

struct note {
    struct letter letter; /* first */
    enum note_kind kind;
    struct snapshot *snapshot; /* a reference */
    struct visible visible;    /* owned; of STARTED */
    lsn wal;
    struct buf bytes;     /* owned; of ROWS: the values' texts, one after the other */
    struct value *values; /* owned */
    uint32_t row_count;
    struct fault *fault; /* owned; of FAILED */
};

struct snapshot {
    _Atomic unsigned holders;
    struct snapshots *office; /* NULL once it is gone, when there are no threads any more */
    struct mailbox *mine;

    struct snapshot_events events; /* the asker's, as the next two */
    void *arg;
    bool is_over; /* ended, or cancelled: nothing more is called */

    struct table *table;    /* owned; immutable, as the next two: anybody's */
    struct buf fingerprint; /* owned */
    struct buf where;       /* owned */

    struct list_link in_waiting; /* the control thread's, as the next one */
    struct lane *lane;           /* where it runs, or NULL */
};

void snapshot_hold(struct snapshot *snapshot);
void snapshot_drop(struct snapshot *snapshot);

/* snapshot_note.c */
struct note *note_new(struct snapshot *snapshot, enum note_kind kind);
void note_free(struct note *note);
void note_post_to_asker(struct note *note);
void note_fail(struct snapshot *snapshot, const struct fault *why);

/*
 * One connection, and the snapshot that runs on it.  FREE ones keep their connection for a while.
 */
struct lane_events {
    void (*freed)(void *arg); /* the lane may take another one */
    void *arg;
};

struct lane *lane_new(struct loop *loop, const struct snapshots_config *config,
                      const struct lane_events *events);
void lane_free(struct lane *lane); /* drops what runs, without a word */
bool lane_is_free(const struct lane *lane);
void lane_run(struct lane *lane, struct snapshot *snapshot); /* takes the office's reference */
void lane_next(struct lane *lane);
void lane_cancel(struct lane *lane);
