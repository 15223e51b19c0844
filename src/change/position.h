/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"

/*
 * Where a change stands in the order of all changes of one slot.
 *
 * Only commit LSNs are ordered: transactions come one after the other in the order of their
 * commits, and `index` counts the changes within one from 0, whoever wants them.
 */
typedef uint64_t lsn; /* a WAL position in bytes; PostgreSQL prints it as %X/%X of its halves */

#define LSN_NONE ((lsn)0)

struct position {
    lsn commit;     /* LSN of the commit record of the transaction */
    uint32_t index; /* within the transaction */
    uint32_t check; /* position_check of the transaction; 0: not known */
};

/*
 * A database that was restored from a copy counts on from there, and gives the same positions to
 * other transactions.  What tells them apart is when they were committed: 32 bits of that, never 0.
 */
uint32_t position_check(lsn commit, int64_t commit_time_us);

/* By place alone: within one history the check follows from it. */

static inline int position_compare(struct position a, struct position b)
{
    if (a.commit != b.commit)
        return a.commit < b.commit ? -1 : 1;
    return (a.index > b.index) - (a.index < b.index);
}

/* "16/B374D848" to an LSN; ERR_PARSE for anything else. */
MUST_CHECK enum status lsn_parse(struct slice text, lsn *out_lsn);
void lsn_print(struct buf *out, lsn value);

/* For printf: LSN_FORMAT with LSN_ARG(value). */
#define LSN_FORMAT "%X/%X"
#define LSN_ARG(value) (unsigned)((value) >> 32), (unsigned)((value)&0xFFFFFFFFU)
