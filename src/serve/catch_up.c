/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/catch_up.h"

#include "base/metrics.h"
#include "journal/cursor.h"
#include "journal/reader.h"
#include "serve/protocol.h"
#include "serve/session.h"
#include "serve/worker.h"

#define DEFLATE_COST 8 /* to compress a byte takes as long as to send so many */

void catch_up_add(struct session *session)
{
    struct worker *worker = session->worker;

    /* While its filter is bound anew there is nothing to read with; the rebind adds it again. */
    if (session->protocol->is_held(session))
        return;
    if (!session->in_catching.next)
        list_append(&worker->catching, &session->in_catching);
    wake_signal(worker->wake);
}

/* One round of one session, or of one subscription that is behind alone. */
struct round {
    struct reading reading;
    struct session *session;
    struct buf *run;
    uint32_t frames;
    uint64_t known_table; /* id of a version that the filters were found to fit */
    bool is_over;         /* who was reading has ended meanwhile */
    bool has_gap;
    struct buf gap; /* its reason */
};

/* A change of a version of the table that the filter was not bound for cannot be judged. */
static bool is_of_other_version(struct round *round, const struct change *change, struct fault *why)
{
    if (!change->table || change->table->id == round->known_table)
        return false;
    if (round->reading.kind->check_table(&round->reading, change, why) != OK)
        return true;
    round->known_table = change->table->id;
    return false;
}

static void take_change(struct round *round, const struct change *change)
{
    const struct reading *reading = &round->reading;
    struct worker *worker = round->session->worker;
    const uint64_t end = journal_cursor_offset(worker->reader);
    const struct delivery delivery = {.fanout = &worker->fanout,
                                      .change = change,
                                      .epoch = worker_epoch_at(worker, end),
                                      .end = end};
    struct fault why;

    if (change->kind == CHANGE_GAP) {
        round->has_gap = true;
        buf_add(&round->gap, change->reason);
    } else if (change->kind == CHANGE_DROPPED) {
        round->is_over = reading->kind->end_table(reading, change->table);
    } else if (is_of_other_version(round, change, &why)) {
        round->has_gap = true;
        buf_add_text(&round->gap, why.text);
    } else {
        round->frames += reading->kind->add(reading, &delivery, round->run);
    }
}

/* Bytes of frames, and what compressing has cost since `before`, in such bytes. */
static size_t cost_of(const struct round *round, uint64_t before)
{
    const struct fanout *fanout = &round->session->worker->fanout;

    return round->run->size + (size_t)(fanout_deflated_size(fanout) - before) * DEFLATE_COST;
}

static enum status read_round(struct round *round)
{
    struct journal_reader *reader = round->session->worker->reader;
    uint64_t *place = round->reading.place;
    const uint64_t deflated = fanout_deflated_size(&round->session->worker->fanout);
    const struct change *change;

    if (journal_cursor_open(reader, *place) != OK)
        return ERR_NOT_FOUND;
    for (int i = 0;
         i < CATCH_UP_CHANGES && cost_of(round, deflated) < CATCH_UP_BYTES && !round->has_gap;
         i++) {
        const uint64_t before = journal_cursor_offset(reader);
        change = journal_cursor_next(reader);
        /* What came before a table's end is sent before that is told: in the next round. */
        if (!change || (change->kind == CHANGE_DROPPED && round->run->size > 0)) {
            *place = before;
            break;
        }
        take_change(round, change);
        if (round->is_over)
            break;
        *place = journal_cursor_offset(reader);
    }
    (void)journal_cursor_close(reader);
    return OK;
}

/* What the round has read is sent, and what it met is told.  True: there is more to read now. */
static bool end_round(struct round *round)
{
    struct session *session = round->session;
    const struct worker *worker = session->worker;
    const struct reading *reading = &round->reading;
    const uint64_t place = round->is_over ? worker->flushed_to : *reading->place;

    metrics_add(METRIC_FRAMES_SENT, round->frames);
    metrics_add(METRIC_SENDS, round->frames > 0 ? 1 : 0);
    const bool is_sent = session_send_own(session, buf_slice(round->run));
    if (!is_sent)
        list_remove(&session->in_catching); /* until its socket drains */
    if (session->phase != SESSION_LIVE || round->is_over)
        return false;
    if (round->has_gap)
        reading->kind->tell_gap(reading, WS_CLOSE_GAP, buf_slice(&round->gap));
    else if (is_sent && place == worker->flushed_to)
        reading->kind->arrive(reading, worker_complete_to(worker));
    return is_sent && place != worker->flushed_to;
}

/* True: there is more to read now. */
static bool read_on(struct session *session, const struct reading *reading)
{
    struct round round = {
        .reading = *reading, .session = session, .run = &session->worker->catch_up_run};
    bool has_more = false;

    buf_reset(round.run);
    if (read_round(&round) == OK) {
        has_more = end_round(&round);
    } else {
        metrics_add(METRIC_SLOW_CLOSED, 1);
        reading->kind->tell_gap(reading, WS_CLOSE_SLOW, SLICE("too slow and out of history"));
    }
    buf_release(&round.gap);
    return has_more;
}

/* The same; and whatever else the session has to say in its turn. */
static bool give_round(struct session *session)
{
    const struct protocol *protocol = session->protocol;
    struct reading reading;
    bool has_more = false;

    /* What waits leaves first; then it is added again. */
    if (protocol->is_held(session) || !outbox_is_empty(&session->outbox)) {
        list_remove(&session->in_catching);
        return false;
    }
    if (protocol->next_reading(session, &reading))
        has_more = read_on(session, &reading);
    if (session->phase != SESSION_LIVE || !protocol->next_reading(session, &reading))
        list_remove(&session->in_catching);
    if (session->phase == SESSION_LIVE && protocol->round_over)
        protocol->round_over(session);
    return has_more;
}

bool catch_up_turn(struct worker *worker)
{
    struct list_link turn;
    bool has_waiting = false;
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
        if (give_round(session))
            has_more = true;
        else if (session->in_catching.next)
            has_waiting = true;
    }
    while (!list_is_empty(&turn)) {
        struct list_link *link = turn.next;
        list_remove(link);
        list_append(&worker->catching, link);
    }
    if (has_more)
        wake_signal(worker->wake);
    return has_waiting;
}
