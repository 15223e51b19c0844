/* SPDX-License-Identifier: Apache-2.0 */
#include "net/alarm.h"

#include <assert.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/loop.h"

struct alarm {
    struct watch *watch; /* owned */
    alarm_fn *fn;
    void *arg;
    int fd; /* owned */
};

/* What was set anew after the loop had seen it go off reads as "not yet". */
static void on_readable(void *arg, bool readable, bool writable)
{
    const struct alarm *alarm = arg;
    uint64_t times;

    (void)readable;
    (void)writable;
    if (read(alarm->fd, &times, sizeof times) == (ssize_t)sizeof times)
        alarm->fn(alarm->arg);
}

struct alarm *alarm_new(struct loop *loop, alarm_fn *fn, void *arg)
{
    struct alarm *alarm = mem_new(sizeof *alarm);

    alarm->fn = fn;
    alarm->arg = arg;
    alarm->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (alarm->fd >= 0)
        alarm->watch = watch_new(loop, alarm->fd, on_readable, alarm);
    if (!alarm->watch) {
        alarm_free(alarm);
        return NULL;
    }
    watch_set(alarm->watch, true, false);
    return alarm;
}

void alarm_free(struct alarm *alarm)
{
    if (!alarm)
        return;
    watch_free(alarm->watch);
    if (alarm->fd >= 0)
        (void)close(alarm->fd);
    mem_free(alarm);
}

void alarm_set(struct alarm *alarm, uint32_t after_us)
{
    const struct itimerspec once = {
        .it_value = {.tv_sec = after_us / 1000000, .tv_nsec = (long)(after_us % 1000000) * 1000}};

    assert(after_us > 0); /* 0 would mean never */
    (void)timerfd_settime(alarm->fd, 0, &once, NULL);
}
