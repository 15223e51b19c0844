/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/loop_uv.h"

/*
 * libuv, with its handles' asynchronous closing hidden.
 *
 * uv_close() only begins to close: libuv holds the handle until it calls back, later in the same
 * turn.  So each _free starts that and the memory goes in the callback; loop_free turns the loop
 * until the last of them is gone.
 *
 * A turn of libuv is: timers, prepare, sleep in epoll, descriptors and wakes, closing; from 1.45
 * on timers come last.  loop_on_turn is a prepare handle: either way it comes after the
 * descriptors and timers that were due, with nothing between it and the sleep.  A turn that is the
 * last one may end without it, and is given its own.
 */
struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    loop_turn_fn *on_turn; /* may be NULL */
    void *on_turn_arg;
    bool is_stopped; /* and on_turn has not been called since */
};

struct timer {
    uv_timer_t uv;
    timer_fn *fn;
    void *arg;
};

struct watch {
    uv_poll_t uv;
    watch_fn *fn;
    void *arg;
    int events; /* what libuv waits for now */
};

struct wake {
    uv_async_t uv;
    wake_fn *fn;
    void *arg;
};

struct signal_watch {
    uv_signal_t uv;
    signal_fn *fn;
    void *arg;
};

/* For calls that can only fail when the kernel has no memory or descriptors for a new loop. */
static void must(int result, const char *what)
{
    if (result == 0)
        return;
    log_error("%s: %s", what, uv_strerror(result));
    abort();
}

static void end_turn(struct loop *loop)
{
    if (loop->on_turn)
        loop->on_turn(loop->on_turn_arg);
    loop->is_stopped = false;
}

static void on_prepare(uv_prepare_t *handle)
{
    end_turn(handle->data);
}

struct loop *loop_new(void)
{
    struct loop *loop = mem_new(sizeof *loop);

    must(uv_loop_init(&loop->uv), "event loop");
    loop->uv.data = loop;
    must(uv_prepare_init(&loop->uv, &loop->prepare), "event loop");
    loop->prepare.data = loop;
    must(uv_prepare_start(&loop->prepare, on_prepare), "event loop");
    /* OpenSSL writes with write(2): a peer that is gone must be an error, not our end. */
    (void)signal(SIGPIPE, SIG_IGN);
    return loop;
}

static void count_closing(uv_handle_t *handle, void *arg)
{
    if (uv_is_closing(handle))
        (*(size_t *)arg)++;
}

static size_t closing_count(struct loop *loop)
{
    size_t count = 0;

    uv_walk(&loop->uv, count_closing, &count);
    return count;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    while (closing_count(loop) > 0)
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);

    const int busy = uv_loop_close(&loop->uv);
    assert(busy == 0 && "something on this loop was not freed before it");
    if (busy == 0)
        mem_free(loop);
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    if (loop->is_stopped)
        end_turn(loop);
}

void loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
    uv_stop(&loop->uv);
}

uint64_t loop_now_ms(struct loop *loop)
{
    return uv_now(&loop->uv);
}

void loop_on_turn(struct loop *loop, loop_turn_fn *fn, void *arg)
{
    loop->on_turn = fn;
    loop->on_turn_arg = arg;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

struct loop *loop_of_uv(uv_loop_t *uv)
{
    return uv->data;
}

/* Each object below begins with its handle, whose data points to the object. */
static void free_object(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void on_timer(uv_timer_t *handle)
{
    const struct timer *timer = handle->data;

    timer->fn(timer->arg);
}

struct timer *timer_new(struct loop *loop, timer_fn *fn, void *arg)
{
    struct timer *timer = mem_new(sizeof *timer);

    must(uv_timer_init(&loop->uv, &timer->uv), "timer");
    timer->uv.data = timer;
    timer->fn = fn;
    timer->arg = arg;
    return timer;
}

void timer_free(struct timer *timer)
{
    if (timer)
        uv_close((uv_handle_t *)&timer->uv, free_object);
}

void timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms)
{
    must(uv_timer_start(&timer->uv, on_timer, after_ms, repeat_ms), "timer");
}

void timer_stop(struct timer *timer)
{
    (void)uv_timer_stop(&timer->uv);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct watch *watch = handle->data;

    if (status < 0) { /* libuv has stopped watching */
        watch->events = 0;
        watch->fn(watch->arg, true, true);
        return;
    }
    watch->fn(watch->arg, (events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0);
}

struct watch *watch_new(struct loop *loop, int fd, watch_fn *fn, void *arg)
{
    struct watch *watch = mem_new(sizeof *watch);

    if (uv_poll_init(&loop->uv, &watch->uv, fd) != 0) {
        mem_free(watch);
        return NULL;
    }
    watch->uv.data = watch;
    watch->fn = fn;
    watch->arg = arg;
    return watch;
}

void watch_free(struct watch *watch)
{
    if (watch)
        uv_close((uv_handle_t *)&watch->uv, free_object);
}

void watch_set(struct watch *watch, bool readable, bool writable)
{
    const int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

    if (events == watch->events)
        return;
    watch->events = events;
    if (events == 0)
        must(uv_poll_stop(&watch->uv), "watch");
    else
        must(uv_poll_start(&watch->uv, events, on_poll), "watch");
}

static void on_async(uv_async_t *handle)
{
    const struct wake *wake = handle->data;

    wake->fn(wake->arg);
}

struct wake *wake_new(struct loop *loop, wake_fn *fn, void *arg)
{
    struct wake *wake = mem_new(sizeof *wake);

    wake->uv.data = wake;
    wake->fn = fn;
    wake->arg = arg;
    must(uv_async_init(&loop->uv, &wake->uv, on_async), "wake");
    return wake;
}

void wake_free(struct wake *wake)
{
    if (wake)
        uv_close((uv_handle_t *)&wake->uv, free_object);
}

void wake_signal(struct wake *wake)
{
    (void)uv_async_send(&wake->uv);
}

static void on_signal(uv_signal_t *handle, int number)
{
    const struct signal_watch *watch = handle->data;

    watch->fn(watch->arg, number);
}

struct signal_watch *signal_watch_new(struct loop *loop, int number, signal_fn *fn, void *arg)
{
    struct signal_watch *watch = mem_new(sizeof *watch);

    must(uv_signal_init(&loop->uv, &watch->uv), "signal");
    watch->uv.data = watch;
    watch->fn = fn;
    watch->arg = arg;
    must(uv_signal_start(&watch->uv, on_signal, number), "signal");
    return watch;
}

void signal_watch_free(struct signal_watch *watch)
{
    if (watch)
        uv_close((uv_handle_t *)&watch->uv, free_object);
}
