/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that is live: what it hears, how it says goodbye, and whether it is still there.
 */
#include "base/metrics.h"
#include "encode/json.h"
#include "encode/sse.h"
#include "journal/journal.h"
#include "serve/session.h"
#include "serve/v1.h"
#include "serve/worker.h"

/* ---- goodbye ---- */

void session_say_close(struct session *session, unsigned code, struct slice reason)
{
    CLEANUP(buf_release) struct buf frame = BUF_INIT;

    if (session->phase != SESSION_LIVE)
        return;
    if (session->format == FRAME_SSE) {
        session_finish(session);
        return;
    }
    session->phase = SESSION_CLOSING;
    session_deadline(session, SESSION_CLOSE_SECONDS);
    ws_close_add(&frame, code, reason);
    session_put(session, buf_slice(&frame));
}

/* From here on it goes on with what is live. */
static void go_on_now(struct session *session)
{
    session->place = session->worker->flushed_to;
    session->skip_commit = LSN_NONE;
    if (session->is_behind)
        metrics_sub(METRIC_BEHIND, 1);
    session->is_behind = false;
}

static void close_for_gap(struct session *session, unsigned code, struct slice reason)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    encode_plain_gap(&text, reason, worker_token_now(session->worker));
    session_say_close(session, code, buf_slice(&text));
}

void session_tell_gap(struct session *session, unsigned code, struct slice reason)
{
    CLEANUP(buf_release) struct buf event = BUF_INIT;

    if (session->phase != SESSION_LIVE)
        return;
    if (session->v1) {
        go_on_now(session);
        v1_tell_gap(session->v1, reason);
    } else if (session->format == FRAME_SSE) {
        go_on_now(session);
        encode_sse_gap(&event, worker_token_now(session->worker), reason);
        session_put(session, buf_slice(&event));
    } else {
        close_for_gap(session, code, reason);
    }
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
        if (session->v1 && session->phase == SESSION_LIVE)
            v1_take_data(session->v1, event->opcode == WS_TEXT, event->bytes, event->is_last);
        break;
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

    const struct worker *worker = session->worker;
    const struct token now = worker_token_now(worker);

    /* An id without an event moves on what the client will come back with. */
    if (!session->is_behind && now.epoch == worker->epoch &&
        journal_head(worker->config.journal) == worker->flushed_to)
        encode_sse_progress(&comment, now);
    else
        encode_sse_alive(&comment);
    session_deadline(session, session->worker->config.ping_seconds);
    if (outbox_is_empty(&session->outbox))
        session_put(session, buf_slice(&comment));
}

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

static void send_ping(struct session *session)
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
    if (session->v1)
        v1_put_progress(session->v1);
    ws_frame_add(&ping, WS_PING, SLICE(""));
    session_put(session, buf_slice(&ping));
}

void session_ping_due(struct session *session)
{
    const uint32_t period = session->worker->config.ping_seconds;

    if (session->format == FRAME_SSE) {
        send_alive(session);
    } else if (is_dead(session)) {
        metrics_add(METRIC_DEAD_CLOSED, 1);
        session_abort(session);
    } else if (session->is_pinged && period > SESSION_PONG_SECONDS) {
        session->is_pinged = false;
        session_deadline(session, period - SESSION_PONG_SECONDS);
    } else {
        send_ping(session);
    }
}
