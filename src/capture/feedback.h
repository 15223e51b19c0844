/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "change/position.h"

/*
 * Which position may be confirmed to PostgreSQL, and when must it hear from us?
 *
 * PostgreSQL keeps WAL from the confirmed position on and sends it again after a break, so only
 * what all workers have read is confirmed: whole transactions, of which the journal says by an
 * offset that they are done with.
 *
 *     appended up to offset   end of the commit      read by all: 900
 *          400                    0/5000             done
 *          800                    0/5800             done    -> confirm 0/5800
 *         1300                    0/6000             pending
 *
 * When nothing is pending, the position of a keep-alive is confirmed: other databases of the
 * cluster write WAL, too, and a fast shutdown waits until we have confirmed its checkpoint, which
 * only keep-alives carry.  Within a transaction nothing of it is confirmed by keep-alives.
 *
 * Bounded: where more than FEEDBACK_MAX commits wait, neighbours are joined under the later end,
 * which confirms them a little later and never too early.
 */
#define FEEDBACK_MAX 4096

struct feedback_commit {
    uint64_t offset; /* confirmed when the journal is read by all up to here */
    lsn end;
};

struct feedback {
    struct feedback_commit *commits; /* owned; a ring */
    size_t first, count;
    lsn confirmed;  /* never goes back */
    lsn seen;       /* the end of a keep-alive, to be confirmed once nothing is pending */
    bool is_inside; /* a transaction is in the journal in part */
};

void feedback_init(struct feedback *feedback);
void feedback_release(struct feedback *feedback);
/* A new stream begins; `confirmed` is where its slot stands. */
void feedback_reset(struct feedback *feedback, lsn confirmed);

/* Changes of a transaction have been appended. */
void feedback_begin(struct feedback *feedback);
/* It is complete: its changes end at `offset` of the journal, its commit record at `end`. */
void feedback_commit(struct feedback *feedback, uint64_t offset, lsn end);
/* A keep-alive came. */
void feedback_keepalive(struct feedback *feedback, lsn end);

/* What may be confirmed now that the journal is read by all up to `offset`. */
lsn feedback_confirm(struct feedback *feedback, uint64_t read_by_all);
bool feedback_is_pending(const struct feedback *feedback);

/* How often to send it: min(wal_sender_timeout / 3, 10 s), but not below 50 ms; a server
 * whose timeout is 0 never hangs up. */
uint64_t feedback_interval_ms(uint64_t wal_sender_timeout_ms);
