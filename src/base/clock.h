/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Time comes in through here, so that a test can hold it still:
 *
 *     struct clock clock = CLOCK_SYSTEM;                  the machine's
 *     struct clock clock = {fixed_ms, &my_time};          a test's
 *
 * Monotonic; its zero means nothing.  Any thread.
 */
struct clock {
    uint64_t (*read_ms)(void *arg);
    void *arg;
};

uint64_t clock_system_ms(void *unused);
#define CLOCK_SYSTEM ((struct clock){clock_system_ms, NULL})

static inline uint64_t clock_ms(const struct clock *clock)
{
    return clock->read_ms(clock->arg);
}

uint64_t clock_wall_us(void);      /* microseconds since 1970, UTC */
uint64_t clock_monotonic_us(void); /* for measuring durations */
