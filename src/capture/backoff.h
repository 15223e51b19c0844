/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/random.h"

/*
 * How long until the next attempt?
 *
 *     100 ms, 200, 400, ... 6.4 s, 10 s, 10 s, ...     each between half of that and all of it
 *
 * For ever: the database comes back when it comes back.  The jitter keeps many servers that lost
 * the same database from coming back as one.
 */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000

struct backoff {
    struct random random;
    uint64_t next_ms; /* before jitter */
};

void backoff_init(struct backoff *backoff, struct random random);
void backoff_reset(struct backoff *backoff); /* it worked */
uint64_t backoff_next_ms(struct backoff *backoff);
