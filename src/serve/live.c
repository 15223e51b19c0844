/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that is live: what it hears, how it says goodbye, and whether it is still there.
 */
#include "base/metrics.h"
#include "encode/sse.h"
#include "serve/session.h"
#include "serve/worker.h"

/* ---- goodbye ---- */

void session_say_close(struct session *session, unsigned code, struct slice reason)
{
    CLEANUP(buf_release) struct buf frame = BUF_INIT;

    if (session->phase != SESSION_LIVE)
        return;
    session_unsubscribe(session);
    if (session->format == FRAME_SSE) {
        session_finish(session);
        return;
    }
    session->phase = SESSION_CLOSING;
    session_deadline(session, SESSION_CLOSE_SECONDS);
    ws_close_add(&frame, code, reason);
    session_put(session, buf_slice(&frame));
}

/* The reason of a close frame has room for 123 bytes: the words, then where to go on from. */
void session_tell_gap(struct session *session, unsigned code, struct slice reason)
{
    const struct token now = worker_token_now(session->worker);
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (session->phase != SESSION_LIVE)
        return;
    if (session->format == FRAME_SSE) {
        encode_sse_gap(&text, now, reason);
        session_put(session, buf_slice(&text));
    } else {
        const size_t room = 123 - TOKEN_SIZE - sizeof "; pos=";
        buf_add(&text, slice_of(reason.at, reason.size < room ? reason.size : room));
        buf_add_text(&text, "; pos=");
        token_print(&text, now);
    }
    session_say_close(session, code, buf_slice(&text));
}

/* ---- hearing ---- */

/* The peer's close: answered with its own code if it was first (RFC 6455, section 5.5.1). */
static void take_close(struct session *session, unsigned code)
{
    if (session->phase == SESSION_LIVE)
        session_say_close(session, code, SLICE(""));
    session_finish(session);
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
    case WS_EVENT_DATA: /* plain clients have nothing to say: it is discarded */
    case WS_EVENT_PONG: /* a sign of life, as any byte is */
        break;
    }
}

void session_take_frames(struct session *session, char *bytes, size_t size)
{
    struct ws_input input = {bytes, size};
    struct ws_event event;
    enum status status;

    if (session->format == FRAME_SSE)
        return; /* a reader of events has nothing to say */
    while ((status = ws_read(&session->reader, &input, &event)) == OK) {
        take_event(session, &event);
        if (session->phase != SESSION_LIVE && session->phase != SESSION_CLOSING)
            return;
    }
    if (status == ERR_INPUT) {
        session_say_close(session, event.code, event.bytes);
        session_finish(session);
    }
}

/* ---- liveness ---- */

static void send_alive(struct session *session)
{
    CLEANUP(buf_release) struct buf comment = BUF_INIT;

    encode_sse_alive(&comment);
    session_deadline(session, session->worker->config.ping_seconds);
    if (outbox_is_empty(&session->outbox))
        session_put(session, buf_slice(&comment));
}

static void send_ping(struct session *session)
{
    CLEANUP(buf_release) struct buf ping = BUF_INIT;

    session->is_pinged = true;
    session->is_silent = true;
    session_deadline(session, SESSION_PONG_SECONDS);
    /* What waits must leave first; that it does is the sign of life then. */
    if (!outbox_is_empty(&session->outbox))
        return;
    ws_frame_add(&ping, WS_PING, SLICE(""));
    session_put(session, buf_slice(&ping));
}

void session_ping_due(struct session *session)
{
    const uint32_t period = session->worker->config.ping_seconds;

    if (session->format == FRAME_SSE) {
        send_alive(session);
    } else if (!session->is_pinged) {
        send_ping(session);
    } else if (session->is_silent) {
        metrics_add(METRIC_DEAD_CLOSED, 1);
        session_abort(session);
    } else {
        session->is_pinged = false;
        session_deadline(session,
                         period > SESSION_PONG_SECONDS ? period - SESSION_PONG_SECONDS : 1);
    }
}
