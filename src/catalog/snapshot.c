/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/snapshot.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "catalog/snapshot_parts.h"
#include "catalog/snapshot_sql.h"
#include "net/loop.h"

/*
 * The office: snapshots wait here, oldest first, until one of the connections is free.
 */
#define CONNECTIONS 4

struct snapshots {
    struct mailbox *mailbox;
    struct list_link waiting;
    size_t waiting_count;
    bool is_closing;
    int count;
    struct lane *lanes[];
};

static struct lane *find_free(const struct snapshots *office)
{
    for (int i = 0; i < office->count; i++) {
        if (lane_is_free(office->lanes[i]))
            return office->lanes[i];
    }
    return NULL;
}

static void leave_waiting(struct snapshots *office, struct snapshot *snapshot)
{
    list_remove(&snapshot->in_waiting);
    office->waiting_count--;
    metrics_sub(METRIC_SNAPSHOTS_WAITING, 1);
}

static void dispatch(void *arg)
{
    struct snapshots *office = arg;
    struct lane *lane = NULL;

    while (!list_is_empty(&office->waiting) && (lane = find_free(office)) != NULL) {
        struct snapshot *snapshot = LIST_ITEM(office->waiting.next, struct snapshot, in_waiting);
        leave_waiting(office, snapshot);
        lane_run(lane, snapshot);
    }
}

static void take_in(struct snapshots *office, struct snapshot *snapshot)
{
    struct fault why;

    if (office->waiting_count == SNAPSHOTS_WAITING_MAX) {
        (void)fault_set(&why, ERR_LIMIT,
                        "%d snapshots are running and %d are waiting, try again later",
                        office->count, (int)SNAPSHOTS_WAITING_MAX);
        note_fail(snapshot, &why);
        return;
    }
    snapshot_hold(snapshot); /* the office's, later the lane's */
    list_append(&office->waiting, &snapshot->in_waiting);
    office->waiting_count++;
    metrics_add(METRIC_SNAPSHOTS_WAITING, 1);
    dispatch(office);
}

static void cancel(struct snapshots *office, struct snapshot *snapshot)
{
    if (snapshot->in_waiting.next) {
        leave_waiting(office, snapshot);
        snapshot_drop(snapshot);
    } else if (snapshot->lane) {
        lane_cancel(snapshot->lane);
    }
}

/* In the control thread. */
static void deliver(struct letter *letter)
{
    struct note *note = (struct note *)(void *)letter;
    struct snapshot *snapshot = note->snapshot;
    struct snapshots *office = snapshot->office;

    if (!office || office->is_closing) /* several notes of one snapshot may be left */
        snapshot->office = NULL;
    else if (note->kind == NOTE_START)
        take_in(office, snapshot);
    else if (note->kind == NOTE_CANCEL)
        cancel(office, snapshot);
    else if (snapshot->lane)
        lane_next(snapshot->lane);
    note_free(note);
}

struct snapshots *snapshots_new(struct loop *loop, const struct snapshots_config *config)
{
    const int count = config->connections > 0 ? config->connections : CONNECTIONS;
    struct snapshots *office = mem_new(sizeof *office + (size_t)count * sizeof office->lanes[0]);
    const struct lane_events events = {dispatch, office};

    office->mailbox = mailbox_new(loop);
    office->count = count;
    list_init(&office->waiting);
    for (int i = 0; i < count; i++)
        office->lanes[i] = lane_new(loop, config, &events);
    return office;
}

void snapshots_free(struct snapshots *office)
{
    if (!office)
        return;
    office->is_closing = true;
    LIST_EACH (link, &office->waiting) {
        struct snapshot *snapshot = LIST_ITEM(link, struct snapshot, in_waiting);
        leave_waiting(office, snapshot);
        snapshot->office = NULL;
        snapshot_drop(snapshot);
    }
    for (int i = 0; i < office->count; i++)
        lane_free(office->lanes[i]);
    mailbox_free(office->mailbox);
    mem_free(office);
}

/* ---- the asker's side ---- */

static void post(struct snapshot *snapshot, enum note_kind kind)
{
    struct note *note = note_new(snapshot, kind);

    note->letter.deliver = deliver;
    mailbox_post(snapshot->office->mailbox, &note->letter);
}

struct snapshot *snapshot_start(struct snapshots *office, struct mailbox *mine,
                                const struct snapshot_query *query,
                                const struct snapshot_events *events, void *arg)
{
    struct snapshot *snapshot = mem_new(sizeof *snapshot);

    snapshot->holders = 1;
    snapshot->office = office;
    snapshot->mine = mine;
    snapshot->events = *events;
    snapshot->arg = arg;
    snapshot->table = snapshot_sql_table(query);
    snapshot_sql_fingerprint(&snapshot->fingerprint, query->shape);
    buf_add(&snapshot->where, query->where);
    post(snapshot, NOTE_START);
    return snapshot;
}

void snapshot_next(struct snapshot *snapshot)
{
    if (!snapshot->is_over && snapshot->office)
        post(snapshot, NOTE_NEXT);
}

void snapshot_cancel(struct snapshot *snapshot)
{
    if (!snapshot || snapshot->is_over)
        return;
    snapshot->is_over = true;
    if (snapshot->office)
        post(snapshot, NOTE_CANCEL);
    snapshot_drop(snapshot);
}
