/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/fanout.h"

#include "base/metrics.h"
#include "base/packet.h"
#include "match/index.h"
#include "serve/deflate.h"
#include "serve/deflated.h"
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
    v1_tails_release(&fanout->v1_tails);
    buf_release(&fanout->v1_prefix);
    deflated_free(fanout->deflated);
    fanout->deflated = NULL;
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

/* ---- frames ---- */

void fanout_begin_deflating(struct fanout *fanout)
{
    if (!fanout->deflated)
        fanout->deflated = deflated_new();
}

uint64_t fanout_deflated_size(const struct fanout *fanout)
{
    return fanout->deflated ? deflate_size_in(fanout->deflated->deflate) : 0;
}

static const struct buf *frame_of(const struct delivery *delivery, enum frame_format format);

static bool make_deflated(const struct delivery *delivery, enum frame_format format,
                          struct buf *out)
{
    struct deflated *deflated = delivery->fanout->deflated;
    const struct deflated_entry *entry = deflated_find(deflated, delivery->end, format);

    if (entry) {
        buf_add(out, buf_slice(&entry->bytes));
        return true;
    }
    const struct buf *base = frame_of(delivery, frame_base(format));
    if (!base)
        return false;
    frame_deflate(out, buf_slice(base), deflated->deflate);
    deflated_keep(deflated, delivery->end, format, true, buf_slice(out));
    return true;
}

/* The change as a frame; NULL where it gives none. */
static const struct buf *frame_of(const struct delivery *delivery, enum frame_format format)
{
    struct fanout_frame *frame = &delivery->fanout->frames[format];

    if (!frame->is_made) {
        buf_reset(&frame->bytes);
        frame->has_any = frame_is_deflated(format)
                             ? make_deflated(delivery, format, &frame->bytes)
                             : frame_add(&frame->bytes, format, delivery->change, delivery->epoch);
        frame->is_made = true;
    }
    return frame->has_any ? &frame->bytes : NULL;
}

static void forget_frames(struct fanout *fanout)
{
    for (int i = 0; i < FRAME_FORMATS; i++)
        fanout->frames[i].is_made = false;
}

bool fanout_add_frame(const struct delivery *delivery, enum frame_format format, struct buf *out)
{
    if (!frame_is_deflated(format))
        return frame_add(out, format, delivery->change, delivery->epoch);
    forget_frames(delivery->fanout);
    const struct buf *frame = frame_of(delivery, format);
    if (frame)
        buf_add(out, buf_slice(frame));
    return frame != NULL;
}

/* ---- gathering ---- */

static void gather_run(const struct delivery *delivery, struct group *group,
                       enum frame_format format)
{
    struct group_run *run = group->runs[format];
    const struct buf *frame;

    if (!run || run->sole.count == 0 || !(frame = frame_of(delivery, format)))
        return;
    if (!group->in_dirty.next)
        list_append(&delivery->fanout->dirty_groups, &group->in_dirty);
    buf_add(&run->bytes, buf_slice(frame));
    run->frames++;
    delivery->fanout->gathered += frame->size;
}

/* Those who get the same as all others of their format. */
static void gather_shared(const struct delivery *delivery, struct group *group)
{
    struct fanout *fanout = delivery->fanout;
    const struct buf *frame;

    for (int format = 0; format < FRAME_FORMATS; format++)
        gather_run(delivery, group, (enum frame_format)format);
    for (uint32_t i = 0; i < group->several.count; i++) {
        struct session *session = group->several.at[i];
        if ((frame = frame_of(delivery, session_format(session))))
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
    const struct delivery *delivery = arg;
    struct group *group = node->owner;

    if (scope != SCOPE_LEAVE)
        gather_shared(delivery, group);
    for (uint32_t i = 0; i < group->v1.count; i++)
        v1_hit(group->v1.at[i], delivery->change, scope, &delivery->fanout->hit_v1);
}

/* One message for each session, whichever of its subscriptions were hit. */
static void gather_v1(const struct delivery *delivery)
{
    struct fanout *fanout = delivery->fanout;

    v1_tails_reset(&fanout->v1_tails);
    while (!list_is_empty(&fanout->hit_v1)) {
        struct v1 *v1 = v1_of_hits(fanout->hit_v1.next);
        const size_t before = v1->run.size;

        list_remove(&v1->in_hits);
        if (before == 0)
            spares_take(&fanout->spares, &v1->run);
        v1->run_frames += v1_emit(v1, delivery, &v1->run);
        fanout->gathered += v1->run.size - before;
        if (v1->run.size == 0)
            spares_give(&fanout->spares, &v1->run);
        else if (!v1->in_dirty.next)
            list_append(&fanout->dirty_v1, &v1->in_dirty);
    }
}

void fanout_prepare(struct fanout *fanout, const struct change *change)
{
    index_prepare(fanout->index, change);
}

void fanout_change(const struct delivery *delivery)
{
    struct fanout *fanout = delivery->fanout;
    void *arg = (void *)(uintptr_t)delivery; /* NOLINT(performance-no-int-to-ptr): only read */

    forget_frames(fanout);
    fanout->change_number++;
    fanout->change_start = delivery->start;
    if (fanout->v1_count == 0) {
        index_match(fanout->index, delivery->change, on_hit, arg);
        return;
    }
    index_match_scoped(fanout->index, delivery->change, on_scoped_hit, arg);
    gather_v1(delivery);
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
    for (int i = 0; i < FRAME_FORMATS; i++) {
        if (group->runs[i])
            flush_run(fanout, group->runs[i]);
    }
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
