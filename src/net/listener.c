/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <errno.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "net/loop_uv.h"

#define PAUSE_MS 100
#define DEFAULT_BACKLOG 4096
#define DEFAULT_ACCEPT_BUDGET 256

/*
 * The callback of an accepted connection may free the listener while on_readable still runs its
 * loop, so `is_freed` tells the loop to stop, and the memory goes when the loop has ended.
 */
struct listener {
    struct watch *watch; /* owned */
    struct timer *pause; /* owned; runs while accepting rests */
    listener_accept_fn *fn;
    void *arg;
    struct address address;
    int fd; /* owned */
    int accept_budget;
    struct slice refusal; /* borrowed */
    int fd_limit;         /* of a client; looked up each turn, since it may be changed */
    bool is_accepting;    /* inside on_readable */
    bool is_freed;
};

static void rest(struct listener *listener)
{
    metrics_add(METRIC_ACCEPT_PAUSES, 1);
    watch_set(listener->watch, false, false);
    timer_start(listener->pause, PAUSE_MS, 0);
}

static void on_pause_over(void *arg)
{
    struct listener *listener = arg;

    watch_set(listener->watch, true, false);
}

/* From which number on descriptors are kept for others. */
static int look_up_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    const int all = (int)limit.rlim_cur;
    return all - (all / 4 < LISTENER_SPARE_FDS ? all / 4 : LISTENER_SPARE_FDS);
}

/* A wish: whoever is not told sees that the connection has ended. */
static void refuse(const struct listener *listener, int fd)
{
    char request[4096];

    metrics_add(METRIC_ACCEPT_REFUSED, 1);
    (void)send(fd, listener->refusal.at, listener->refusal.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    (void)recv(fd, request, sizeof request, MSG_DONTWAIT); /* what is unread makes it a reset */
    (void)close(fd);
}

enum accepted { ACCEPTED, ACCEPT_REFUSED, ACCEPT_NOTHING };

static enum accepted accept_one(struct listener *listener)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    const int fd =
        accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= listener->fd_limit) {
        refuse(listener, fd);
        return ACCEPT_REFUSED;
    }
    if (fd >= 0) {
        metrics_add(METRIC_ACCEPTED, 1);
        listener->fn(listener->arg, fd, &peer);
        return ACCEPTED;
    }
    switch (errno) {
    case EAGAIN:
        return ACCEPT_NOTHING;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        rest(listener);
        return ACCEPT_NOTHING;
    default: /* accept(2): errors of a connection that has already failed; the next may be well */
        return ACCEPTED;
    }
}

static void on_readable(void *arg, bool readable, bool writable)
{
    struct listener *listener = arg;
    enum accepted last = ACCEPTED;
    bool has_refused = false;

    (void)readable;
    (void)writable;
    listener->is_accepting = true;
    listener->fd_limit = look_up_limit();
    for (int i = 0; i < listener->accept_budget && !listener->is_freed; i++) {
        last = accept_one(listener);
        has_refused = has_refused || last == ACCEPT_REFUSED;
        if (last == ACCEPT_NOTHING)
            break;
    }
    listener->is_accepting = false;
    if (listener->is_freed)
        mem_free(listener);
    else if (has_refused)
        rest(listener);
}

static int open_and_bind(const struct address *address, int is_shared, int backlog)
{
    const int yes = 1, off = 0;
    const int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &is_shared, sizeof is_shared) == 0 &&
        (address->at.any.sa_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind(fd, &address->at.any, address->size) == 0 && listen(fd, backlog) == 0)
        return fd;

    const int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static enum status cannot_listen(const struct address *address, struct fault *fault)
{
    const int error = errno;
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    address_print(&name, address);
    return fault_set(fault, ERR_SYSTEM, "cannot listen on %s: %s", buf_text(&name),
                     uv_strerror(-error));
}

enum status listener_check_free(const struct address *address, struct fault *fault)
{
    const int fd = open_and_bind(address, false, 1);

    if (fd < 0)
        return cannot_listen(address, fault);
    (void)close(fd);
    return OK;
}

struct listener *listener_new(struct loop *loop, const struct listener_config *config,
                              listener_accept_fn *fn, void *arg, struct fault *fault)
{
    const int fd = open_and_bind(&config->address, true,
                                 config->backlog > 0 ? config->backlog : DEFAULT_BACKLOG);

    if (fd < 0) {
        (void)cannot_listen(&config->address, fault);
        return NULL;
    }
    struct listener *listener = mem_new(sizeof *listener);
    listener->fd = fd;
    listener->fn = fn;
    listener->arg = arg;
    listener->accept_budget =
        config->accept_budget > 0 ? config->accept_budget : DEFAULT_ACCEPT_BUDGET;
    listener->refusal = config->refusal;
    listener->address.size = sizeof listener->address.at;
    (void)getsockname(fd, &listener->address.at.any, &listener->address.size);
    listener->pause = timer_new(loop, on_pause_over, listener);
    listener->watch = watch_new(loop, fd, on_readable, listener);
    if (!listener->watch) {
        (void)fault_set(fault, ERR_SYSTEM, "cannot watch a listening socket: %s",
                        uv_strerror(-errno));
        listener_free(listener);
        return NULL;
    }
    watch_set(listener->watch, true, false);
    return listener;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    watch_free(listener->watch);
    timer_free(listener->pause);
    (void)close(listener->fd);
    listener->is_freed = true;
    if (!listener->is_accepting)
        mem_free(listener);
}

const struct address *listener_address(const struct listener *listener)
{
    return &listener->address;
}
