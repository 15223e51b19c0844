/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/fanout.h"

#include "base/metrics.h"
#include "base/packet.h"
#include "match/index.h"
#include "serve/group.h"
#include "serve/session.h"
#include "serve/subscription.h"
#include "serve/v1.h"

#define RUN_KEPT_SIZE ((size_t)16 * 1024) /* a larger run gives its memory back after a flush */

#define FETCH_AHEAD 2 /* sends; each takes longer than memory does */

/* Only takes a note: the index is at work. */
static void on_stale(void *arg, struct index_node *node, const struct table *table)
{
    struct fanout *fanout = arg;
    struct group *group = node->owner;

    (void)table;
    if (group->rebind || group->in_stale.next)
        return;
    group->stale_from = fanout->change_start;
    list_append(&fanout->stale, &group->in_stale);
}

void fanout_init(struct fanout *fanout)
{
    *fanout = (struct fanout){.index = index_new()};
    index_on_stale(fanout->index, on_stale, fanout);
    list_init(&fanout->stale);
    list_init(&fanout->dirty_groups);
    list_init(&fanout->dirty_sessions);
    list_init(&fanout->dirty_v1);
    list_init(&fanout->hit_v1);
}

void fanout_release(struct fanout *fanout)
{
    if (!fanout || !fanout->index)
        return;
    index_free(fanout->index);
    spares_release(&fanout->spares);
    for (int i = 0; i < FRAME_FORMATS; i++)
        buf_release(&fanout->frames[i].bytes);
    buf_release(&fanout->v1_tail);
    fanout->index = NULL;
}

/* ---- who is in which group ---- */

struct group *fanout_join(struct fanout *fanout, struct filter *filter)
{
    struct index_node *node = index_add(fanout->index, filter);

    if (!node->owner) {
        node->owner = group_new(node);
        metrics_add(METRIC_FILTERS, 1);
    }
    metrics_add(METRIC_SUBSCRIPTIONS, 1);
    return node->owner;
}

void fanout_join_again(struct group *group)
{
    group->node->count++;
    metrics_add(METRIC_SUBSCRIPTIONS, 1);
}

void fanout_leave(struct fanout *fanout, struct group *group)
{
    struct index_node *node = group->node;

    metrics_sub(METRIC_SUBSCRIPTIONS, 1);
    if (node->count == 1) {
        metrics_sub(METRIC_FILTERS, 1);
        group_free(group);
    }
    index_remove(fanout->index, node);
}

/* ---- gathering ---- */

struct hit {
    struct fanout *fanout;
    const struct change *change;
    uint64_t epoch;
};

/* The change as a frame; NULL where it gives none. */
static const struct buf *frame_of(const struct hit *hit, enum frame_format format)
{
    struct fanout_frame *frame = &hit->fanout->frames[format];

    if (!frame->is_made) {
        buf_reset(&frame->bytes);
        frame->has_any = frame_add(&frame->bytes, format, hit->change, hit->epoch);
        frame->is_made = true;
    }
    return frame->has_any ? &frame->bytes : NULL;
}

static void gather_run(const struct hit *hit, struct group *group, enum frame_format format)
{
    struct group_run *run = &group->runs[format];
    const struct buf *frame;

    if (run->sole.count == 0 || !(frame = frame_of(hit, format)))
        return;
    if (!group->in_dirty.next)
        list_append(&hit->fanout->dirty_groups, &group->in_dirty);
    buf_add(&run->bytes, buf_slice(frame));
    run->frames++;
    hit->fanout->gathered += frame->size;
}

/* Those who get the same as all others of their format. */
static void gather_shared(const struct hit *hit, struct group *group)
{
    struct fanout *fanout = hit->fanout;
    const struct buf *frame;

    for (int format = 0; format < FRAME_FORMATS; format++)
        gather_run(hit, group, (enum frame_format)format);
    for (uint32_t i = 0; i < group->several.count; i++) {
        struct session *session = group->several.at[i];
        if ((frame = frame_of(hit, session_format(session))))
            fanout->gathered += session_gather(session, buf_slice(frame), fanout->change_number,
                                               &fanout->dirty_sessions);
    }
}

