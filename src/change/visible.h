/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * Which transactions does a snapshot see?
 *
 *     pg_current_snapshot()  ->  "97:103:97,100"
 *
 *     xid     ...  95  96 |  97  98  99 100 101 102 | 103 104 ...
 *     seen         y   y     n   y   y   n   y   y     n   n
 *                        xmin                       xmax
 *
 * Below xmin all had ended, from xmax on none had, between them those that are listed had not.
 * Only top-level transactions are listed; changes carry the top-level xid, too, so a
 * subtransaction needs no thought.
 *
 * The text has xids of 64 bits, a change only the lower 32 (what WAL and plugins have): the full
 * one is that which is nearest to xmax, since PostgreSQL lets no two living xids be more than 2^31
 * apart.
 */
struct visible {
    uint64_t xmin, xmax;
    uint64_t *running; /* owned; ascending, between xmin and xmax */
    uint32_t running_count;
};

/* ERR_PARSE: not what pg_current_snapshot() prints. */
MUST_CHECK enum status visible_parse(struct slice text, struct visible *out);
void visible_release(struct visible *visible);
struct visible visible_copy(const struct visible *visible);

/* Do the snapshot's rows contain what this committed transaction did?  False for xid 0, which is
 * an unknown one. */
bool visible_has(const struct visible *visible, uint32_t xid);
