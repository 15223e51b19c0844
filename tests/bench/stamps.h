/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * How old are messages when they arrive?
 *
 * The feeder writes the time into each row, in microseconds since 1970 behind an @:
 *
 *     ... "columnvalues":[17,"@1767225600123456 xxxxxxx"]}
 *
 * and receivers note how long ago that was.  Ages are counted in a histogram of 64 steps for each
 * power of two, so that a percentile is right within 1.6 %.
 */
enum { STAMPS_BUCKETS = 4096 };

struct stamps {
    uint64_t count;
    uint64_t buckets[STAMPS_BUCKETS];
};

uint64_t stamps_now_us(void);

/* Notes the age of the message whose text this is; false: there is no stamp in it. */
_Bool stamps_note(struct stamps *stamps, const char *text, size_t size, uint64_t now_us);

/* The age that `part` (0 to 1) of all messages do not pass. */
uint64_t stamps_part_us(const struct stamps *stamps, double part);

/* {"frames":..., ..., "p50_us":..., "p99_us":..., "p999_us":...} as one line. */
void stamps_report(const struct stamps *stamps, uint64_t frames, uint64_t bytes, uint64_t reads,
                   double seconds);
