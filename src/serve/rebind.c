/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/rebind.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "match/filter.h"
#include "match/index.h"
#include "serve/binding.h"
#include "serve/catch_up.h"
#include "serve/group.h"
#include "serve/subscription.h"
#include "serve/v1.h"
#include "serve/worker.h"

struct rebind {
    struct worker *worker;
    struct group *group;     /* borrowed: it owns this */
    struct group *successor; /* of the new filter; may be the same */
    struct binding *binding; /* owned; NULL while waiting for the next try */
    struct list_link in_worker;
};

void rebind_free(struct rebind *rebind)
{
    if (!rebind)
        return;
    binding_free(rebind->binding);
    list_remove(&rebind->in_worker);
    mem_free(rebind);
}

/* ---- who is concerned ---- */

typedef void(session_fn)(struct session *session, void *arg);

/* Calls fn for each session, then v1_fn for each subscription of the rich protocol; they may leave
 * the group. */
static void for_each_member(struct group *group, session_fn *fn,
                            void (*v1_fn)(struct v1_subscription *subscription, void *arg),
                            void *arg)
{
    for (int format = 0; format < FRAME_FORMATS; format++) {
        const struct group_run *run = group->runs[format];
        for (uint32_t i = run ? run->sole.count : 0; i-- > 0;)
            fn(run->sole.at[i], arg);
    }
    for (uint32_t i = group->several.count; i-- > 0;)
        fn(group->several.at[i], arg);
    for (uint32_t i = group->v1.count; i-- > 0;)
        v1_fn(group->v1.at[i], arg);
}

/* ---- waiting ---- */

static void hold(struct session *session, void *arg)
{
    const struct group *group = arg;

    const struct worker *worker = session->worker;

    if (session->phase != SESSION_LIVE || session->is_behind)
        return;
    /* By another of its filters it may have that very change, the last of this turn. */
    const bool has_it =
        session->several && session->several->last_change == worker->fanout.change_number;
    session_fall_behind(session, has_it ? worker->flushed_to : group->stale_from);
}

static void hold_v1(struct v1_subscription *subscription, void *arg)
{
    const struct group *group = arg;

    if (subscription->is_behind || subscription->v1->session->is_behind)
        return;
    subscription->is_behind = true;
    subscription->place = group->stale_from;
}

/* ---- the end of it ---- */

static void go_on(struct session *session, void *arg)
{
    struct rebind *rebind = arg;

    if (rebind->successor != rebind->group)
        subscription_change_group(session, rebind->group, rebind->successor);
    if (session->phase == SESSION_LIVE && outbox_is_empty(&session->outbox))
        catch_up_add(session);
}

static void go_on_v1(struct v1_subscription *subscription, void *arg)
{
    const struct rebind *rebind = arg;
    struct session *session = subscription->v1->session;

    if (rebind->successor != rebind->group)
        v1_change_group(subscription, rebind->successor);
    if (session->phase == SESSION_LIVE && outbox_is_empty(&session->outbox))
        catch_up_add(session);
}

static void end(struct session *session, void *arg)
{
    const struct slice *reason = arg;

    session_end(session, *reason);
}

static void end_v1(struct v1_subscription *subscription, void *arg)
{
    const struct slice *reason = arg;

    v1_end_subscription(subscription, *reason);
}

/* A member more than there are keeps the groups while the others move. */
static void succeed(struct rebind *rebind, struct bind_result *result)
{
    struct fanout *fanout = &rebind->worker->fanout;
    struct group *group = rebind->group;

    struct group *successor = fanout_join(fanout, result->bound[0].filter);
    result->bound[0].filter = NULL;
    rebind->successor = successor;
    group->rebind = NULL;
    fanout_join_again(group);
    for_each_member(group, go_on, go_on_v1, rebind);
    fanout_leave(fanout, group);
    fanout_leave(fanout, successor);
    rebind_free(rebind);
}

static void fail(struct rebind *rebind, struct slice text)
{
    struct group *group = rebind->group;
    struct fault fault;

    (void)fault_set(&fault, ERR_INPUT, "the table has changed: %.*s", SLICE_ARG(text));
    struct slice reason = slice_text(fault.text);
    group->rebind = NULL;
    fanout_join_again(group);
    for_each_member(group, end, end_v1, &reason);
    fanout_leave(&rebind->worker->fanout, group);
    rebind_free(rebind);
}

/* ---- binding ---- */

static void on_bound(void *arg, struct bind_result *result)
{
    struct rebind *rebind = arg;
    struct binding *binding = rebind->binding;

    rebind->binding = NULL;
    if (result->refusal == BIND_OK)
        succeed(rebind, result);
    else if (result->refusal != BIND_UNAVAILABLE)
        fail(rebind, result->text);
    binding_free(binding);
}

static void try_to_bind(struct rebind *rebind)
{
    /* Whoever holds the filter was allowed to when he asked. */
    const struct who anybody = {WHO_ANYBODY, ""};
    struct fault fault = {0};

    rebind->binding = binding_new(rebind->worker, on_bound, rebind);
    if (binding_add_filter(rebind->binding, rebind->group->node->filter, &fault) != OK) {
        binding_free(rebind->binding);
        rebind->binding = NULL;
        fail(rebind, slice_text(fault.text));
        return;
    }
    binding_start(rebind->binding, &anybody);
}

void rebind_begin(struct worker *worker)
{
    while (!list_is_empty(&worker->fanout.stale)) {
        struct group *group = LIST_ITEM(worker->fanout.stale.next, struct group, in_stale);
        struct rebind *rebind = mem_new(sizeof *rebind);

        list_remove(&group->in_stale);
        rebind->worker = worker;
        rebind->group = group;
        list_append(&worker->rebinds, &rebind->in_worker);
        group->rebind = rebind;
        for_each_member(group, hold, hold_v1, group);
        try_to_bind(rebind);
    }
}

void rebind_retry(struct worker *worker)
{
    LIST_EACH (link, &worker->rebinds) {
        struct rebind *rebind = LIST_ITEM(link, struct rebind, in_worker);
        if (!rebind->binding)
            try_to_bind(rebind);
    }
}
