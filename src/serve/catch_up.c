/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/catch_up.h"

#include "base/metrics.h"
#include "journal/cursor.h"
#include "journal/reader.h"
#include "serve/session.h"
#include "serve/v1.h"
#include "serve/v1_snapshot.h"
#include "serve/worker.h"

void catch_up_add(struct session *session)
{
    struct worker *worker = session->worker;

    /* While its filter is bound anew there is nothing to read with; the rebind adds it again. */
    if (session_is_held(session))
        return;
    if (!session->in_catching.next)
        list_append(&worker->catching, &session->in_catching);
    wake_signal(worker->wake);
}

/* One round of one session, or of one subscription of the rich protocol that is behind alone. */
struct round {
    struct session *session;
    struct v1_subscription *only; /* NULL: the session */
    uint64_t *place;              /* where it goes on */
    struct buf *run;
    uint32_t frames;
    uint64_t known_table; /* id of a version that the filters were found to fit */
    bool is_over;         /* the session, or the subscription, has ended meanwhile */
    bool has_gap;
    struct buf gap; /* its reason */
};

static bool is_skipped(struct session *session, const struct change *change)
{
    const lsn commit = change->position.commit;

    if (commit != LSN_NONE && commit <= session->skip_commit)
        return true;
    session->skip_commit = LSN_NONE;
    return false;
}

static uint32_t add_frame(const struct round *round, const struct change *change, uint64_t epoch)
{
    struct session *session = round->session;

    if (session->v1)
        return v1_catch_up_change(session->v1, round->only, change, epoch, round->run);
    if (is_skipped(session, change) || !session_wants(session, change))
        return 0;
    return frame_add(round->run, session_format(session), change, epoch) ? 1 : 0;
}

/* A change of a version of the table that the filter was not bound for cannot be judged. */
static bool is_of_other_version(struct round *round, const struct change *change, struct fault *why)
{
    if (!change->table || change->table->id == round->known_table)
        return false;
    if (session_check_table(round->session, round->only, change, why) != OK)
        return true;
    round->known_table = change->table->id;
    return false;
}

static void take_dropped(struct round *round, const struct table *table)
{
    if (!round->only)
        session_end_table(round->session, table);
    else if (session_names_table(round->session, round->only, table))
        v1_end_subscription(round->only, SLICE("its table was dropped or renamed"));
    round->is_over = round->only || round->session->phase != SESSION_LIVE;
}

static void take_change(struct round *round, const struct change *change)
{
    const struct worker *worker = round->session->worker;
    const uint64_t epoch = worker_epoch_at(worker, journal_cursor_offset(worker->reader));
    struct fault why;

    if (change->kind == CHANGE_GAP) {
        round->has_gap = true;
        buf_add(&round->gap, change->reason);
    } else if (change->kind == CHANGE_DROPPED) {
        take_dropped(round, change->table);
    } else if (is_of_other_version(round, change, &why)) {
        round->has_gap = true;
        buf_add_text(&round->gap, why.text);
    } else {
        round->frames += add_frame(round, change, epoch);
    }
}

static enum status read_round(struct round *round)
{
    struct journal_reader *reader = round->session->worker->reader;
    const struct change *change;

    if (journal_cursor_open(reader, *round->place) != OK)
        return ERR_NOT_FOUND;
    for (int i = 0; i < CATCH_UP_CHANGES && round->run->size < CATCH_UP_BYTES && !round->has_gap;
         i++) {
        const uint64_t before = journal_cursor_offset(reader);
        change = journal_cursor_next(reader);
        /* What came before a table's end is sent before that is told: in the next round. */
        if (!change || (change->kind == CHANGE_DROPPED && round->run->size > 0)) {
            *round->place = before;
            break;
        }
        take_change(round, change);
        if (round->is_over)
            break;
        *round->place = journal_cursor_offset(reader);
    }
    (void)journal_cursor_close(reader);
    return OK;
}

/* At the worker's place it is live, unless the transaction to be skipped may still go on. */
static void arrive(struct round *round)
{
    struct session *session = round->session;
    const lsn complete = worker_complete_to(session->worker);

    if (round->only) {
        if (!round->only->snapshot || v1_snapshot_is_over(round->only->snapshot, complete))
            v1_arrive(round->only);
        return;
    }
    if (session->skip_commit != LSN_NONE && complete < session->skip_commit)
        return;
    session->skip_commit = LSN_NONE;
    session->is_behind = false;
    metrics_sub(METRIC_BEHIND, 1);
}

static void tell_gap(const struct round *round, unsigned code, struct slice reason)
{
    if (round->only)
        v1_tell_one_gap(round->only, reason);
    else
        session_tell_gap(round->session, code, reason);
}

static bool has_anything_behind(const struct session *session)
{
    return session->is_behind || (session->v1 && v1_first_behind(session->v1));
}

/* What the round has read is sent, and what it met is told.  True: there is more to read now. */
static bool end_round(struct round *round)
{
    struct session *session = round->session;
    const struct worker *worker = session->worker;
    const uint64_t place = round->is_over ? worker->flushed_to : *round->place;

    metrics_add(METRIC_FRAMES_SENT, round->frames);
    const bool is_sent = session_send_own(session, buf_slice(round->run));
    if (!is_sent)
        list_remove(&session->in_catching); /* until its socket drains */
    if (session->phase != SESSION_LIVE || round->is_over)
        return false;
    if (round->has_gap)
        tell_gap(round, WS_CLOSE_GAP, buf_slice(&round->gap));
    else if (is_sent && place == worker->flushed_to)
        arrive(round);
    return is_sent && place != worker->flushed_to;
}

/* True: there is more to read now. */
static bool give_round(struct session *session)
{
    struct worker *worker = session->worker;
    struct round round = {
        .session = session, .place = &session->place, .run = &worker->catch_up_run};
    bool has_more = false;

    /* What waits leaves first; then it is added again. */
    if (session_is_held(session) || !outbox_is_empty(&session->outbox)) {
        list_remove(&session->in_catching);
        return false;
    }
    if (!session->is_behind && session->v1)
        round.only = v1_first_behind(session->v1);
    if (round.only)
        round.place = &round.only->place;
    buf_reset(round.run);
    if (session->is_behind || round.only) {
        if (read_round(&round) == OK) {
            has_more = end_round(&round);
        } else {
            metrics_add(METRIC_SLOW_CLOSED, 1);
            tell_gap(&round, WS_CLOSE_SLOW, SLICE("too slow and out of history"));
        }
    }
    buf_release(&round.gap);
    if (session->phase != SESSION_LIVE || !has_anything_behind(session))
        list_remove(&session->in_catching);
    if (session->phase == SESSION_LIVE && session->v1)
        v1_rows_turn(session->v1);
    return has_more;
}

void catch_up_turn(struct worker *worker)
{
    struct list_link turn;
    int rounds = 0;

    /* Each at most once: a session that waits for a transaction's end stays in the list. */
    list_init(&turn);
    while (!list_is_empty(&worker->catching) && rounds++ < CATCH_UP_ROUNDS) {
        struct session *session = LIST_ITEM(worker->catching.next, struct session, in_catching);
        list_remove(&session->in_catching);
        list_append(&turn, &session->in_catching);
    }
    bool has_more = !list_is_empty(&worker->catching);
    LIST_EACH (link, &turn) {
        struct session *session = LIST_ITEM(link, struct session, in_catching);
        has_more = give_round(session) || has_more;
    }
    while (!list_is_empty(&turn)) {
        struct list_link *link = turn.next;
        list_remove(link);
        list_append(&worker->catching, link);
    }
    if (has_more)
        wake_signal(worker->wake);
}
