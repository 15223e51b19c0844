/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/*
 * One thread's event loop, and the four things it can wait for:
 *
 *     timer    time has passed
 *     watch    a descriptor that others own (libpq's socket) can be read or written
 *     wake     another thread, or a signal handler, says "look"
 *     signal   the process was sent SIGTERM, SIGHUP, ...
 *
 *     struct loop *loop = loop_new();
 *     struct timer *tick = timer_new(loop, on_tick, app);
 *     timer_start(tick, 1000, 1000);
 *     loop_run(loop);                       (until somebody calls loop_stop)
 *     timer_free(tick);
 *     loop_free(loop);
 *
 * Everything here belongs to the thread that runs the loop, but for wake_signal.  Each _free may
 * be called inside the object's own callback, and accepts NULL; after it the callback is never
 * called again.  Everything made on a loop is freed before the loop.
 */
struct loop;
struct timer;
struct watch;
struct wake;
struct signal_watch;

typedef void(loop_turn_fn)(void *arg);
typedef void(timer_fn)(void *arg);
typedef void(watch_fn)(void *arg, bool readable, bool writable);
typedef void(wake_fn)(void *arg);
typedef void(signal_fn)(void *arg, int number);

struct loop *loop_new(void);
void loop_free(struct loop *loop);
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* own thread only; loop_run returns at the end of this turn */
uint64_t loop_now_ms(struct loop *loop); /* monotonic; the time at which this turn began */

/*
 * Calls fn once in every turn, after all callbacks and before the loop would sleep: the place to
 * send what the turn has gathered.  One per loop; NULL removes it.
 */
void loop_on_turn(struct loop *loop, loop_turn_fn *fn, void *arg);

struct timer *timer_new(struct loop *loop, timer_fn *fn, void *arg);
void timer_free(struct timer *timer);
/* Starts, or starts anew.  Then every repeat_ms if that is not 0. */
void timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms);
void timer_stop(struct timer *timer);

/*
 * Watches a descriptor, which stays the caller's: it may be closed right after watch_free (not
 * before).  Waits for nothing until watch_set.  NULL when the system cannot watch it, such as a
 * descriptor that is not open, or a plain file.  A broken descriptor is reported as readable and
 * writable once, so that its owner meets the error; it is silent then until the next watch_set.
 */
struct watch *watch_new(struct loop *loop, int fd, watch_fn *fn, void *arg);
void watch_free(struct watch *watch);
void watch_set(struct watch *watch, bool readable, bool writable);

/* Signals given before the callback runs count as one. */
struct wake *wake_new(struct loop *loop, wake_fn *fn, void *arg);
void wake_free(struct wake *wake);   /* when nobody will signal it any more */
void wake_signal(struct wake *wake); /* any thread; also in a signal handler */

/* The process' own handling of the signal is replaced until signal_watch_free. */
struct signal_watch *signal_watch_new(struct loop *loop, int number, signal_fn *fn, void *arg);
void signal_watch_free(struct signal_watch *watch);
