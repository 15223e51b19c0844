/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct alarm;
struct loop;

/*
 * Calls back once, some microseconds from now: libuv's timers (net/loop.h) count whole
 * milliseconds, from the beginning of the turn, which is too coarse for a wait of half of one.
 *
 * Costs a descriptor (timerfd), and three system calls for each time.  The loop's thread only.
 */
typedef void(alarm_fn)(void *arg);

/* NULL: the system has no descriptor for it. */
struct alarm *alarm_new(struct loop *loop, alarm_fn *fn, void *arg);
void alarm_free(struct alarm *alarm); /* NULL is accepted */
/* Sets, or sets anew.  1 µs at least. */
void alarm_set(struct alarm *alarm, uint32_t after_us);
