/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "catalog/snapshot_parts.h"
#include "change/table.h"

/*
 * The letters between a snapshot's asker and the control thread, and who frees what: a letter
 * owns what it brings, and holds the snapshot it is about.
 */

void snapshot_hold(struct snapshot *snapshot)
{
    (void)atomic_fetch_add(&snapshot->holders, 1);
}

void snapshot_drop(struct snapshot *snapshot)
{
    if (atomic_fetch_sub(&snapshot->holders, 1) > 1)
        return;
    table_free(snapshot->table);
    buf_release(&snapshot->fingerprint);
    buf_release(&snapshot->where);
    mem_free(snapshot);
}

struct note *note_new(struct snapshot *snapshot, enum note_kind kind)
{
    struct note *note = mem_new(sizeof *note);

    snapshot_hold(snapshot);
    note->snapshot = snapshot;
    note->kind = kind;
    return note;
}

void note_free(struct note *note)
{
    visible_release(&note->visible);
    buf_release(&note->bytes);
    mem_free(note->values);
    mem_free(note->fault);
    snapshot_drop(note->snapshot);
    mem_free(note);
}

static void give_rows(struct snapshot *snapshot, struct note *note)
{
    const char *at = note->bytes.at;
    const size_t count = (size_t)note->row_count * snapshot->table->column_count;

    for (size_t i = 0; i < count; i++) {
        struct value *value = &note->values[i];
        if (value->state != VALUE_TEXT)
            continue;
        value->text = value->size > 0 ? at : "";
        at += value->size;
    }
    const struct snapshot_rows rows = {snapshot->table, note->values, note->row_count};
    snapshot->events.rows(snapshot->arg, &rows);
}

static void end(struct snapshot *snapshot, const struct fault *why)
{
    snapshot->is_over = true;
    if (why)
        snapshot->events.failed(snapshot->arg, why);
    else
        snapshot->events.done(snapshot->arg);
    snapshot_drop(snapshot); /* the asker's */
}

/* In the asker's thread. */
static void deliver(struct letter *letter)
{
    struct note *note = (struct note *)(void *)letter;
    struct snapshot *snapshot = note->snapshot;

    if (!snapshot->is_over) {
        if (note->kind == NOTE_STARTED)
            snapshot->events.started(snapshot->arg, &note->visible, note->wal);
        else if (note->kind == NOTE_ROWS)
            give_rows(snapshot, note);
        else
            end(snapshot, note->fault);
    }
    note_free(note);
}

void note_post_to_asker(struct note *note)
{
    note->letter.deliver = deliver;
    mailbox_post(note->snapshot->mine, &note->letter);
}

void note_fail(struct snapshot *snapshot, const struct fault *why)
{
    struct note *note = note_new(snapshot, NOTE_FAILED);

    note->fault = mem_new(sizeof *note->fault);
    *note->fault = *why;
    note_post_to_asker(note);
}
