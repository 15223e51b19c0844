/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/catch_up.h"

#include "base/metrics.h"
#include "journal/cursor.h"
#include "journal/ledger.h"
#include "journal/reader.h"
#include "serve/session.h"
#include "serve/worker.h"

void catch_up_add(struct session *session)
{
    struct worker *worker = session->worker;

    if (!session->in_catching.next)
        list_append(&worker->catching, &session->in_catching);
    wake_signal(worker->wake);
}

/* What one round has gathered. */
struct round {
    struct buf *run;
    uint32_t frames;
    bool has_gap;
    struct buf gap; /* its reason */
};

static void take_change(struct session *session, const struct change *change, struct round *round)
{
    struct worker *worker = session->worker;
    const lsn commit = change->position.commit;

    if (change->kind == CHANGE_GAP) {
        round->has_gap = true;
        buf_add(&round->gap, change->reason);
        return;
    }
    if (commit != LSN_NONE && commit <= session->skip_commit)
        return;
    session->skip_commit = LSN_NONE;
    if (session_wants(session, change) &&
        frame_add(round->run, session_format(session), change,
                  worker_epoch_at(worker, journal_cursor_offset(worker->reader))))
        round->frames++;
}

static enum status read_round(struct session *session, struct round *round)
{
    struct worker *worker = session->worker;
    const struct change *change;

    if (journal_cursor_open(worker->reader, session->place) != OK)
        return ERR_NOT_FOUND;
    for (int i = 0; i < CATCH_UP_CHANGES && round->run->size < CATCH_UP_BYTES && !round->has_gap;
         i++) {
        change = journal_cursor_next(worker->reader);
        if (!change)
            break;
        take_change(session, change, round);
    }
    session->place = journal_cursor_close(worker->reader);
    return OK;
}

/* At the worker's place it is live, unless the transaction to be skipped may still go on. */
static void arrive(struct session *session)
{
    struct journal_ledger ledger;

    journal_read_ledger(session->worker->config.journal, &ledger);
    if (session->skip_commit != LSN_NONE && ledger.settled < session->skip_commit)
        return;
    session->skip_commit = LSN_NONE;
    session->is_behind = false;
    metrics_sub(METRIC_BEHIND, 1);
    list_remove(&session->in_catching);
}

static void give_round(struct session *session)
{
    struct worker *worker = session->worker;
    struct round round = {.run = &worker->catch_up_run};

    buf_reset(round.run);
    if (read_round(session, &round) != OK) {
        metrics_add(METRIC_SLOW_CLOSED, 1);
        session_tell_gap(session, WS_CLOSE_SLOW, SLICE("too slow and out of history"));
        return;
    }
    metrics_add(METRIC_FRAMES_SENT, round.frames);
    if (!session_send_own(session, buf_slice(round.run)))
        list_remove(&session->in_catching); /* until its socket drains */
    else if (!round.has_gap && session->place == worker->flushed_to)
        arrive(session);
    if (round.has_gap && session->phase == SESSION_LIVE)
        session_tell_gap(session, WS_CLOSE_GAP, buf_slice(&round.gap));
    buf_release(&round.gap);
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
        give_round(session);
    }
    while (!list_is_empty(&turn)) {
        struct session *session = LIST_ITEM(turn.next, struct session, in_catching);
        has_more = has_more || session->place != worker->flushed_to;
        list_remove(&session->in_catching);
        list_append(&worker->catching, &session->in_catching);
    }
    if (has_more)
        wake_signal(worker->wake);
}
