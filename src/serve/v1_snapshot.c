/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/v1_snapshot.h"

#include "base/mem.h"
#include "catalog/snapshot.h"
#include "change/commits.h"
#include "encode/v1_columns.h"
#include "encode/v1_messages.h"
#include "match/filter_sql.h"
#include "match/query.h"
#include "serve/binding.h"
#include "serve/catch_up.h"
#include "serve/session.h"
#include "serve/v1.h"
#include "serve/worker.h"

struct v1_snapshot {
    struct v1_subscription *subscription; /* borrowed: it owns this */
    struct snapshot *running;             /* NULL once it is done */
    struct visible visible;
    lsn wal;          /* all that the rows contain was committed before */
    struct buf chunk; /* rows that wait for the outbox */
    bool wants_more;  /* the last chunk was put: ask for the next when the outbox is empty */
};

void v1_snapshot_free(struct v1_snapshot *snapshot)
{
    if (!snapshot)
        return;
    snapshot_cancel(snapshot->running);
    visible_release(&snapshot->visible);
    buf_release(&snapshot->chunk);
    mem_free(snapshot);
}

bool v1_snapshot_is_reading(const struct v1_snapshot *snapshot)
{
    return snapshot && (snapshot->running || snapshot->chunk.size > 0);
}

bool v1_snapshot_has(const struct v1_snapshot *snapshot, const struct change *change)
{
    return change->position.commit < snapshot->wal && visible_has(&snapshot->visible, change->xid);
}

bool v1_snapshot_is_over(const struct v1_snapshot *snapshot, lsn complete)
{
    return complete + 1 >= snapshot->wal; /* complete is the last byte of a commit, wal the next */
}

/* ---- rows ---- */

static struct session *session_of(const struct v1_snapshot *snapshot)
{
    return snapshot->subscription->v1->session;
}

static void on_started(void *arg, const struct visible *visible, lsn wal)
{
    struct v1_snapshot *snapshot = arg;
    struct v1_subscription *subscription = snapshot->subscription;

    snapshot->visible = visible_copy(visible);
    snapshot->wal = wal;
    subscription->place =
        commits_first(session_of(snapshot)->worker->commits, visible, subscription->place);
}

static void put_chunk(struct v1_snapshot *snapshot)
{
    v1_put_rows(snapshot->subscription->v1, buf_slice(&snapshot->chunk));
    buf_release(&snapshot->chunk);
    snapshot->wants_more = true;
}

/* The rows are delivered; what they do not contain is read from the journal now. */
static void begin_joining(struct v1_snapshot *snapshot)
{
    if (!v1_snapshot_is_reading(snapshot))
        catch_up_add(session_of(snapshot));
}

void v1_snapshot_drained(struct v1_snapshot *snapshot)
{
    if (snapshot->chunk.size > 0) {
        put_chunk(snapshot);
        begin_joining(snapshot);
    }
    if (snapshot->wants_more && outbox_is_empty(&session_of(snapshot)->outbox)) {
        snapshot->wants_more = false;
        if (snapshot->running)
            snapshot_next(snapshot->running);
    }
}

static void on_rows(void *arg, const struct snapshot_rows *rows)
{
    struct v1_snapshot *snapshot = arg;
    struct v1_subscription *subscription = snapshot->subscription;

    encode_v1_snapshot_begin(&snapshot->chunk, slice_text(subscription->id));
    for (uint32_t i = 0; i < rows->count; i++)
        encode_v1_snapshot_row(&snapshot->chunk, rows->table,
                               rows->values + (size_t)i * rows->table->column_count,
                               subscription->columns);
    encode_v1_snapshot_end(&snapshot->chunk);
    if (outbox_is_empty(&session_of(snapshot)->outbox))
        v1_snapshot_drained(snapshot);
}

static void on_done(void *arg)
{
    struct v1_snapshot *snapshot = arg;

    snapshot->running = NULL;
    begin_joining(snapshot);
}

static const char *code_of(enum status status)
{
    if (status == ERR_LIMIT)
        return V1_TOO_MANY;
    return status == ERR_CLOSED ? V1_UNAVAILABLE : V1_NO_SNAPSHOT;
}

static void on_failed(void *arg, const struct fault *why)
{
    struct v1_snapshot *snapshot = arg;
    CLEANUP(buf_release) struct buf message = BUF_INIT;

    snapshot->running = NULL;
    encode_v1_error(&message, slice_text(snapshot->subscription->id), code_of(why->status),
                    slice_text(why->text));
    v1_put(snapshot->subscription->v1, buf_slice(&message));
    v1_forget(snapshot->subscription);
}

/* ---- asking ---- */

static struct slice *names_of(const struct v1_columns *columns)
{
    struct slice *names = mem_array(columns ? columns->count : 0, sizeof *names);

    for (uint32_t i = 0; columns && i < columns->count; i++)
        names[i] = slice_text(columns->names[i]);
    return names;
}

enum status v1_snapshot_begin(struct v1_subscription *subscription, const struct bound *bound,
                              struct fault *fault)
{
    static const struct snapshot_events events = {on_started, on_rows, on_done, on_failed};
    struct worker *worker = subscription->v1->session->worker;
    CLEANUP(buf_release) struct buf where = BUF_INIT;

    if (!bound->shape)
        return fault_set(fault, ERR_INPUT, "a snapshot is of one table");
    if (filter_sql(&where, bound->query, fault) != OK)
        return ERR_INPUT;
    struct slice *names = names_of(subscription->columns);
    const struct snapshot_query query = {
        .shape = bound->shape,
        .select = subscription->columns ? names : NULL,
        .select_count = subscription->columns ? subscription->columns->count : 0,
        .where = buf_slice(&where),
    };
    subscription->snapshot = mem_new(sizeof *subscription->snapshot);
    subscription->snapshot->subscription = subscription;
    subscription->is_behind = true;
    subscription->place = worker->flushed_to;
    subscription->snapshot->running = snapshot_start(worker->config.snapshots, worker->mailbox,
                                                     &query, &events, subscription->snapshot);
    mem_free(names);
    return OK;
}
