/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

/*
 * Sizes as people write them:
 *
 *     268435456     256MiB     256 mib     64MB (64,000,000)     1GiB     512kB     16B
 *
 * KiB, MiB, GiB, TiB count in 1024s, kB, MB, GB, TB in 1000s; case does not matter.
 *
 * And short times:
 *
 *     0     500us     0.5ms     2 ms     1s
 */

/* ERR_INPUT: not a size; ERR_LIMIT: it does not fit 64 bits. */
MUST_CHECK enum status units_read_size(struct slice text, uint64_t *out_bytes);
/* Appends the size in the largest unit of 1024s that leaves no rest: "256MiB", "1000B". */
void units_print_size(struct buf *out, uint64_t bytes);

/* In microseconds, what is less is left out.  Only 0 needs no unit.  ERR_INPUT: not a time. */
MUST_CHECK enum status units_read_time(struct slice text, uint64_t *out_us);
/* Appends the time in the largest unit that leaves no rest: "2ms", "500us", "0ms". */
void units_print_time(struct buf *out, uint64_t us);
