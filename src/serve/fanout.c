/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/fanout.h"

#include "base/metrics.h"
#include "base/packet.h"
#include "encode/json.h"
#include "match/index.h"
#include "serve/group.h"
#include "serve/session.h"
#include "serve/websocket.h"

#define RUN_KEPT_SIZE ((size_t)16 * 1024) /* a larger run gives its memory back after a flush */

void fanout_init(struct fanout *fanout)
{
    *fanout = (struct fanout){.index = index_new()};
    list_init(&fanout->dirty_groups);
    list_init(&fanout->dirty_sessions);
}

void fanout_release(struct fanout *fanout)
{
    if (!fanout || !fanout->index)
        return;
    index_free(fanout->index);
    buf_release(&fanout->frame);
    fanout->index = NULL;
}

struct group *fanout_join(struct fanout *fanout, struct filter *filter, struct session *session,
                          bool is_sole, uint32_t *out_place)
{
    struct index_node *node = index_add(fanout->index, filter);

    if (!node->owner) {
        node->owner = group_new(node);
        metrics_add(METRIC_FILTERS, 1);
    }
    struct group *group = node->owner;
    *out_place = group_members_add(is_sole ? &group->sole : &group->several, session);
    metrics_add(METRIC_SUBSCRIPTIONS, 1);
    return group;
}

void fanout_leave(struct fanout *fanout, struct group *group, bool is_sole, uint32_t place)
{
    struct session *moved = group_members_remove(is_sole ? &group->sole : &group->several, place);
    struct index_node *node = group->node;

    metrics_sub(METRIC_SUBSCRIPTIONS, 1);
    if (moved)
        session_moved(moved, group, place);
    if (group_is_empty(group)) {
        metrics_sub(METRIC_FILTERS, 1);
        group->node = NULL;
        if (!group->is_flushing)
            group_free(group);
    }
    index_remove(fanout->index, node);
}

/* Leaves room for the longest head in front of the message, then writes the head right before it.
 */
static void make_frame(struct fanout *fanout, const struct change *change)
{
    uint8_t head[WS_HEAD_MAX] = {0};
    struct buf *frame = &fanout->frame;

    fanout->is_made = true;
    buf_reset(frame);
    buf_add_bytes(frame, head, sizeof head);
    fanout->has_frame = encode_plain(frame, change);
    if (!fanout->has_frame)
        return;

    const size_t head_size = ws_frame_head(head, WS_TEXT, frame->size - sizeof head);
    fanout->frame_start = sizeof head - head_size;
    memcpy(frame->at + fanout->frame_start, head, head_size);
}

struct hit {
    struct fanout *fanout;
    const struct change *change;
};

static void on_hit(void *arg, struct index_node *node)
{
    const struct hit *hit = arg;
    struct fanout *fanout = hit->fanout;
    struct group *group = node->owner;

    if (!fanout->is_made)
        make_frame(fanout, hit->change);
    if (!fanout->has_frame)
        return;

    const struct slice frame = slice_from(buf_slice(&fanout->frame), fanout->frame_start);
    if (group->sole.count > 0) {
        if (group->run.size == 0)
            list_append(&fanout->dirty_groups, &group->in_dirty);
        buf_add(&group->run, frame);
        group->run_frames++;
        fanout->gathered += frame.size;
    }
    for (uint32_t i = 0; i < group->several.count; i++)
        fanout->gathered += session_gather(group->several.at[i], frame, fanout->change_number,
                                           &fanout->dirty_sessions);
}

void fanout_change(struct fanout *fanout, const struct change *change)
{
    struct hit hit = {fanout, change};

    fanout->is_made = false;
    fanout->change_number++;
    index_match(fanout->index, change, on_hit, &hit);
}

static void reset_run(struct buf *run)
{
    if (run->capacity > RUN_KEPT_SIZE)
        buf_release(run);
    else
        buf_reset(run);
}

/* From the last member to the first: one that leaves is replaced by one that has had its turn. */
static void flush_group(struct fanout *fanout, struct group *group)
{
    struct packet *rest = NULL;

    list_remove(&group->in_dirty);
    group->is_flushing = true;
    fanout->frames_sent += (uint64_t)group->run_frames * group->sole.count;
    for (uint32_t i = group->sole.count; i-- > 0;)
        session_send(group->sole.at[i], buf_slice(&group->run), &rest);
    group->is_flushing = false;
    packet_unref(rest);
    reset_run(&group->run);
    group->run_frames = 0;
    if (!group->node)
        group_free(group);
}

void fanout_flush(struct fanout *fanout)
{
    LIST_EACH (link, &fanout->dirty_groups)
        flush_group(fanout, LIST_ITEM(link, struct group, in_dirty));
    while (!list_is_empty(&fanout->dirty_sessions))
        fanout->frames_sent += session_flush(session_of_dirty(fanout->dirty_sessions.next));
    fanout->gathered = 0;

    const uint64_t asked = index_asked_total(fanout->index);
    metrics_add(METRIC_MATCH_ASKED, asked - fanout->asked);
    metrics_add(METRIC_FRAMES_SENT, fanout->frames_sent);
    fanout->asked = asked;
    fanout->frames_sent = 0;
}
