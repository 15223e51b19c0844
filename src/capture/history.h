/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "change/position.h"

/*
 * Does what PostgreSQL sends go on from what the journal has?
 *
 * After a break it sends again what was not confirmed, which is dropped: those are positions at or
 * before the last one.  But the database may have been restored from a copy meanwhile, and then it
 * gives the positions that we know to other transactions.  So the last transaction has to come
 * again, with the same check, before anything behind it is believed to be its continuation:
 *
 *     the journal ends with 0/5000 (check a), settled 0/5400
 *     0/4800 (any)    REPEAT, dropped
 *     0/5000 (a)      REPEAT, and the proof that it is the same history
 *     0/5000 (b)      BROKEN
 *     0/5200          BROKEN, too: up to 0/5400 there was nothing more
 *     0/6000          NEW after the proof, BROKEN without it
 *
 * After BROKEN the owner begins a new history, and tells a gap.  The capture thread only.
 */
struct history {
    uint64_t epoch;       /* 0: none yet */
    struct position last; /* of the last change appended; commit LSN_NONE: none */
    lsn settled;          /* every commit up to here has been appended, whole */
    bool is_unproven;     /* `last` has to come again */
};

enum history_verdict { HISTORY_NEW, HISTORY_REPEAT, HISTORY_BROKEN };

/* Does a stream of this epoch, from a slot that stands at `confirmed`, leave nothing out? */
bool history_goes_on(const struct history *history, uint64_t epoch, lsn confirmed);
void history_resume(struct history *history, lsn confirmed);
/* Everything behind `floor` will come. */
void history_begin(struct history *history, uint64_t epoch, lsn floor);

enum history_verdict history_judge(struct history *history, struct position position);
/* A change was appended. */
void history_take(struct history *history, struct position position);
/* A transaction is complete. */
void history_complete(struct history *history, lsn commit, lsn end);
/* The server has read its WAL up to `end`, and sent all that concerns us.  The next commit record
 * may begin right there, so what is settled ends one byte before. */
void history_settle(struct history *history, lsn end);
