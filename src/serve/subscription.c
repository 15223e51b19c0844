/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/subscription.h"

#include "base/mem.h"
#include "base/packet.h"
#include "match/filter.h"
#include "match/index.h"
#include "serve/group.h"
#include "serve/protocol.h"
#include "serve/worker.h"

/* ---- groups ---- */

static struct group_members *sole_members(const struct session *session)
{
    return &group_run_of(session->sole.group, session_format(session))->sole;
}

/* Of two queries of one session that are the same filter, the one that stood last was moved. */
static void several_moved(struct several *several, const struct group *group, uint32_t place)
{
    for (uint32_t i = 0; i < several->count; i++) {
        struct subscription *subscription = &several->at[i];
        if (subscription->group == group && subscription->place == group->several.count) {
            subscription->place = place;
            return;
        }
    }
}

static void subscribe_sole(struct session *session, struct filter *filter)
{
    session->sole.group = fanout_join(&session->worker->fanout, filter);
    session->sole.place = group_members_add(sole_members(session), session);
}

static void unsubscribe_sole(struct session *session)
{
    struct group *group = session->sole.group;
    const uint32_t place = session->sole.place;
    struct session *moved = group_members_remove(sole_members(session), place);

    if (moved)
        moved->sole.place = place;
    session->sole.group = NULL;
    fanout_leave(&session->worker->fanout, group);
}

static void subscribe_several(struct session *session, struct filter *const *filters,
                              uint32_t count)
{
    struct several *several = mem_new(sizeof *several + count * sizeof several->at[0]);

    several->session = session;
    session->several = several;
    for (uint32_t i = 0; i < count; i++) {
        struct group *group = fanout_join(&session->worker->fanout, filters[i]);
        several->at[i] = (struct subscription){group, group_members_add(&group->several, session)};
        several->count++;
    }
}

static void unsubscribe_several(struct several *several)
{
    while (several->count > 0) {
        const struct subscription last = several->at[--several->count];
        struct session *moved = group_members_remove(&last.group->several, last.place);
        if (moved)
            several_moved(moved->several, last.group, last.place);
        fanout_leave(&several->session->worker->fanout, last.group);
    }
    list_remove(&several->in_dirty);
    buf_release(&several->run);
    several->session->several = NULL;
    mem_free(several);
}

static void move_sole(struct session *session, struct group *to)
{
    struct group *from = session->sole.group;
    struct session *moved = group_members_remove(sole_members(session), session->sole.place);

    if (moved)
        moved->sole.place = session->sole.place;
    session->sole.group = to;
    fanout_join_again(to);
    session->sole.place = group_members_add(sole_members(session), session);
    fanout_leave(&session->worker->fanout, from);
}

static void move_one(struct several *several, struct subscription *subscription, struct group *to)
{
    const struct subscription from = *subscription;
    struct session *moved = group_members_remove(&from.group->several, from.place);

    *subscription = (struct subscription){to, group_members_add(&to->several, several->session)};
    fanout_join_again(to);
    if (moved)
        several_moved(moved->several, from.group, from.place);
    fanout_leave(&several->session->worker->fanout, from.group);
}

void subscription_change_group(struct session *session, struct group *from, struct group *to)
{
    struct several *several = session->several;

    if (session->sole.group == from)
        move_sole(session, to);
    for (uint32_t i = 0; several && i < several->count; i++) {
        if (several->at[i].group != from)
            continue;
        move_one(several, &several->at[i], to);
        return; /* once for each time that it is a member */
    }
}

void subscription_join(struct session *session, struct filter *const *filters, uint32_t count)
{
    if (count == 1)
        subscribe_sole(session, filters[0]);
    else
        subscribe_several(session, filters, count);
}

void subscription_leave(struct session *session)
{
    if (session->sole.group)
        unsubscribe_sole(session);
    if (session->several)
        unsubscribe_several(session->several);
}

