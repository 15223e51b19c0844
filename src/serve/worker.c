/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/worker.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "change/commits.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "journal/reader.h"
#include "net/listener.h"
#include "serve/catch_up.h"
#include "serve/protocol.h"
#include "serve/rebind.h"
#include "serve/session.h"

#define TURN_CHANGES 1024
#define TURN_BYTES ((size_t)256 * 1024)
#define DRAIN_SECONDS 5

/* ---- sessions ---- */

typedef void(session_fn)(struct session *session, void *arg);

/* Calls fn for each session; fn may close it, or put it under another deadline. */
static void for_each_session(struct worker *worker, session_fn *fn, void *arg)
{
    for (size_t i = 0; i < WHEEL_SECONDS; i++) {
        LIST_EACH (link, &worker->wheel.seconds[i])
            fn(session_of_link(link), arg);
    }
}

static const char too_many[] = "HTTP/1.1 503 Service Unavailable\r\n"
                               "Retry-After: 1\r\n"
                               "Connection: close\r\n"
                               "Content-Type: text/plain; charset=utf-8\r\n"
                               "Content-Length: 28\r\n\r\n"
                               "there are too many clients\r\n";

static void on_accept(void *arg, int fd, const struct sockaddr_storage *peer)
{
    struct worker *worker = arg;

    (void)peer;
    if (session_accept(worker, fd) != OK)
        return;
    worker->session_count++;
    metrics_add(METRIC_CONNECTIONS, 1);
}

void worker_forget(struct worker *worker)
{
    worker->session_count--;
    worker->ebb.left++;
    metrics_sub(METRIC_CONNECTIONS, 1);
    if (worker->is_draining && worker->session_count == 0)
        loop_stop(worker->loop);
}

/* ---- changes ---- */

struct gap {
    uint64_t offset;
    struct slice reason;
};

static void tell_gap(struct session *session, void *arg)
{
    const struct gap *gap = arg;

    /* Whoever is behind meets it by himself; whoever came after it has missed nothing. */
    if (session->phase == SESSION_LIVE && !session->is_behind && session->place < gap->offset)
        session_tell_gap(session, WS_CLOSE_GAP, gap->reason);
}

static void flush(struct worker *worker)
{
    fanout_flush(&worker->fanout);
    worker->flushed_to = journal_reader_offset(worker->reader);
}

/* What was gathered before the gap belongs before it. */
static void take_gap(struct worker *worker, const struct change *change)
{
    struct gap gap = {journal_reader_offset(worker->reader), change->reason};

    flush(worker);
    for_each_session(worker, tell_gap, &gap);
    worker->last = (struct position){LSN_NONE}; /* what follows may count lower */
}

void worker_learn_epoch(struct worker *worker)
{
    struct journal_ledger ledger;

    journal_read_ledger(worker->config.journal, &ledger);
    if (ledger.epoch == worker->epoch)
        return;
    worker->old_epoch = worker->epoch;
    worker->epoch = ledger.epoch;
    worker->epoch_start = ledger.start;
    *worker->commits = (struct commits){.count = 0};
}

uint64_t worker_epoch_at(const struct worker *worker, uint64_t offset)
{
    return offset > worker->epoch_start ? worker->epoch : worker->old_epoch;
}

struct token worker_token(const struct worker *worker, struct position position)
{
    return (struct token){worker->epoch, position};
}

struct token worker_token_now(const struct worker *worker)
{
    struct journal_ledger ledger;

    journal_read_ledger(worker->config.journal, &ledger);
    return (struct token){ledger.epoch, {ledger.settled, POSITION_ALL, ledger.check}};
}

static void tell_dropped(struct session *session, void *arg)
{
    if (session->phase == SESSION_LIVE && !session->is_behind)
        session->protocol->end_table(session, arg);
}

/* The ledger first: what it calls complete has been read if nothing came behind it. */
static bool has_read_all(const struct worker *worker, struct journal_ledger *ledger)
{
    journal_read_ledger(worker->config.journal, ledger);
    return ledger->epoch == worker->epoch &&
           journal_head(worker->config.journal) == worker->flushed_to;
}

lsn worker_complete_to(const struct worker *worker)
{
    struct journal_ledger ledger;

    if (has_read_all(worker, &ledger))
        return ledger.settled;
    /* The transaction at hand may go on. */
    return worker->last.commit == LSN_NONE ? LSN_NONE : worker->last.commit - 1;
}

bool worker_is_level(const struct worker *worker, struct token *out)
{
    struct journal_ledger ledger;

    if (!has_read_all(worker, &ledger) || ledger.settled < worker->last.commit)
        return false;
    *out = worker_token(worker, (struct position){ledger.settled, POSITION_ALL, ledger.check});
    return true;
}

