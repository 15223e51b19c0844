/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/handshakes.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "net/loop.h"
#include "serve/session.h"

static void take_step(struct handshakes *handshakes, struct session *session)
{
    const uint64_t begin = clock_monotonic_us();

    session_read(session);
    handshakes->spent_us += clock_monotonic_us() - begin;
}

static bool has_time(const struct handshakes *handshakes)
{
    return handshakes->spent_us < HANDSHAKE_TURN_US;
}

static struct session *first_in_line(const struct handshakes *handshakes)
{
    return LIST_ITEM(handshakes->line.next, struct session, in_catching);
}

static void wait_for_next_turn(struct handshakes *handshakes)
{
    if (!list_is_empty(&handshakes->line))
        wake_signal(handshakes->next); /* sockets and timers first */
}

static bool has_given_up(struct session *session)
{
    if (!socket_is_left(&session->socket))
        return false;
    metrics_add(METRIC_TLS_FAILED, 1);
    session_abort(session);
    return true;
}

static void call_up(struct handshakes *handshakes, struct session *session)
{
    list_remove(&session->in_catching);
    if (session->phase == SESSION_GONE || has_given_up(session))
        return;
    socket_rest(&session->socket, false);
    session_deadline(session, SESSION_HANDSHAKE_SECONDS);
    take_step(handshakes, session);
}

static void on_next_turn(void *arg)
{
    struct handshakes *handshakes = arg;

    do {
        if (!list_is_empty(&handshakes->line))
            call_up(handshakes, first_in_line(handshakes));
    } while (!list_is_empty(&handshakes->line) && has_time(handshakes));
    wait_for_next_turn(handshakes);
}

void handshakes_init(struct handshakes *handshakes, struct loop *loop)
{
    list_init(&handshakes->line);
    handshakes->next = wake_new(loop, on_next_turn, handshakes);
    handshakes->spent_us = 0;
}

void handshakes_release(struct handshakes *handshakes)
{
    wake_free(handshakes->next);
    handshakes->next = NULL;
}

void handshakes_turn_end(struct handshakes *handshakes)
{
    handshakes->spent_us = 0;
    if (!list_is_empty(&handshakes->line))
        metrics_add(METRIC_TLS_FULL_TURNS, 1);
}

void handshakes_go_on(struct handshakes *handshakes, struct session *session)
{
    const bool is_new = !socket_is_answered(&session->socket);

    if (has_time(handshakes) && (!is_new || list_is_empty(&handshakes->line))) {
        take_step(handshakes, session);
        return;
    }
    socket_rest(&session->socket, true);
    if (is_new)
        list_append(&handshakes->line, &session->in_catching);
    else /* before the first */
        list_append(handshakes->line.next, &session->in_catching);
    wait_for_next_turn(handshakes);
}

bool handshakes_excuse(struct session *session)
{
    if (session->phase != SESSION_READING || !session->in_catching.next)
        return false;
    if (!has_given_up(session))
        session_deadline(session, SESSION_HANDSHAKE_SECONDS);
    return true;
}