/* ---- the run of several ---- */

size_t session_gather(struct session *session, struct slice frame, uint64_t change_number,
                      struct list_link *dirty)
{
    struct several *several = session->several;

    if (session->phase != SESSION_LIVE || session->is_behind ||
        several->last_change == change_number)
        return 0;
    several->last_change = change_number;
    if (several->run.size == 0) {
        list_append(dirty, &several->in_dirty);
        spares_take(&session->worker->fanout.spares, &several->run);
    }
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
    struct packet *rest = NULL;
    const uint32_t frames = several->run_frames;

    list_remove(&several->in_dirty);
    const bool is_sent = session_send_run(session, buf_slice(&several->run), &rest);
    packet_unref(rest);
    spares_give(&session->worker->fanout.spares, &several->run);
    several->run_frames = 0;
    return is_sent ? frames : 0;
}

/* ---- reading on by itself ---- */

static bool wants(const struct session *session, const struct change *change)
{
    const struct several *several = session->several;

    if (session->sole.group)
        return filter_passes_slow(session->sole.group->node->filter, change);
    for (uint32_t i = 0; several && i < several->count; i++) {
        if (filter_passes_slow(several->at[i].group->node->filter, change))
            return true;
    }
    return false;
}

static bool is_skipped(struct session *session, const struct change *change)
{
    const lsn commit = change->position.commit;

    if (commit != LSN_NONE && commit <= session->skip_commit)
        return true;
    session->skip_commit = LSN_NONE;
    return false;
}

static uint32_t add(const struct reading *reading, const struct delivery *delivery, struct buf *run)
{
    struct session *session = reading->session;

    if (is_skipped(session, delivery->change) || !wants(session, delivery->change))
        return 0;
    return fanout_add_frame(delivery, session_format(session), run) ? 1 : 0;
}

static enum status check_table(const struct reading *reading, const struct change *change,
                               struct fault *why)
{
    const struct session *session = reading->session;
    const struct several *several = session->several;
    enum status status = OK;

    if (session->sole.group)
        return group_check_table(session->sole.group, change, why);
    for (uint32_t i = 0; status == OK && several && i < several->count; i++)
        status = group_check_table(several->at[i].group, change, why);
    return status;
}

static bool names_table(const struct session *session, const struct table *table)
{
    const struct several *several = session->several;

    if (session->sole.group)
        return group_names_table(session->sole.group, table);
    for (uint32_t i = 0; several && i < several->count; i++) {
        if (group_names_table(several->at[i].group, table))
            return true;
    }
    return false;
}

void subscription_end_table(struct session *session, const struct table *table)
{
    struct fault reason;

    if (!names_table(session, table))
        return;
    group_table_words(table, &reason);
    session_end(session, slice_text(reason.text));
}

static bool end_table(const struct reading *reading, const struct table *table)
{
    subscription_end_table(reading->session, table);
    return reading->session->phase != SESSION_LIVE;
}

static void tell_gap(const struct reading *reading, unsigned code, struct slice reason)
{
    session_tell_gap(reading->session, code, reason);
}

/* Live, unless the transaction to be skipped may still go on. */
static void arrive(const struct reading *reading, lsn complete)
{
    struct session *session = reading->session;

    if (session->skip_commit == LSN_NONE || complete >= session->skip_commit)
        session_come_abreast(session);
}

bool subscription_reading(struct session *session, struct reading *out)
{
    static const struct reading_kind kind = {add, check_table, end_table, tell_gap, arrive};

    *out = (struct reading){&kind, session, NULL, &session->place};
    return session->is_behind;
}

bool subscription_is_held(const struct session *session)
{
    const struct several *several = session->several;

    if (session->sole.group)
        return session->sole.group->rebind != NULL;
    for (uint32_t i = 0; several && i < several->count; i++) {
        if (several->at[i].group->rebind)
            return true;
    }
    return false;
}
