/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The original's clients: one message per change over WebSocket, and nothing else; a gap closes.
 */
#include "encode/json.h"
#include "serve/protocol.h"
#include "serve/session.h"
#include "serve/subscription.h"
#include "serve/worker.h"
#include "serve/ws_client.h"

static void tell_gap(struct session *session, unsigned code, struct slice reason)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    encode_plain_gap(&text, reason, worker_token_now(session->worker));
    session_say_close(session, code, buf_slice(&text));
}

static void tell_start(struct session *session, enum status status, struct token position,
                       struct slice reason)
{
    (void)position;
    if (status != OK)
        tell_gap(session, WS_CLOSE_GAP, reason);
}

static void keep_alive(struct session *session)
{
    ws_client_keep_alive(session, NULL);
}

const struct protocol protocol_plain = {
    .tell_start = tell_start,
    .tell_gap = tell_gap,
    .say_close = ws_client_say_close,
    .keep_alive = keep_alive,
    .take_bytes = ws_client_take_bytes,
    .leave = subscription_leave,
    .end_table = subscription_end_table,
    .is_held = subscription_is_held,
    .next_reading = subscription_reading,
};
