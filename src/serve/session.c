/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/session.h"

#include <assert.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "serve/catch_up.h"
#include "serve/protocol.h"
#include "serve/request.h"
#include "serve/worker.h"

/* A client that keeps sending must not keep the others waiting. */
#define READS_PER_TURN 16

/* ---- closing ---- */

static void on_socket_closed(void *arg)
{
    struct session *session = arg;
    struct worker *worker = session->worker;

    list_remove(&session->in_wheel);
    mem_free(session);
    worker_forget(worker);
}

/* Whoever finds out that a session is over may be in the midst of using it; so it is only marked
 * here, and taken apart at the end of the turn. */
static void doom(struct session *session, bool is_polite)
{
    if (session->phase == SESSION_GONE)
        return;
    session->phase = SESSION_GONE;
    session->is_polite = is_polite;
    list_remove(&session->in_wheel);
    list_append(&session->worker->doomed, &session->in_wheel);
}

/* Lets go of everything but the socket, whose closing takes a while. */
static void let_go(struct session *session)
{
    if (session->protocol)
        session->protocol->leave(session);
    list_remove(&session->in_catching);
    session_come_abreast(session);
    if (frame_is_deflated(session_format(session)))
        metrics_sub(METRIC_DEFLATE_CLIENTS, 1);
    request_free(session->request);
    session->request = NULL;
    outbox_release(&session->outbox);
    ws_reader_release(&session->reader);
    list_remove(&session->in_wheel);
}

void session_bury(struct session *session)
{
    let_go(session);
    if (session->is_polite)
        socket_close(&session->socket, on_socket_closed);
    else
        socket_abort(&session->socket, on_socket_closed);
}

void session_abort(struct session *session)
{
    doom(session, false);
}

void session_finish(struct session *session)
{
    if (session->phase == SESSION_GONE)
        return;
    if (outbox_is_empty(&session->outbox)) {
        doom(session, true);
        return;
    }
    session->phase = SESSION_FLUSHING;
    session_deadline(session, SESSION_CLOSE_SECONDS);
}

void session_deadline(struct session *session, uint32_t seconds)
{
    if (session->phase != SESSION_GONE)
        wheel_put(&session->worker->wheel, &session->in_wheel, seconds);
}

/* ---- what its protocol says ---- */

void session_tell_gap(struct session *session, unsigned code, struct slice reason)
{
    if (session->phase == SESSION_LIVE)
        session->protocol->tell_gap(session, code, reason);
}

void session_say_close(struct session *session, unsigned code, struct slice reason)
{
    if (session->phase == SESSION_LIVE)
        session->protocol->say_close(session, code, reason);
}

void session_end(struct session *session, struct slice reason)
{
    session_tell_gap(session, WS_CLOSE_GAP, reason);
    if (session->phase == SESSION_LIVE)
        session_finish(session);
}

/* ---- writing ---- */

static void write_waiting(struct session *session)
{
    while (!outbox_is_empty(&session->outbox)) {
        const struct slice next = outbox_peek(&session->outbox);
        size_t sent = 0;
        const enum status status = socket_write(&session->socket, next.at, next.size, &sent);
        if (status == ERR_AGAIN)
            return;
        if (status != OK) {
            session_abort(session);
            return;
        }
        session->is_silent = false;
        session->worker->bytes_sent += sent;
        outbox_sent(&session->outbox, sent);
    }
    socket_want_write(&session->socket, false);
    const struct protocol *protocol = session->protocol;
    struct reading reading;
    const bool is_live = session->phase == SESSION_LIVE;
    const bool is_behind = is_live && protocol->next_reading(session, &reading);
    if (is_live && protocol->drained)
        protocol->drained(session, is_behind);
    if (session->phase == SESSION_FLUSHING)
        session_finish(session);
    else if (is_live && is_behind)
        catch_up_add(session);
}

/* ---- reading ---- */

static void take_bytes(struct session *session, char *bytes, size_t size)
{
    session->is_silent = false;
    switch ((enum session_phase)session->phase) {
    case SESSION_READING:
    case SESSION_ASKING:
        request_take(session->request, slice_of(bytes, size));
        break;
    case SESSION_LIVE:
    case SESSION_CLOSING:
        session->protocol->take_bytes(session, bytes, size);
        break;
    case SESSION_FLUSHING: /* nobody listens any more */
    case SESSION_GONE:
        break;
    }
}

void session_read(struct session *session)
{
    char *buffer = session->worker->read_buffer;

    for (int i = 0; i < READS_PER_TURN; i++) {
        size_t size = 0;
        const enum status status = socket_read(&session->socket, buffer, WORKER_READ_SIZE, &size);
        if (status == ERR_AGAIN)
            return;
        if (status != OK) {
            session_abort(session);
            return;
        }
        take_bytes(session, buffer, size);
        if (session->phase == SESSION_GONE)
            return;
    }
}

static void on_socket(void *arg, bool readable, bool writable)
{
    struct session *session = arg;

    if (session->phase == SESSION_GONE)
        return;
    if (socket_is_shaking(&session->socket)) {
        handshakes_go_on(&session->worker->handshakes, session);
        return;
    }
    if (writable)
        write_waiting(session);
    if (readable && session->phase != SESSION_GONE)
        session_read(session);
}

/* ---- from the outside ---- */

enum status session_accept(struct worker *worker, int fd)
{
    struct session *session = mem_new(sizeof *session);

    session->worker = worker;
    const enum status status =
        socket_open(&session->socket, worker->loop, fd, worker->config.tls, on_socket, session);
    if (status != OK) {
        mem_free(session);
        return status;
    }
    session->phase = SESSION_READING;
    session->request = request_new(session);
    session_deadline(session, SESSION_HANDSHAKE_SECONDS);
    return OK;
}

void session_due(struct session *session)
{
    switch ((enum session_phase)session->phase) {
    case SESSION_READING:
    case SESSION_ASKING:
        if (!handshakes_excuse(session))
            request_late(session->request);
        break;
    case SESSION_LIVE:
        session->protocol->keep_alive(session);
        break;
    case SESSION_CLOSING:
    case SESSION_FLUSHING:
        session_abort(session);
        break;
    case SESSION_GONE:
        assert(!"a closed session has no deadline");
        break;
    }
}
