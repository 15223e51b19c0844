/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the rich protocol reads on in the journal: the session as a whole, when its socket was full;
 * else one subscription after the other, each of which began further back.
 *
 *     session live at 900     s1 live     s2 behind (500)     s3 behind (700)
 *                             reads: s2 to 900, then s3
 */
#include "encode/v1_messages.h"
#include "match/filter.h"
#include "match/index.h"
#include "serve/group.h"
#include "serve/protocol.h"
#include "serve/session.h"
#include "serve/v1.h"
#include "serve/v1_snapshot.h"
#include "serve/worker.h"

static struct v1_subscription *subscription_of_link(struct list_link *link)
{
    return LIST_ITEM(link, struct v1_subscription, in_session);
}

static uint32_t emit(struct v1 *v1, const struct delivery *delivery, struct buf *run)
{
    if (v1->hit_count == 0)
        return 0;
    v1_tails_reset(&delivery->fanout->v1_tails);
    return v1_emit(v1, delivery, run);
}

/* ---- the session as a whole ---- */

static uint32_t add_all(const struct reading *reading, const struct delivery *delivery,
                        struct buf *run)
{
    struct v1 *v1 = reading->session->v1;

    LIST_EACH (link, &v1->subscriptions) {
        if (!subscription_of_link(link)->is_behind)
            v1_try(subscription_of_link(link), delivery->change);
    }
    return emit(v1, delivery, run);
}

static enum status check_all(const struct reading *reading, const struct change *change,
                             struct fault *why)
{
    enum status status = OK;

    LIST_EACH (link, &reading->session->v1->subscriptions) {
        const struct v1_subscription *one = subscription_of_link(link);
        if (status == OK && one->group && !one->is_behind)
            status = group_check_table(one->group, change, why);
    }
    return status;
}

static bool end_table_of_all(const struct reading *reading, const struct table *table)
{
    v1_end_table(reading->session, table);
    return reading->session->phase != SESSION_LIVE;
}

static void tell_all(const struct reading *reading, unsigned code, struct slice reason)
{
    session_tell_gap(reading->session, code, reason);
}

static void arrive_all(const struct reading *reading, lsn complete)
{
    (void)complete;
    session_come_abreast(reading->session);
}

/* ---- one subscription ---- */

static uint32_t add_one(const struct reading *reading, const struct delivery *delivery,
                        struct buf *run)
{
    struct v1_subscription *one = reading->reader;

    v1_try(one, delivery->change);
    return emit(one->v1, delivery, run);
}

static enum status check_one(const struct reading *reading, const struct change *change,
                             struct fault *why)
{
    const struct v1_subscription *one = reading->reader;

    return one->group ? group_check_table(one->group, change, why) : OK;
}

static bool end_table_of_one(const struct reading *reading, const struct table *table)
{
    struct v1_subscription *one = reading->reader;
    struct fault reason;

    if (!one->group || !group_names_table(one->group, table))
        return false;
    group_table_words(table, &reason);
    v1_end_subscription(one, slice_text(reason.text));
    return true;
}

static void tell_one(const struct reading *reading, unsigned code, struct slice reason)
{
    struct v1_subscription *one = reading->reader;
    const struct slice id = slice_text(one->id);

    (void)code;
    one->is_behind = false;
    one->after = (struct position){0, 0};
    v1_snapshot_free(one->snapshot);
    one->snapshot = NULL;
    v1_put_gap(one->v1, &id, 1, reason, worker_token_now(reading->session->worker));
}

/* It is live; with rows, once everything that they may contain has been read. */
static void arrive_one(const struct reading *reading, lsn complete)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    struct v1_subscription *one = reading->reader;

    if (one->snapshot && !v1_snapshot_is_over(one->snapshot, complete))
        return;
    one->is_behind = false;
    if (!one->snapshot)
        return;
    v1_snapshot_free(one->snapshot);
    one->snapshot = NULL;
    encode_v1_live(&message, slice_text(one->id), worker_token_read(reading->session->worker));
    v1_put(one->v1, buf_slice(&message));
}

/* ---- which of them ---- */

struct v1_subscription *v1_first_behind(const struct v1 *v1)
{
    LIST_EACH (link, &v1->subscriptions) {
        struct v1_subscription *one = subscription_of_link(link);
        if (one->is_behind && !v1_snapshot_is_reading(one->snapshot))
            return one;
    }
    return NULL;
}

bool v1_reading(struct session *session, struct reading *out)
{
    static const struct reading_kind all = {add_all, check_all, end_table_of_all, tell_all,
                                            arrive_all};
    static const struct reading_kind single = {add_one, check_one, end_table_of_one, tell_one,
                                               arrive_one};

    if (session->is_behind) {
        *out = (struct reading){&all, session, NULL, &session->place};
        return true;
    }
    struct v1_subscription *one = v1_first_behind(session->v1);
    if (one)
        *out = (struct reading){&single, session, one, &one->place};
    return one != NULL;
}

bool v1_is_held(const struct session *session)
{
    LIST_EACH (link, &session->v1->subscriptions) {
        const struct v1_subscription *one = subscription_of_link(link);
        if (one->group && one->group->rebind)
            return true;
    }
    return false;
}

void v1_end_table(struct session *session, const struct table *table)
{
    struct fault reason;

    group_table_words(table, &reason);
    LIST_EACH (link, &session->v1->subscriptions) {
        struct v1_subscription *one = subscription_of_link(link);
        if (!one->is_behind && one->group && group_names_table(one->group, table))
            v1_end_subscription(one, slice_text(reason.text));
    }
}
