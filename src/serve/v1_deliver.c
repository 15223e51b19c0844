/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session of the rich protocol is sent.
 *
 * The tail of a change's message is the same for all sockets that want the same columns, and is
 * made and compressed once (serve/v1_tail.h); in front of it each has the ids of its own
 * subscriptions.
 */
#include "base/mem.h"
#include "base/packet.h"
#include "encode/v1_columns.h"
#include "match/filter.h"
#include "match/index.h"
#include "serve/deflate.h"
#include "serve/deflated.h"
#include "serve/group.h"
#include "serve/session.h"
#include "serve/v1.h"
#include "serve/v1_snapshot.h"
#include "serve/websocket.h"
#include "serve/worker.h"

void v1_put(struct v1 *v1, struct slice message)
{
    CLEANUP(buf_release) struct buf frame = BUF_INIT;

    ws_frame_add(&frame, WS_TEXT, message);
    session_put(v1->session, buf_slice(&frame));
}

void v1_put_rows(struct v1 *v1, struct slice message)
{
    CLEANUP(buf_release) struct buf frame = BUF_INIT;
    CLEANUP(buf_release) struct buf deflated = BUF_INIT;

    ws_frame_add(&frame, WS_TEXT, message);
    if (frame_is_deflated(session_format(v1->session)))
        frame_deflate(&deflated, buf_slice(&frame), v1->session->worker->fanout.deflated->deflate);
    session_put(v1->session, buf_slice(deflated.size > 0 ? &deflated : &frame));
}

/* ---- hits ---- */

static bool is_its_business(const struct v1_subscription *subscription, const struct change *change)
{
    return change->position.commit == LSN_NONE ||
           position_compare(change->position, subscription->after) > 0;
}

static void remember(struct v1 *v1, struct v1_subscription *subscription, enum filter_scope scope)
{
    v1->hits[v1->hit_count++] = (struct v1_hit){subscription, scope};
}

void v1_hit(struct v1_subscription *subscription, const struct change *change,
            enum filter_scope scope, struct list_link *hit_sessions)
{
    struct v1 *v1 = subscription->v1;

    if (v1->session->phase != SESSION_LIVE || v1->session->is_behind || subscription->is_behind ||
        !is_its_business(subscription, change))
        return;
    if (v1->hit_count == 0)
        list_append(hit_sessions, &v1->in_hits);
    remember(v1, subscription, scope);
}

void v1_try(struct v1_subscription *subscription, const struct change *change)
{
    if (!subscription->group || !is_its_business(subscription, change) ||
        (subscription->snapshot && v1_snapshot_has(subscription->snapshot, change)))
        return;
    const enum filter_scope scope = filter_scope_slow(subscription->group->node->filter, change);
    if (scope != SCOPE_OUT)
        remember(subscription->v1, subscription, scope);
}

/* ---- messages ---- */

/* What the hits want to see together; NULL: all columns.  `united` is the caller's to free. */
static struct v1_columns *wanted_columns(const struct v1 *v1, struct v1_columns **united)
{
    struct v1_columns *wanted = v1->hits[0].subscription->columns;

    for (uint32_t i = 1; i < v1->hit_count && wanted; i++) {
        struct v1_columns *other = v1->hits[i].subscription->columns;
        if (!other)
            return NULL;
        if (v1_columns_equal(wanted, other))
            continue;
        if (!*united) {
            *united = v1_columns_new(NULL, 0);
            v1_columns_unite(*united, wanted);
            wanted = *united;
        }
        v1_columns_unite(*united, other);
    }
    return wanted;
}

static enum v1_scope told_scope(enum filter_scope scope)
{
    switch (scope) {
    case SCOPE_ENTER:
        return V1_SCOPE_ENTER;
    case SCOPE_LEAVE:
        return V1_SCOPE_LEAVE;
    case SCOPE_OUT:
    case SCOPE_WITHIN:
        break;
    }
    return V1_SCOPE_WITHIN;
}

/* Borrowed until the next one is made. */
static struct slice prefix_of(const struct v1 *v1, const struct delivery *delivery)
{
    struct v1_target targets[V1_MAX_SUBSCRIPTIONS];
    struct buf *out = &delivery->fanout->v1_prefix;

    for (uint32_t i = 0; i < v1->hit_count; i++)
        targets[i] = (struct v1_target){slice_text(v1->hits[i].subscription->id),
                                        told_scope(v1->hits[i].scope)};
    buf_reset(out);
    encode_v1_prefix(out, delivery->change, targets, v1->hit_count);
    return buf_slice(out);
}

static void add_message(const struct v1 *v1, const struct delivery *delivery,
                        const struct v1_tail *tail, struct buf *out)
{
    const struct slice prefix = prefix_of(v1, delivery);
    uint8_t head[WS_HEAD_MAX];

    buf_add_bytes(out, head, ws_frame_head(head, WS_TEXT, prefix.size + tail->bytes.size));
    buf_add(out, prefix);
    buf_add(out, buf_slice(&tail->bytes));
}

/* The prefix goes as it is, in front of what all sockets share (serve/deflate.h). */
static void add_deflated(const struct v1 *v1, const struct delivery *delivery,
                         const struct v1_tail *tail, struct buf *out)
{
    const struct slice prefix = prefix_of(v1, delivery);
    uint8_t head[WS_HEAD_MAX];

    const size_t size = prefix.size + deflate_stored_cost(prefix.size) + tail->deflated.size;
    const size_t head_size = ws_frame_head(head, WS_TEXT, size);
    head[0] |= WS_RSV1;
    buf_add_bytes(out, head, head_size);
    deflate_add_stored(out, prefix);
    buf_add(out, buf_slice(&tail->deflated));
}

uint32_t v1_emit(struct v1 *v1, const struct delivery *delivery, struct buf *out)
{
    struct v1_columns *united = NULL;
    struct v1_columns *columns = wanted_columns(v1, &united);
    struct v1_tail *tail = v1_tails_of(&delivery->fanout->v1_tails, columns);
    bool is_made = true;

    if (frame_is_deflated(session_format(v1->session)) && v1_tail_deflate(tail, delivery))
        add_deflated(v1, delivery, tail, out);
    else if (v1_tail_make(tail, delivery))
        add_message(v1, delivery, tail, out);
    else
        is_made = false;
    if (united && tail->columns == united)
        v1_tail_forget(tail);
    v1_columns_free(united);
    v1->hit_count = 0;
    return is_made ? 1 : 0;
}

uint32_t v1_flush(struct v1 *v1)
{
    struct packet *rest = NULL;
    const uint32_t frames = v1->run_frames;

    list_remove(&v1->in_dirty);
    const bool is_sent = session_send_run(v1->session, buf_slice(&v1->run), &rest);
    packet_unref(rest);
    spares_give(&v1->session->worker->fanout.spares, &v1->run);
    v1->run_frames = 0;
    return is_sent ? frames : 0;
}
