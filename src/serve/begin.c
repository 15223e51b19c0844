/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a session becomes live.
 *
 * A session begins at the beginning of a transaction.  If the worker has just read the end of one,
 * that is now; else the rest of the transaction at hand is none of the session's business, and it
 * begins behind, with everything up to that commit to be skipped.
 */
#include "base/metrics.h"
#include "journal/cursor.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "journal/reader.h"
#include "serve/catch_up.h"
#include "serve/session.h"
#include "serve/subscription.h"
#include "serve/worker.h"

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
    return worker_behind(worker, &ledger);
}

void session_become_live(struct session *session, const struct protocol *protocol,
                         enum frame_format format)
{
    struct worker *worker = session->worker;
    const uint32_t period = worker->config.ping_seconds;

    session->protocol = protocol;
    session->format = (uint8_t)format;
    session->phase = SESSION_LIVE;
    session->place = journal_reader_offset(worker->reader);
    worker_learn_epoch(worker);
    ws_reader_init(&session->reader, WS_MAX_MESSAGE);
    if (frame_is_deflated(format)) {
        session->reader.may_deflate = true;
        fanout_begin_deflating(&worker->fanout);
        metrics_add(METRIC_DEFLATE_CLIENTS, 1);
    }
    /* Spread, so that clients that came together are not pinged together for ever. */
    session_deadline(session, period - (uint32_t)random_below(&worker->random, period));
}

enum status session_go_live(struct session *session, struct filter *const *filters, uint32_t count,
                            const struct session_start *start, struct token *out_position,
                            struct fault *fault)
{
    struct worker *worker = session->worker;
    enum status status = OK;
    uint64_t place;

    session_become_live(session, start->protocol, start->format);
    subscription_join(session, filters, count);
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
