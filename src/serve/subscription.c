/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which groups a session is in, and how it begins.
 *
 * A session begins at the beginning of a transaction.  If the worker has just read the end of one,
 * that is now; else the rest of the transaction at hand is none of the session's business, and it
 * begins behind, with everything up to that commit to be skipped.
 */
#include "base/mem.h"
#include "journal/cursor.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "journal/reader.h"
#include "match/filter.h"
#include "match/index.h"
#include "serve/catch_up.h"
#include "serve/group.h"
#include "serve/several.h"
#include "serve/v1.h"
#include "serve/worker.h"

/* ---- groups ---- */

static struct group_members *sole_members(const struct session *session)
{
    return &session->sole.group->runs[session->format].sole;
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

void session_change_group(struct session *session, struct group *from, struct group *to)
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

void session_unsubscribe(struct session *session)
{
    if (session->sole.group)
        unsubscribe_sole(session);
    if (session->several)
        unsubscribe_several(session->several);
    v1_free(session->v1);
    session->v1 = NULL;
}

bool session_wants(const struct session *session, const struct change *change)
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

/* ---- filters and versions of tables ---- */

static enum status check_group(const struct group *group, const struct change *change,
                               struct fault *why)
{
    const struct filter *filter = group->node->filter;

    return filter_is_for(filter, change) ? filter_check_table(filter, change->table, why) : OK;
}

enum status session_check_table(const struct session *session, const struct v1_subscription *only,
                                const struct change *change, struct fault *why)
{
    const struct several *several = session->several;
    enum status status = OK;

    if (only)
        return only->group ? check_group(only->group, change, why) : OK;
    if (session->sole.group)
        return check_group(session->sole.group, change, why);
    for (uint32_t i = 0; status == OK && several && i < several->count; i++)
        status = check_group(several->at[i].group, change, why);
    if (status == OK && session->v1)
        status = v1_check_table(session->v1, change, why);
    return status;
}

static bool group_names(const struct group *group, const struct table *table)
{
    const struct filter *filter = group->node->filter;

    return filter->table && filter->schema && slice_is(table->name, filter->table) &&
           slice_is(table->schema, filter->schema);
}

bool session_names_table(const struct session *session, const struct v1_subscription *only,
                         const struct table *table)
{
    const struct several *several = session->several;

    if (only)
        return only->group && group_names(only->group, table);
    if (session->sole.group)
        return group_names(session->sole.group, table);
    for (uint32_t i = 0; several && i < several->count; i++) {
        if (group_names(several->at[i].group, table))
            return true;
    }
    return false;
}

void session_end_table(struct session *session, const struct table *table)
{
    struct fault reason;

    (void)fault_set(&reason, ERR_NOT_FOUND, "table %.*s.%.*s was dropped or renamed",
                    SLICE_ARG(table->schema), SLICE_ARG(table->name));
    if (session->v1) {
        v1_end_table(session->v1, table, slice_text(reason.text));
    } else if (session_names_table(session, NULL, table)) {
        session_tell_gap(session, WS_CLOSE_GAP, slice_text(reason.text));
        if (session->format == FRAME_SSE)
            session_finish(session);
    }
}

bool session_is_held(const struct session *session)
{
    const struct several *several = session->several;

    if (session->sole.group)
        return session->sole.group->rebind != NULL;
    for (uint32_t i = 0; several && i < several->count; i++) {
        if (several->at[i].group->rebind)
            return true;
    }
    return session->v1 && v1_is_held(session->v1);
}

/* ---- beginning ---- */

static void begin_behind(struct session *session, uint64_t place, lsn skip_commit)
{
    session_fall_behind(session, place);
    session->skip_commit = skip_commit;
    catch_up_add(session);
}

/* Returns the position up to which it gets nothing. */
static struct position begin_now(struct session *session)
{
    struct worker *worker = session->worker;
    const uint64_t place = journal_reader_offset(worker->reader);
    struct journal_ledger ledger;

    /* The ledger first: what it calls complete can then be read up to the head. */
    journal_read_ledger(worker->config.journal, &ledger);
    const uint64_t head = journal_head(worker->config.journal);
    if (head == place && ledger.settled >= worker->last.commit)
        return (struct position){ledger.settled, POSITION_ALL, ledger.check};
    begin_behind(session, place, worker->last.commit);
    return (struct position){worker->last.commit, POSITION_ALL, worker->last.check};
}

static void become_live(struct session *session, enum frame_format format)
{
    struct worker *worker = session->worker;
    const uint32_t period = worker->config.ping_seconds;

    session->format = (uint8_t)format;
    session->phase = SESSION_LIVE;
    session->place = journal_reader_offset(worker->reader);
    worker_learn_epoch(worker);
    ws_reader_init(&session->reader, WS_MAX_MESSAGE);
    /* Spread, so that clients that came together are not pinged together for ever. */
    session_deadline(session, period - (uint32_t)random_below(&worker->random, period));
}

void session_go_v1(struct session *session, const struct who *who)
{
    become_live(session, FRAME_PLAIN);
    session->v1 = v1_new(session, who);
}

enum status session_go_live(struct session *session, struct filter *const *filters, uint32_t count,
                            const struct session_start *start, struct token *out_position,
                            struct fault *fault)
{
    struct worker *worker = session->worker;
    enum status status = OK;
    uint64_t place;

    become_live(session, start->format);
    if (count == 1)
        subscribe_sole(session, filters[0]);
    else
        subscribe_several(session, filters, count);
    if (start->has_token) {
        status = journal_find(worker->reader, &start->token, &place, fault);
        if (status == OK) {
            *out_position = start->token;
            begin_behind(session, place, LSN_NONE);
            return OK;
        }
    }
    *out_position = worker_token(worker, begin_now(session));
    return status;
}