/* Before the first change of an epoch there is only the place where it begins. */
struct position worker_behind(const struct worker *worker, const struct journal_ledger *ledger)
{
    if (worker->last.commit == LSN_NONE)
        return ledger->floor;
    return (struct position){worker->last.commit, POSITION_ALL, worker->last.check};
}

struct token worker_token_read(const struct worker *worker)
{
    struct journal_ledger ledger;
    struct token token;

    if (worker_is_level(worker, &token))
        return token;
    journal_read_ledger(worker->config.journal, &ledger);
    return worker_token(worker, worker->last.commit == LSN_NONE ? ledger.floor : worker->last);
}

/* Subscriptions of a table that is no more under its name end, and are told why. */
static void take_dropped(struct worker *worker, const struct change *change)
{
    flush(worker);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
    for_each_session(worker, tell_dropped, (void *)(uintptr_t)change->table);
}

static void take_change(struct worker *worker, const struct change *change, uint64_t start)
{
    if (change->kind == CHANGE_GAP) {
        take_gap(worker, change);
        return;
    }
    if (change->kind == CHANGE_DROPPED) {
        take_dropped(worker, change);
        return;
    }
    worker->last = change->position;
    commits_note(worker->commits, change->xid, start);
    const uint64_t end = journal_reader_offset(worker->reader);
    fanout_change(
        &(struct delivery){&worker->fanout, change, worker_epoch_at(worker, end), start, end});
}

/* True: it has not come to the end of what was there when it began. */
static bool take_turn(struct worker *worker)
{
    const struct change *change, *ahead;

    /* The head first: the epoch of all before it is then known. */
    const uint64_t head = journal_head(worker->config.journal);
    worker_learn_epoch(worker);
    for (int i = 0; i < TURN_CHANGES && worker->fanout.gathered < TURN_BYTES; i++) {
        /* Whoever holds a filter that no longer fits has to go on from just here. */
        if (!list_is_empty(&worker->fanout.stale))
            break;
        const uint64_t start = journal_reader_offset(worker->reader);
        if (start >= head || !(change = journal_next(worker->reader)))
            break;
        while ((ahead = journal_look_ahead(worker->reader)))
            fanout_prepare(&worker->fanout, ahead);
        take_change(worker, change, start);
    }
    flush(worker);
    journal_done(worker->reader);
    return worker->flushed_to < head;
}

static void on_wake(void *arg)
{
    struct worker *worker = arg;

    if (batch_holds(&worker->batch, worker->reader, journal_head(worker->config.journal))) {
        /* Whoever catches up never waits for that. */
        if (catch_up_turn(worker)) {
            batch_end(&worker->batch);
            wake_signal(worker->wake);
        }
        return;
    }
    batch_taken(&worker->batch, take_turn(worker));
    rebind_begin(worker);
    (void)catch_up_turn(worker);
    if (!journal_sleep(worker->reader))
        wake_signal(worker->wake); /* sockets and timers first, then the rest */
}

/* ---- time ---- */

static void close_for_good(struct session *session, void *unused)
{
    (void)unused;
    session_abort(session);
}

static void tell_notice(struct session *session, void *arg)
{
    const enum protocol_notice *notice = arg;

    if (session->phase == SESSION_LIVE && session->protocol->tell_notice)
        session->protocol->tell_notice(session, *notice);
}

/* It would hear nothing here for as long as the other server has the slot. */
static void send_elsewhere(struct session *session, void *unused)
{
    (void)unused;
    if (session->phase == SESSION_LIVE)
        session_say_close(session, WS_CLOSE_GOING_AWAY,
                          SLICE("another server has taken over: connect again"));
}

/* Clients are told when the stream breaks off, and when it goes on. */
static void look_at_source(struct worker *worker)
{
    const struct serve_source *source = &worker->config.source;
    const bool is_down = !source->is_live(source->arg);

    if (is_down && source->is_elsewhere(source->arg))
        for_each_session(worker, send_elsewhere, NULL);
    if (is_down == worker->is_source_down)
        return;
    worker->is_source_down = is_down;
    enum protocol_notice notice = is_down ? NOTICE_SOURCE_DOWN : NOTICE_SOURCE_UP;
    for_each_session(worker, tell_notice, &notice);
}

