/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/dial.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"

#define DIAL_MS 10000

/*
 * Two parties, one object.  Whoever comes second to the exchange of `state` owns it:
 *
 *     thread ends first:  RUNNING -> DONE,   one byte over the socket, the loop takes conn
 *     loop gives up first: RUNNING -> LEFT,  the thread frees all when it ends
 *
 * The thread's end of the socket is its own, so that it can write whatever the loop does.
 */
enum call_state { CALL_RUNNING, CALL_DONE, CALL_LEFT };

struct call {
    _Atomic int state;
    struct conninfo info;
    int socket; /* the thread's */
    PGconn *conn;
};

struct dial {
    struct call *call; /* shared with the thread */
    int socket;        /* the loop's end */
    struct watch *watch;
    struct timer *timer; /* also for a thread that could not be started */
    dial_fn *fn;
    void *arg;
};

static _Atomic int running; /* threads, also those that go on alone */

static void call_free(struct call *call)
{
    PQfinish(call->conn);
    conninfo_release(&call->info);
    mem_free(call);
}

static void ignore_notice(void *unused, const PGresult *result)
{
    (void)unused;
    (void)result;
}

/* false: time is up. */
static bool wait_for(const PGconn *conn, PostgresPollingStatusType what, uint64_t deadline_ms)
{
    const uint64_t now = clock_system_ms(NULL);
    struct pollfd wanted = {PQsocket(conn), what == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

    if (now >= deadline_ms)
        return false;
    (void)poll(&wanted, 1, (int)(deadline_ms - now));
    return true;
}

static PGconn *connect_now(const struct conninfo *info)
{
    const uint64_t deadline_ms = clock_system_ms(NULL) + DIAL_MS;
    PGconn *conn = PQconnectStartParams(info->keys, info->values, 1);

    if (!conn || PQstatus(conn) == CONNECTION_BAD)
        return conn;
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    for (PostgresPollingStatusType what = PGRES_POLLING_WRITING;
         what != PGRES_POLLING_OK && what != PGRES_POLLING_FAILED; what = PQconnectPoll(conn)) {
        if (!wait_for(conn, what, deadline_ms)) {
            PQfinish(conn);
            return NULL;
        }
    }
    return conn;
}

static void *run(void *arg)
{
    struct call *call = arg;
    const int socket = call->socket;

    call->conn = connect_now(&call->info);
    if (atomic_exchange(&call->state, CALL_DONE) == CALL_LEFT)
        call_free(call);
    else
        (void)!send(socket, "", 1, MSG_NOSIGNAL);
    (void)close(socket);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static bool start(struct call *call)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all); /* signals are for the loops */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_fetch_add(&running, 1);
    const int failed = pthread_create(&thread, &attributes, run, call);
    if (failed != 0)
        atomic_fetch_sub(&running, 1);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return failed == 0;
}

/* The thread is done, or late, or was never there. */
static void end(struct dial *dial)
{
    struct call *call = dial->call;
    PGconn *conn = NULL;

    dial->call = NULL;
    if (call && atomic_exchange(&call->state, CALL_LEFT) == CALL_DONE) {
        conn = call->conn;
        call->conn = NULL;
        call_free(call);
    }
    dial->fn(dial->arg, conn); /* may free the dial */
}

static void on_readable(void *arg, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    end(arg);
}

static void on_timer(void *arg)
{
    end(arg);
}

struct dial *dial_new(struct loop *loop, struct conninfo *info, dial_fn *fn, void *arg)
{
    struct dial *dial = mem_new(sizeof *dial);
    struct call *call = mem_new(sizeof *call);
    int ends[2] = {-1, -1};

    *dial = (struct dial){NULL, -1, NULL, timer_new(loop, on_timer, dial), fn, arg};
    call->info = *info;
    *info = (struct conninfo){0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0)
        dial->watch = watch_new(loop, ends[0], on_readable, dial);
    dial->socket = ends[0];
    call->socket = ends[1];

    if (!dial->watch || !start(call)) {
        if (ends[1] >= 0)
            (void)close(ends[1]);
        call_free(call);
        timer_start(dial->timer, 0, 0);
        return dial;
    }
    dial->call = call;
    watch_set(dial->watch, true, false);
    timer_start(dial->timer, DIAL_MS + 100, 0); /* the resolver knows no time limit */
    return dial;
}

void dial_free(struct dial *dial)
{
    if (!dial)
        return;
    if (dial->call && atomic_exchange(&dial->call->state, CALL_LEFT) == CALL_DONE)
        call_free(dial->call);
    watch_free(dial->watch);
    timer_free(dial->timer);
    if (dial->socket >= 0)
        (void)close(dial->socket);
    mem_free(dial);
}

bool dial_is_idle(void)
{
    return atomic_load(&running) == 0;
}
