/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers of an event stream (HTML, section 9.2): they are told of a gap and read on.
 */
#include "encode/sse.h"
#include "serve/protocol.h"
#include "serve/session.h"
#include "serve/subscription.h"
#include "serve/worker.h"

static void tell_start(struct session *session, enum status status, struct token position,
                       struct slice reason)
{
    CLEANUP(buf_release) struct buf event = BUF_INIT;

    if (status != OK)
        encode_sse_gap(&event, position, reason);
    encode_sse_ready(&event, position);
    session_put(session, buf_slice(&event));
}

static void tell_gap(struct session *session, unsigned code, struct slice reason)
{
    CLEANUP(buf_release) struct buf event = BUF_INIT;

    (void)code;
    session_go_on_now(session);
    encode_sse_gap(&event, worker_token_now(session->worker), reason);
    session_put(session, buf_slice(&event));
}

/* There is no word for it: EventSource comes back by itself. */
static void say_close(struct session *session, unsigned code, struct slice reason)
{
    (void)code;
    (void)reason;
    session_finish(session);
}

/* Nobody answers a comment; the kernel tells when it is not acknowledged. */
static void keep_alive(struct session *session)
{
    CLEANUP(buf_release) struct buf comment = BUF_INIT;
    const struct worker *worker = session->worker;
    struct token sent;

    /* An id without an event moves on what the client will come back with. */
    if (!session->is_behind && worker_is_level(worker, &sent))
        encode_sse_progress(&comment, sent);
    else
        encode_sse_alive(&comment);
    session_deadline(session, worker->config.ping_seconds);
    if (outbox_is_empty(&session->outbox))
        session_put(session, buf_slice(&comment));
}

static void take_bytes(struct session *session, char *bytes, size_t size)
{
    (void)session; /* a reader of events has nothing to say */
    (void)bytes;
    (void)size;
}

const struct protocol protocol_sse = {
    .tell_start = tell_start,
    .tell_gap = tell_gap,
    .say_close = say_close,
    .keep_alive = keep_alive,
    .take_bytes = take_bytes,
    .leave = subscription_leave,
    .end_table = subscription_end_table,
    .is_held = subscription_is_held,
    .next_reading = subscription_reading,
};