static void on_tick(void *arg)
{
    struct worker *worker = arg;
    struct list_link due;

    list_init(&due);
    wheel_turn(&worker->wheel, &due);
    while (!list_is_empty(&due)) {
        struct session *session = session_of_link(due.next);
        list_remove(&session->in_wheel);
        session_due(session);
    }
    look_at_source(worker);
    rebind_retry(worker);
    if (ebb_is_over(&worker->ebb))
        mem_trim();
    spares_trim(&worker->fanout.spares);
    /* Some of those that are behind wait for a position that no change brings. */
    if (!list_is_empty(&worker->catching))
        wake_signal(worker->wake);
    metrics_add(METRIC_BYTES_SENT, worker->bytes_sent);
    worker->bytes_sent = 0;
    if (worker->is_draining && ++worker->drain_ticks == DRAIN_SECONDS)
        for_each_session(worker, close_for_good, NULL);
}

/* ---- start and end ---- */

static void say_goodbye(struct session *session, void *unused)
{
    enum protocol_notice notice = NOTICE_DRAINING;

    (void)unused;
    tell_notice(session, &notice);
    if (session->phase == SESSION_LIVE)
        session_say_close(session, WS_CLOSE_GOING_AWAY, SLICE("the server is stopping"));
    else if (session->phase != SESSION_CLOSING)
        session_finish(session);
}

static void on_drain(struct letter *letter)
{
    struct worker *worker = LIST_ITEM(letter, struct worker, drain_letter);

    worker->is_draining = true;
    if (worker->batch.state != BATCH_AT_REST)
        (void)take_turn(worker); /* what waits for more comes before goodbye */
    listener_free(worker->listener);
    worker->listener = NULL;
    for_each_session(worker, say_goodbye, NULL);
    if (worker->session_count == 0)
        loop_stop(worker->loop);
}

void worker_drain(struct worker *worker)
{
    worker->drain_letter.deliver = on_drain;
    mailbox_post(worker->mailbox, &worker->drain_letter);
}

/* Those that are over are taken apart when nobody is at work on them any more. */
static void on_turn_end(void *arg)
{
    struct worker *worker = arg;

    while (!list_is_empty(&worker->doomed))
        session_bury(session_of_link(worker->doomed.next));
    handshakes_turn_end(&worker->handshakes);
}

struct worker *worker_new(const struct worker_config *config, struct fault *fault)
{
    struct worker *worker = mem_new(sizeof *worker);
    const struct listener_config listening = {
        .address = config->address,
        .refusal = config->tls ? SLICE("") : slice_text(too_many),
    };

    worker->config = *config;
    worker->loop = loop_new();
    worker->mailbox = mailbox_new(worker->loop);
    worker->wake = wake_new(worker->loop, on_wake, worker);
    worker->tick = timer_new(worker->loop, on_tick, worker);
    worker->read_buffer = mem_new(WORKER_READ_SIZE);
    random_init_system(&worker->random);
    wheel_init(&worker->wheel);
    fanout_init(&worker->fanout);
    worker->commits = mem_new(sizeof *worker->commits);
    list_init(&worker->catching);
    list_init(&worker->rebinds);
    list_init(&worker->doomed);
    loop_on_turn(worker->loop, on_turn_end, worker);
    handshakes_init(&worker->handshakes, worker->loop);
    grant_cache_init(&worker->grants, GRANT_CACHE_MAX);
    worker->reader = journal_reader_open(config->journal, worker->wake);
    worker->flushed_to = worker->reader ? journal_reader_offset(worker->reader) : 0;
    if (!worker->reader)
        (void)fault_set(fault, ERR_LIMIT, "more workers than the journal has readers");
    else if (!batch_init(&worker->batch, worker->loop, config->batch_delay_us,
                         journal_size(config->journal), on_wake, worker))
        (void)fault_set(fault, ERR_SYSTEM, "no descriptor is left for the timer of batch_delay");
    else
        worker->listener = listener_new(worker->loop, &listening, on_accept, worker, fault);
    if (worker->listener)
        return worker;
    worker_free(worker);
    return NULL;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    journal_reader_close(worker->reader);
    listener_free(worker->listener);
    batch_release(&worker->batch);
    fanout_release(&worker->fanout);
    buf_release(&worker->catch_up_run);
    mem_free(worker->commits);
    grant_cache_release(&worker->grants);
    timer_free(worker->tick);
    handshakes_release(&worker->handshakes);
    wake_free(worker->wake);
    mailbox_free(worker->mailbox);
    loop_free(worker->loop);
    mem_free(worker->read_buffer);
    mem_free(worker);
}

void worker_run(struct worker *worker)
{
    timer_start(worker->tick, 1000, 1000);
    wake_signal(worker->wake); /* the first look puts the reader to sleep */
    loop_run(worker->loop);
    metrics_add(METRIC_BYTES_SENT, worker->bytes_sent);
    /* From here on nothing is read: let go of the journal, so that capture never waits for us. */
    journal_reader_close(worker->reader);
    worker->reader = NULL;
}
