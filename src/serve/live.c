/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that is live: what it sends, what it hears, how it says goodbye.
 *
 * Frames leave in the order of the commits, because a client whose outbox holds something gets
 * everything later through that outbox.  A client that lets more than client_queue_size bytes
 * wait is closed with 4011: it keeps what was already on its way, whole frames all of it, and
 * then the close frame that tells it why.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/packet.h"
#include "journal/journal.h"
#include "serve/group.h"
#include "serve/session.h"
#include "serve/worker.h"

struct several {
    struct session *session;
    struct list_link in_dirty;
    struct buf run; /* frames of this turn */
    uint32_t run_frames;
    uint64_t last_change; /* so that a change that two subscriptions match comes once */
    uint32_t count;
    struct subscription at[];
};

/* ---- subscriptions ---- */

void session_go_live(struct session *session, struct filter *const *filters, uint32_t count)
{
    struct fanout *fanout = &session->worker->fanout;

    if (count == 1) {
        session->sole.group = fanout_join(fanout, filters[0], session, true, &session->sole.place);
    } else {
        struct several *several = mem_new(sizeof *several + count * sizeof several->at[0]);
        several->session = session;
        session->several = several;
        for (uint32_t i = 0; i < count; i++) {
            several->at[i].group =
                fanout_join(fanout, filters[i], session, false, &several->at[i].place);
            several->count++;
        }
    }
    session->live_from = journal_head(session->worker->config.journal);
    session->phase = SESSION_LIVE;
    ws_reader_init(&session->reader, WS_MAX_MESSAGE);
    /* Spread, so that clients that came together are not pinged together for ever. */
    const uint64_t early = random_below(&session->worker->random, SESSION_PING_SECONDS);
    session_deadline(session, SESSION_PING_SECONDS - (uint32_t)early);
}

void session_unsubscribe(struct session *session)
{
    struct fanout *fanout = &session->worker->fanout;
    struct several *several = session->several;

    if (session->sole.group)
        fanout_leave(fanout, session->sole.group, true, session->sole.place);
    session->sole.group = NULL;
    if (!several)
        return;
    while (several->count > 0) {
        const struct subscription last = several->at[--several->count];
        fanout_leave(fanout, last.group, false, last.place);
    }
    list_remove(&several->in_dirty);
    buf_release(&several->run);
    mem_free(several);
    session->several = NULL;
}

void session_moved(struct session *session, const struct group *group, uint32_t place)
{
    struct several *several = session->several;

    if (!several) {
        session->sole.place = place;
        return;
    }
    /* Two queries of one session may be the same filter: only the one that was last moved. */
    for (uint32_t i = 0; i < several->count; i++) {
        struct subscription *subscription = &several->at[i];
        if (subscription->group == group && subscription->place == group->several.count) {
            subscription->place = place;
            return;
        }
    }
}

/* ---- sending ---- */

/* Too much waits: keeps what is partly written, drops the rest, and says why. */
static void close_slow(struct session *session)
{
    CLEANUP(buf_release) struct buf close = BUF_INIT;

    if (session->phase != SESSION_LIVE) {
        session_abort(session);
        return;
    }
    metrics_add(METRIC_SLOW_CLOSED, 1);
    session_unsubscribe(session);
    outbox_keep_first(&session->outbox);
    ws_close_add(&close, WS_CLOSE_SLOW, SLICE("too slow: the queue is full, load anew"));
    struct packet *packet = packet_new(close.at, close.size);
    const enum status status = outbox_push(&session->outbox, packet, 0, SIZE_MAX);
    packet_unref(packet);
    session->phase = SESSION_CLOSING;
    session_deadline(session, SESSION_CLOSE_SECONDS);
    if (status != OK)
        session_abort(session);
}

void session_send(struct session *session, struct slice run, struct packet **rest)
{
    size_t sent = 0;

    if (outbox_is_empty(&session->outbox)) {
        const enum status status = socket_write(&session->socket, run.at, run.size, &sent);
        session->worker->bytes_sent += sent;
        if (status == OK && sent == run.size)
            return;
        if (status != OK && status != ERR_AGAIN) {
            session_abort(session);
            return;
        }
    }
    if (!*rest)
        *rest = packet_new(run.at, run.size);
    if (outbox_push(&session->outbox, *rest, (uint32_t)sent,
                    session->worker->config.client_queue_size) != OK) {
        close_slow(session);
        return;
    }
    socket_want_write(&session->socket, true);
}

size_t session_gather(struct session *session, struct slice frame, uint64_t change_number,
                      struct list_link *dirty)
{
    struct several *several = session->several;

    if (several->last_change == change_number)
        return 0;
    several->last_change = change_number;
    if (several->run.size == 0)
        list_append(dirty, &several->in_dirty);
    buf_add(&several->run, frame);
    several->run_frames++;
    return frame.size;
}

struct session *session_of_dirty(struct list_link *link)
{
    return LIST_ITEM(link, struct several, in_dirty)->session;
}

uint32_t session_flush(struct session *session)
{
    struct several *several = session->several;
    const uint32_t frames = several->run_frames;
    /* The run leaves the session first: sending may close it. */
    CLEANUP(buf_release) struct buf run = several->run;

    list_remove(&several->in_dirty);
    several->run = BUF_INIT;
    several->run_frames = 0;
    session_put(session, buf_slice(&run));
    return frames;
}

/* ---- hearing ---- */

void session_say_close(struct session *session, unsigned code, struct slice reason)
{
    CLEANUP(buf_release) struct buf frame = BUF_INIT;

    if (session->phase != SESSION_LIVE)
        return;
    session_unsubscribe(session);
    session->phase = SESSION_CLOSING;
    session_deadline(session, SESSION_CLOSE_SECONDS);
    ws_close_add(&frame, code, reason);
    session_put(session, buf_slice(&frame));
}

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
    if (!session->is_pinged) {
        send_ping(session);
        return;
    }
    if (session->is_silent) {
        metrics_add(METRIC_DEAD_CLOSED, 1);
        session_abort(session);
        return;
    }
    session->is_pinged = false;
    session_deadline(session, SESSION_PING_SECONDS - SESSION_PONG_SECONDS);
}
