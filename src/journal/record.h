/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "change/change.h"

/*
 * One change as it lies in the ring: a struct change, its values and its texts in one piece.
 *
 *     [ size | struct change | new values | old values | texts ... pad ]
 *                  |  |            ^  |        ^           ^
 *                  |  `------------|--|--------'           |
 *                  `---------------'  `--------------------'
 *
 * Sizes are multiples of 8, so that the next one is aligned.  The table stays outside: it is
 * shared by many records and outlives them (journal_retire).
 */
struct record {
    uint64_t size; /* of all of it, this included */
    struct change change;
};

uint64_t record_size(const struct change *change);
/* Writes to `at`, which has room for record_size(change) bytes: a deep copy but for the table. */
void record_write(void *at, uint64_t size, const struct change *change);
