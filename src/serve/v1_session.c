/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client of the rich protocol says, and what it is answered.
 */
#include "base/mem.h"
#include "base/metrics.h"
#include "encode/v1_columns.h"
#include "encode/v1_messages.h"
#include "match/query.h"
#include "serve/binding.h"
#include "serve/deflate.h"
#include "serve/deflated.h"
#include "serve/group.h"
#include "serve/protocol.h"
#include "serve/session.h"
#include "serve/v1.h"
#include "serve/v1_message.h"
#include "serve/v1_snapshot.h"
#include "serve/websocket.h"
#include "serve/worker.h"
#include "serve/ws_client.h"
#include "version.h"

/* ---- life ---- */

static void put_welcome(struct v1 *v1)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    const struct worker *worker = v1->session->worker;
    const struct v1_limits limits = {.message_bytes = WS_MAX_MESSAGE,
                                     .subscriptions = V1_MAX_SUBSCRIPTIONS,
                                     .query_bytes = QUERY_MAX_SIZE};

    encode_v1_welcome(&message, PGCDC_VERSION, worker_token_now(worker),
                      worker->config.ping_seconds, &limits);
    v1_put(v1, buf_slice(&message));
}

void v1_begin(struct session *session, const struct who *who, enum frame_format format)
{
    struct v1 *v1 = mem_new(sizeof *v1);

    v1->session = session;
    v1->who = *who;
    list_init(&v1->subscriptions);
    session->v1 = v1;
    session_become_live(session, &protocol_v1, format);
    put_welcome(v1);
}

void v1_join(struct v1_subscription *subscription, struct filter *filter)
{
    struct fanout *fanout = &subscription->v1->session->worker->fanout;

    subscription->group = fanout_join(fanout, filter);
    subscription->member = group_members_add(&subscription->group->v1, subscription);
    fanout->v1_count++;
}

void v1_leave(struct v1_subscription *subscription)
{
    struct group *group = subscription->group;

    if (!group)
        return;
    struct v1_subscription *moved = group_members_remove(&group->v1, subscription->member);
    if (moved)
        moved->member = subscription->member;
    subscription->group = NULL;
    subscription->v1->session->worker->fanout.v1_count--;
    fanout_leave(&subscription->v1->session->worker->fanout, group);
}

void v1_change_group(struct v1_subscription *subscription, struct group *to)
{
    v1_leave(subscription);
    fanout_join_again(to);
    subscription->group = to;
    subscription->member = group_members_add(&to->v1, subscription);
    subscription->v1->session->worker->fanout.v1_count++;
}

static void subscription_free(struct v1_subscription *subscription)
{
    v1_leave(subscription);
    binding_free(subscription->binding);
    v1_snapshot_free(subscription->snapshot);
    v1_columns_free(subscription->columns);
    list_remove(&subscription->in_session);
    subscription->v1->count--;
    mem_free(subscription->id);
    mem_free(subscription);
}

void v1_forget(struct v1_subscription *subscription)
{
    subscription_free(subscription);
}

static void leave(struct session *session)
{
    struct v1 *v1 = session->v1;

    session->v1 = NULL;
    while (!list_is_empty(&v1->subscriptions))
        subscription_free(LIST_ITEM(v1->subscriptions.next, struct v1_subscription, in_session));
    list_remove(&v1->in_dirty);
    list_remove(&v1->in_hits);
    buf_release(&v1->input);
    buf_release(&v1->run);
    mem_free(v1);
}

struct v1_subscription *v1_find(struct v1 *v1, const char *id)
{
    LIST_EACH (link, &v1->subscriptions) {
        struct v1_subscription *one = LIST_ITEM(link, struct v1_subscription, in_session);
        if (strcmp(one->id, id) == 0)
            return one;
    }
    return NULL;
}

/* ---- small answers ---- */

void v1_put_error(struct v1 *v1, const char *id, const char *code, const char *words)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;

    encode_v1_error(&message, slice_text(id), code, slice_text(words));
    v1_put(v1, buf_slice(&message));
}

static void put_notice(struct v1 *v1, const char *code, const char *words)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;

    encode_v1_notice(&message, code, slice_text(words));
    v1_put(v1, buf_slice(&message));
}

static void put_progress(struct session *session)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    struct token sent;

    /* Only what has really been sent: nothing is on its way to this session. */
    if (session->is_behind || v1_first_behind(session->v1) ||
        !worker_is_level(session->worker, &sent))
        return;
    encode_v1_progress(&message, sent);
    v1_put(session->v1, buf_slice(&message));
}

static void tell_notice(struct session *session, enum protocol_notice notice)
{
    static const struct {
        const char *code, *words;
    } notices[] = {
        [NOTICE_SLOW] = {V1_NOTICE_SLOW, "this client reads slowly and is served from the history "
                                         "now; a gap may follow"},
        [NOTICE_SOURCE_DOWN] = {V1_NOTICE_SOURCE_DOWN, "not streaming from the database now; "
                                                       "nothing is lost by that alone"},
        [NOTICE_SOURCE_UP] = {V1_NOTICE_SOURCE_UP, "streaming again"},
        [NOTICE_DRAINING] = {V1_NOTICE_DRAINING, "the server is stopping"},
    };

    put_notice(session->v1, notices[notice].code, notices[notice].words);
}

static void keep_alive(struct session *session)
{
    ws_client_keep_alive(session, put_progress);
}

/* ---- gaps ---- */

void v1_put_gap(struct v1 *v1, const struct slice *ids, uint32_t count, struct slice reason,
                struct token position)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;

    encode_v1_gap(&message, ids, count, reason, position);
    v1_put(v1, buf_slice(&message));
}

