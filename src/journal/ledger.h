/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "change/position.h"

struct journal;

/*
 * What the journal holds, in terms of positions.
 *
 *     ... overwritten | floor | everything behind it is here ............ last_commit | settled
 *
 * A client that has seen everything up to a position can go on from there as long as that position
 * is of this epoch, not before the floor, and not behind both last_commit and settled.
 */
struct journal_ledger {
    uint64_t epoch;        /* positions of another one mean nothing here; 0: none yet */
    uint64_t start;        /* offset at which this epoch began */
    struct position floor; /* everything behind it is kept */
    lsn settled;           /* every commit up to here that concerns us is published, whole */
    uint32_t check;  /* of the last of those commits, or of the floor: for tokens of settled */
    lsn last_commit; /* of the last record published; LSN_NONE: none in this epoch */
};

/* Any thread.  Everything that it promises can be read from the journal's head at any time after.
 */
void journal_read_ledger(const struct journal *journal, struct journal_ledger *out);

/* ---- The capture thread's side ---- */

/* A stream begins whose positions do not go on from what was before: nothing of that is found by
 * position any more.  Everything behind `floor` will be appended.  `check` stands for the history
 * up to there: what happened in it nobody here can tell, so it is a random number, which only a
 * token of this very journal has. */
void journal_begin_epoch(struct journal *journal, uint64_t epoch, lsn floor, uint32_t check);
/* All commits up to `settled` that concern us have been appended; told with the next publish. */
void journal_settle(struct journal *journal, lsn settled);