static void on_hit(void *arg, struct index_node *node)
{
    gather_shared(arg, node->owner);
}

/* Only the rich protocol tells of rows that leave. */
static void on_scoped_hit(void *arg, struct index_node *node, enum filter_scope scope)
{
    const struct hit *hit = arg;
    struct group *group = node->owner;

    if (scope != SCOPE_LEAVE)
        gather_shared(hit, group);
    for (uint32_t i = 0; i < group->v1.count; i++)
        v1_hit(group->v1.at[i], hit->change, scope, &hit->fanout->hit_v1);
}

/* One message for each session, whichever of its subscriptions were hit. */
static void gather_v1(const struct hit *hit)
{
    struct fanout *fanout = hit->fanout;

    buf_reset(&fanout->v1_tail);
    while (!list_is_empty(&fanout->hit_v1)) {
        struct v1 *v1 = v1_of_hits(fanout->hit_v1.next);
        const size_t before = v1->run.size;

        list_remove(&v1->in_hits);
        v1->run_frames += v1_emit(v1, hit->change, hit->epoch, &fanout->v1_tail, &v1->run);
        fanout->gathered += v1->run.size - before;
        if (v1->run.size > 0 && !v1->in_dirty.next)
            list_append(&fanout->dirty_v1, &v1->in_dirty);
    }
}

void fanout_prepare(struct fanout *fanout, const struct change *change)
{
    index_prepare(fanout->index, change);
}

void fanout_change(struct fanout *fanout, const struct change *change, uint64_t epoch,
                   uint64_t start)
{
    struct hit hit = {fanout, change, epoch};

    for (int i = 0; i < FRAME_FORMATS; i++)
        fanout->frames[i].is_made = false;
    fanout->change_number++;
    fanout->change_start = start;
    if (fanout->v1_count == 0) {
        index_match(fanout->index, change, on_hit, &hit);
        return;
    }
    index_match_scoped(fanout->index, change, on_scoped_hit, &hit);
    gather_v1(&hit);
}

/* ---- sending ---- */

static void reset_run(struct group_run *run)
{
    if (run->bytes.capacity > RUN_KEPT_SIZE)
        buf_release(&run->bytes);
    else
        buf_reset(&run->bytes);
    run->frames = 0;
}

/* 0: that client has got nothing, and is behind. */
static void count_sent(struct fanout *fanout, uint32_t frames)
{
    fanout->frames_sent += frames;
    fanout->sends += frames > 0 ? 1 : 0;
}

static void flush_run(struct fanout *fanout, struct group_run *run)
{
    struct packet *rest = NULL;

    if (run->frames == 0)
        return;
    for (uint32_t i = 0; i < run->sole.count; i++) {
        if (i + FETCH_AHEAD < run->sole.count)
            session_fetch(run->sole.at[i + FETCH_AHEAD]);
        const bool is_sent = session_send_run(run->sole.at[i], buf_slice(&run->bytes), &rest);
        count_sent(fanout, is_sent ? run->frames : 0);
    }
    packet_unref(rest);
    reset_run(run);
}

static void flush_group(struct fanout *fanout, struct group *group)
{
    list_remove(&group->in_dirty);
    for (int i = 0; i < FRAME_FORMATS; i++)
        flush_run(fanout, &group->runs[i]);
}

void fanout_flush(struct fanout *fanout)
{
    while (!list_is_empty(&fanout->dirty_groups))
        flush_group(fanout, LIST_ITEM(fanout->dirty_groups.next, struct group, in_dirty));
    while (!list_is_empty(&fanout->dirty_sessions))
        count_sent(fanout, session_flush(session_of_dirty(fanout->dirty_sessions.next)));
    while (!list_is_empty(&fanout->dirty_v1))
        count_sent(fanout, v1_flush(v1_of_dirty(fanout->dirty_v1.next)));
    fanout->gathered = 0;

    const uint64_t asked = index_asked_total(fanout->index);
    metrics_add(METRIC_MATCH_ASKED, asked - fanout->asked);
    metrics_add(METRIC_FRAMES_SENT, fanout->frames_sent);
    metrics_add(METRIC_SENDS, fanout->sends);
    fanout->asked = asked;
    fanout->frames_sent = fanout->sends = 0;
}