/* For all that are live with the session; those further back will meet it by themselves. */
static void tell_gap(struct session *session, unsigned code, struct slice reason)
{
    struct slice ids[V1_MAX_SUBSCRIPTIONS];
    uint32_t count = 0;

    (void)code;
    session_go_on_now(session);
    LIST_EACH (link, &session->v1->subscriptions) {
        struct v1_subscription *one = LIST_ITEM(link, struct v1_subscription, in_session);
        if (one->group && !one->is_behind) {
            one->after = (struct position){0, 0}; /* of an epoch that may be over */
            ids[count++] = slice_text(one->id);
        }
    }
    if (count > 0)
        v1_put_gap(session->v1, ids, count, reason, worker_token_now(session->worker));
}

/* ---- rows and changes take turns ---- */

static void send_rows(struct v1 *v1)
{
    LIST_EACH (link, &v1->subscriptions) {
        struct v1_subscription *one = LIST_ITEM(link, struct v1_subscription, in_session);
        if (one->snapshot && outbox_is_empty(&v1->session->outbox)) {
            v1->had_rows = true;
            v1_snapshot_drained(one->snapshot);
        }
    }
}

static void drained(struct session *session, bool is_behind)
{
    if (!is_behind || !session->v1->had_rows)
        send_rows(session->v1);
}

static void round_over(struct session *session)
{
    session->v1->had_rows = false;
    if (outbox_is_empty(&session->outbox))
        send_rows(session->v1);
}

/* ---- the other messages ---- */

void v1_end_subscription(struct v1_subscription *subscription, struct slice reason)
{
    CLEANUP(buf_release) struct buf answer = BUF_INIT;

    encode_v1_unsubscribed(&answer, slice_text(subscription->id), reason);
    v1_put(subscription->v1, buf_slice(&answer));
    subscription_free(subscription);
}

static void take_unsubscribe(struct v1 *v1, const struct v1_message *message)
{
    struct v1_subscription *subscription = v1_find(v1, message->id);

    if (subscription)
        v1_end_subscription(subscription, SLICE(""));
    else
        v1_put_error(v1, message->id, V1_UNKNOWN_ID, "there is no subscription of this id");
}

static void take_auth(struct v1 *v1, const struct v1_message *message)
{
    struct who who;

    if (who_from_token(&v1->session->worker->config, slice_text(message->token), &who) != OK) {
        v1_put_error(v1, "", V1_UNAUTHORIZED, "the token is neither the admin secret nor signed");
        return;
    }
    v1->who = who;
    put_notice(v1, V1_NOTICE_AUTH, "from now on subscriptions are judged by this token");
}

static void take_ping(struct v1 *v1, const struct v1_message *message)
{
    CLEANUP(buf_release) struct buf answer = BUF_INIT;

    encode_v1_pong(&answer, buf_slice(&message->payload));
    v1_put(v1, buf_slice(&answer));
}

static void take_message(struct v1 *v1, struct slice text)
{
    struct v1_message message = {0};
    struct v1_refusal refusal = {0};

    if (v1_message_parse(text, &message, &refusal) != OK) {
        v1_put_error(v1, refusal.id, refusal.code, refusal.fault.text);
        return;
    }
    switch (message.kind) {
    case V1_SUBSCRIBE:
        v1_subscribe(v1, &message);
        break;
    case V1_UNSUBSCRIBE:
        take_unsubscribe(v1, &message);
        break;
    case V1_AUTH:
        take_auth(v1, &message);
        break;
    case V1_PING:
        take_ping(v1, &message);
        break;
    }
    v1_message_release(&message);
}

static enum status broken(struct ws_event *fault, unsigned code, const char *reason)
{
    *fault = (struct ws_event){.code = code, .bytes = slice_text(reason)};
    return ERR_INPUT;
}

/* What the reader checks of a message, it cannot of a compressed one (serve/websocket.h). */
static enum status inflate_message(const struct v1 *v1, const struct ws_event *event,
                                   struct slice payload, struct slice *out, struct ws_event *fault)
{
    struct deflate *deflate = v1->session->worker->fanout.deflated->deflate;
    const enum status status = deflate_read(deflate, payload, WS_MAX_MESSAGE, out);

    if (status == ERR_LIMIT)
        return broken(fault, WS_CLOSE_TOO_BIG, "the message is too big once it is inflated");
    if (status != OK)
        return broken(fault, WS_CLOSE_NOT_UTF8, "the message is not DEFLATE");
    if (event->opcode == WS_TEXT && !slice_is_utf8(*out))
        return broken(fault, WS_CLOSE_NOT_UTF8, "text is not UTF-8");
    return OK;
}

static enum status take_data(struct session *session, const struct ws_event *event,
                             struct ws_event *fault)
{
    struct v1 *v1 = session->v1;

    buf_add(&v1->input, event->bytes);
    if (!event->is_last)
        return OK;
    /* The message leaves first: answering may close the session. */
    CLEANUP(buf_release) struct buf whole = v1->input;
    struct slice message = buf_slice(&whole);
    v1->input = BUF_INIT;
    if (event->is_deflated && inflate_message(v1, event, message, &message, fault) != OK)
        return ERR_INPUT;
    if (event->opcode == WS_TEXT)
        take_message(v1, message);
    else
        v1_put_error(v1, "", V1_BAD_MESSAGE, "messages are JSON in text frames, not binary");
    return OK;
}

const struct protocol protocol_v1 = {
    .tell_gap = tell_gap,
    .tell_notice = tell_notice,
    .say_close = ws_client_say_close,
    .keep_alive = keep_alive,
    .take_bytes = ws_client_take_bytes,
    .take_data = take_data,
    .leave = leave,
    .end_table = v1_end_table,
    .is_held = v1_is_held,
    .next_reading = v1_reading,
    .round_over = round_over,
    .drained = drained,
};
