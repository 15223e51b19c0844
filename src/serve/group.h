/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/status.h"
#include "serve/frame.h"

struct change;
struct index_node;
struct rebind;
struct table;

/*
 * All clients of one worker that hold the same filter, and the frames it matched this turn.
 *
 * A send costs the same for one frame as for thirty, and most clients of a filter are equal.  So
 * the frames that a filter matched in one turn of the loop are laid end to end once, and each of
 * its clients gets one send of that run:
 *
 *     orders:status.eq.paid --+-- plain    run: [frame 17][frame 18][frame 21]
 *                             |            sole: c1 c4 c9 ...     one send of the run each
 *                             +-- deflated run: [frame 17] ...    sole: c5 c6    compressed
 *                             +-- SSE      run: [event 17] ...    sole: c3
 *                             +-- several: c2                     has other subscriptions as well
 *                             +-- v1:      c7's "s1"              names its subscriptions by ids
 *
 * A client with several subscriptions must get a change that two of them match only once and in
 * order, so its frames are gathered by itself (session_add_frame) instead.
 *
 * Members stand in an array, in no particular order; each knows its place, so that leaving costs
 * nothing.  Used only by the worker that owns it.
 */
struct group_members {
    void **at; /* owned array of borrowed sessions, or of v1_subscriptions */
    uint32_t count, capacity;
};

/* Those who get the same bytes; there is none for a format that nobody here has had. */
struct group_run {
    struct buf bytes; /* frames of this turn, end to end */
    uint32_t frames;
    struct group_members sole;
};

struct group {
    struct index_node *node;               /* borrowed from the worker's index */
    struct list_link in_dirty;             /* linked while a run holds something */
    struct group_run *runs[FRAME_FORMATS]; /* owned; NULL: see there */
    struct group_members several;
    struct group_members v1;
    struct rebind *rebind;     /* owned; while the filter no longer fits its table */
    struct list_link in_stale; /* linked from when that is met until the rebind begins */
    uint64_t stale_from;       /* offset of the change that met it */
};

struct group *group_new(struct index_node *node);
void group_free(struct group *group); /* has no members; NULL is accepted */

/* The run of a format, for one who joins or leaves it. */
struct group_run *group_run_of(struct group *group, enum frame_format format);

/* Returns the place of the new member. */
uint32_t group_members_add(struct group_members *members, void *member);
/* Removes the member at `place`.  Returns the one that was moved there, or NULL. */
void *group_members_remove(struct group_members *members, uint32_t place);

bool group_is_empty(const struct group *group);

/* Can its filter be asked of this change?  ERR_NOT_FOUND: it was bound for another version of the
 * table, and the fault says why. */
MUST_CHECK enum status group_check_table(const struct group *group, const struct change *change,
                                         struct fault *why);
/* Does its filter name this very table? */
bool group_names_table(const struct group *group, const struct table *table);
/* What those are told who named a table that is gone. */
void group_table_words(const struct table *table, struct fault *out);
