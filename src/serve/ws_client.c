/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ws_client.h"

#include "base/metrics.h"
#include "serve/protocol.h"
#include "serve/session.h"
#include "serve/worker.h"

/* ---- goodbye ---- */

void ws_client_say_close(struct session *session, unsigned code, struct slice reason)
{
    CLEANUP(buf_release) struct buf frame = BUF_INIT;

    session->phase = SESSION_CLOSING;
    session_deadline(session, SESSION_CLOSE_SECONDS);
    ws_close_add(&frame, code, reason);
    session_put(session, buf_slice(&frame));
}

/* The peer's close: answered with its own code if it was first (RFC 6455, section 5.5.1). */
static void take_close(struct session *session, unsigned code)
{
    session_say_close(session, code, SLICE(""));
    session_finish(session);
}

/* ---- hearing ---- */

static void fail(struct session *session, const struct ws_event *why)
{
    session_say_close(session, why->code, why->bytes);
    session_finish(session);
}

static void take_data(struct session *session, const struct ws_event *event)
{
    struct ws_event fault;

    if (session->protocol->take_data && session->phase == SESSION_LIVE &&
        session->protocol->take_data(session, event, &fault) != OK)
        fail(session, &fault);
}

static void take_event(struct session *session, const struct ws_event *event)
{
    CLEANUP(buf_release) struct buf pong = BUF_INIT;

    switch (event->kind) {
    case WS_EVENT_PING:
        if (session->phase != SESSION_LIVE)
            break;
        ws_frame_add(&pong, WS_PONG, event->bytes);
        session_put(session, buf_slice(&pong));
        break;
    case WS_EVENT_CLOSE:
        take_close(session, event->code);
        break;
    case WS_EVENT_DATA:
        take_data(session, event);
        break;
    case WS_EVENT_PONG: /* a sign of life, as any byte is */
        break;
    }
}

void ws_client_take_bytes(struct session *session, char *bytes, size_t size)
{
    struct ws_input input = {bytes, size};
    struct ws_event event;
    enum status status;

    while ((status = ws_read(&session->reader, &input, &event)) == OK) {
        take_event(session, &event);
        if (session->phase != SESSION_LIVE && session->phase != SESSION_CLOSING)
            return;
    }
    if (status == ERR_INPUT)
        fail(session, &event);
}

/* ---- liveness ---- */

/* After a ping, the next look at the session: a short period waits for an answer over several. */
static uint32_t answer_seconds(const struct session *session)
{
    const uint32_t period = session->worker->config.ping_seconds;

    return period < SESSION_PONG_SECONDS ? period : SESSION_PONG_SECONDS;
}

static bool is_dead(struct session *session)
{
    if (!session->is_pinged || !session->is_silent)
        return false;
    session->silent_seconds = (uint8_t)(session->silent_seconds + answer_seconds(session));
    return session->silent_seconds >= SESSION_PONG_SECONDS;
}

static void send_ping(struct session *session, void (*before_ping)(struct session *session))
{
    CLEANUP(buf_release) struct buf ping = BUF_INIT;

    session->is_pinged = true;
    if (!session->is_silent)
        session->silent_seconds = 0;
    session->is_silent = true;
    session_deadline(session, answer_seconds(session));
    /* What waits must leave first; that it does is the sign of life then. */
    if (!outbox_is_empty(&session->outbox))
        return;
    if (before_ping)
        before_ping(session);
    ws_frame_add(&ping, WS_PING, SLICE(""));
    session_put(session, buf_slice(&ping));
}

void ws_client_keep_alive(struct session *session, void (*before_ping)(struct session *session))
{
    const uint32_t period = session->worker->config.ping_seconds;

    if (is_dead(session)) {
        metrics_add(METRIC_DEAD_CLOSED, 1);
        session_abort(session);
    } else if (session->is_pinged && period > SESSION_PONG_SECONDS) {
        session->is_pinged = false;
        session_deadline(session, period - SESSION_PONG_SECONDS);
    } else {
        send_ping(session, before_ping);
    }
}
