/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session writes.
 *
 * Changes are never queued: what the socket does not take is read from the journal again later.
 * The one exception is a run of which a part was written already; its rest must follow before
 * anything else, and is shared with all whose rest comes from the same run.
 */
#include "base/metrics.h"
#include "base/packet.h"
#include "journal/reader.h"
#include "serve/protocol.h"
#include "serve/session.h"
#include "serve/worker.h"

_Static_assert(offsetof(struct session, outbox.count) + sizeof(uint32_t) -
                       offsetof(struct session, socket.tls) <=
                   64,
               "what a delivery looks at must lie together");

/* Queues the rest of `bytes`; a client that makes us say more than it reads is cut off. */
static void queue_rest(struct session *session, struct slice bytes, size_t sent,
                       struct packet **rest)
{
    if (!*rest)
        *rest = packet_new(bytes.at, bytes.size);
    if (outbox_push(&session->outbox, *rest, (uint32_t)sent, SESSION_OUTBOX_MAX) != OK) {
        session_abort(session);
        return;
    }
    socket_want_write(&session->socket, true);
}

/* How much the socket took; false: the session is closed. */
static bool write_some(struct session *session, struct slice bytes, size_t *out_sent)
{
    const enum status status = socket_write(&session->socket, bytes.at, bytes.size, out_sent);

    if (status == ERR_AGAIN)
        *out_sent = 0;
    session->worker->bytes_sent += *out_sent;
    if (status == OK || status == ERR_AGAIN)
        return true;
    session_abort(session);
    return false;
}

void session_put(struct session *session, struct slice bytes)
{
    struct packet *rest = NULL;
    size_t sent = 0;

    if (session->phase == SESSION_GONE)
        return;
    if (outbox_is_empty(&session->outbox) && !write_some(session, bytes, &sent))
        return;
    if (sent < bytes.size)
        queue_rest(session, bytes, sent, &rest);
    packet_unref(rest);
}

void session_fall_behind(struct session *session, uint64_t place)
{
    session->place = place;
    if (session->is_behind)
        return;
    session->is_behind = true;
    metrics_add(METRIC_BEHIND, 1);
}

void session_come_abreast(struct session *session)
{
    session->skip_commit = LSN_NONE;
    if (session->is_behind)
        metrics_sub(METRIC_BEHIND, 1);
    session->is_behind = false;
}

void session_go_on_now(struct session *session)
{
    session->place = session->worker->flushed_to;
    session_come_abreast(session);
}

static void tell_slow(struct session *session)
{
    if (session->protocol->tell_notice)
        session->protocol->tell_notice(session, NOTICE_SLOW);
}

bool session_send_run(struct session *session, struct slice run, struct packet **rest)
{
    struct worker *worker = session->worker;
    size_t sent = 0;

    if (session->phase != SESSION_LIVE || session->is_behind)
        return false;
    if (outbox_is_empty(&session->outbox) && !write_some(session, run, &sent))
        return false;
    if (sent == run.size)
        return true;
    /* OpenSSL, once it has refused a write, wants the same bytes first. */
    if (sent > 0 || (session->socket.tls && outbox_is_empty(&session->outbox))) {
        session_fall_behind(session, journal_reader_offset(worker->reader));
        queue_rest(session, run, sent, rest);
        tell_slow(session);
        return true;
    }
    session_fall_behind(session, worker->flushed_to);
    socket_want_write(&session->socket, true);
    tell_slow(session);
    return false;
}

bool session_send_own(struct session *session, struct slice run)
{
    struct packet *rest = NULL;
    size_t sent = 0;

    if (run.size == 0)
        return true;
    if (!write_some(session, run, &sent))
        return false;
    if (sent < run.size)
        queue_rest(session, run, sent, &rest);
    packet_unref(rest);
    return sent == run.size;
}
