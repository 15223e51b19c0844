/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "change/position.h"

/*
 * Which position may be confirmed to PostgreSQL, and when must it hear from us?
 *
 * PostgreSQL keeps WAL from the confirmed position on and sends it again after a break.  With a
 * temporary slot that is of no use, so what all workers have read is confirmed.  With a durable one
 * it is what the journal is rebuilt from after a crash, so only what has left the journal is:
 *
 *     appended up to offset   end of the commit      gone up to offset: 900
 *          400                    0/5000             gone
 *          800                    0/5800             gone    -> confirm 0/5800
 *         1300                    0/6000             kept
 *
 * What is held back that way obeys limits: transactions older than `age_ms` are confirmed, and so
 * are the oldest while more than `wal` bytes are held back.  The latest transaction is kept beyond
 * its age: it proves to a client that comes back after a restart that nothing came behind it.  But
 * while no change comes, at most FEEDBACK_IDLE_WAL is held back: others fill the WAL then.
 *
 * When nothing is held back, the position of a keep-alive is confirmed.  Within a transaction
 * nothing of it is confirmed by keep-alives.
 *
 * Bounded: commits that are close together are one entry, confirmed by its last; where more than
 * FEEDBACK_MAX entries wait, neighbours are joined.  That confirms a little later, never too early.
 */
#define FEEDBACK_MAX 4096
#define FEEDBACK_IDLE_MS 10000
#define FEEDBACK_IDLE_WAL ((uint64_t)32 << 20)

struct feedback_limits {
    bool is_durable;
    uint64_t journal_size; /* bytes; entries are as fine as a 1024th of each of these */
    uint64_t age_ms;       /* 0: any age */
    uint64_t wal;          /* bytes of WAL */
};

struct feedback_entry {
    uint64_t begin, offset;   /* of its first and last commit in the journal */
    lsn begin_end, end;       /* ends of their commit records */
    uint64_t begin_ms, at_ms; /* when they came */
};

struct feedback {
    struct feedback_limits limits;
    struct feedback_entry *entries; /* owned; a ring */
    size_t first, count;
    lsn confirmed;       /* never goes back */
    lsn seen;            /* the end of a keep-alive, to be confirmed once nothing is pending */
    lsn received;        /* as far as the server has read its WAL */
    bool is_inside;      /* a transaction is in the journal in part */
    uint64_t changed_ms; /* when the last data came */
    uint64_t retained;   /* bytes of WAL that the server keeps for our slot, as it says */
};

void feedback_init(struct feedback *feedback, const struct feedback_limits *limits);
void feedback_release(struct feedback *feedback);
/* A new stream begins; `confirmed` is where its slot stands.  What the journal holds of the same
 * history is sent again, and counted again. */
void feedback_reset(struct feedback *feedback, lsn confirmed, uint64_t now_ms);

/* Changes of a transaction have been appended. */
void feedback_begin(struct feedback *feedback, uint64_t now_ms);
/* It is complete: its changes end at `offset` of the journal, its commit record at `end`. */
void feedback_commit(struct feedback *feedback, uint64_t offset, lsn end, uint64_t now_ms);
/* A keep-alive came. */
void feedback_keepalive(struct feedback *feedback, lsn end);
/* Data came, if only of a transaction that has not ended: the source is not idle. */
void feedback_data(struct feedback *feedback, lsn end, uint64_t now_ms);
/* What the server says that it keeps for us. */
void feedback_retain(struct feedback *feedback, uint64_t bytes);

/* What may be confirmed now that the journal is done with everything up to offset `gone`: with a
 * durable slot its tail, else what all workers have read. */
lsn feedback_confirm(struct feedback *feedback, uint64_t gone, uint64_t now_ms);
bool feedback_is_pending(const struct feedback *feedback);

/* How often to send it: min(wal_sender_timeout / 3, 10 s), but not below 50 ms; a server
 * whose timeout is 0 never hangs up. */
uint64_t feedback_interval_ms(uint64_t wal_sender_timeout_ms);
