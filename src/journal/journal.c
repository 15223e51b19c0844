/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/journal.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "journal/shared.h"
#include "net/loop.h"

/*
 * The writer's side of the ring; shared.h has the picture and the argument about memory order.
 *
 * Room is made a 64th of the ring at a time, so that the pins of all readers are looked at only
 * that often; the price is that up to a 64th is not used.  Which record begins first in a segment
 * is kept while writing, so that old records are never touched again to find the new tail.
 */

struct journal *journal_new(size_t size, struct fault *fault)
{
    struct journal *journal = aligned_alloc(_Alignof(struct journal), sizeof *journal);

    if (!journal) {
        (void)fault_set(fault, ERR_SYSTEM, "journal: out of memory");
        return NULL;
    }
    *journal = (struct journal){0};
    if (ring_init(&journal->ring, size, fault) != OK) {
        free(journal);
        return NULL;
    }
    for (uint32_t i = 0; i < JOURNAL_MAX_READERS; i++) {
        atomic_init(&journal->readers[i].pin, PIN_NONE);
        atomic_init(&journal->readers[i].cursor_pin, PIN_NONE);
        atomic_init(&journal->readers[i].wake_at, WAKE_NEVER);
    }
    journal->limit = journal->ring.size;
    journal->segment_size = journal->ring.size / JOURNAL_SEGMENTS;
    journal->retired_end = &journal->retired;
    return journal;
}

/* ---- tables that no new change will point to ---- */

static void free_retired(struct journal *journal, uint64_t tail)
{
    while (journal->retired && journal->retired->offset <= tail) {
        struct retired_table *first = journal->retired;

        journal->retired = first->next;
        if (!journal->retired)
            journal->retired_end = &journal->retired;
        table_free(first->table);
        mem_free(first);
    }
}

void journal_retire(struct journal *journal, struct table *table)
{
    if (!table)
        return;

    struct retired_table *retired = mem_new(sizeof *retired);
    retired->table = table;
    retired->offset = journal->end;
    *journal->retired_end = retired;
    journal->retired_end = &retired->next;
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    free_retired(journal, UINT64_MAX);
    ring_release(&journal->ring);
    free(journal);
}

/* ---- making room ---- */

static uint64_t oldest_pin(const struct journal *journal, bool with_cursors)
{
    const uint32_t count = atomic_load(&journal->reader_count);
    uint64_t oldest = atomic_load(&journal->head);

    for (uint32_t i = 0; i < count; i++) {
        const uint64_t pin = atomic_load(&journal->readers[i].pin);
        const uint64_t cursor = atomic_load(&journal->readers[i].cursor_pin);
        if (pin < oldest)
            oldest = pin;
        if (with_cursors && cursor < oldest)
            oldest = cursor;
    }
    return oldest;
}

/* Positions before the first record of this segment are not kept any longer. */
static void raise_floor(struct journal *journal, uint64_t segment)
{
    const uint64_t start =
        atomic_load_explicit(&journal->starts[segment % JOURNAL_SEGMENTS], memory_order_relaxed);

    if (start <= journal->written.start)
        return;
    journal->written.floor = journal->before[segment % JOURNAL_SEGMENTS];
    ledger_write(journal);
}

static bool raise_tail(struct journal *journal, uint64_t segment)
{
    const uint64_t before = atomic_load_explicit(&journal->tail, memory_order_relaxed);
    const uint64_t tail =
        atomic_load_explicit(&journal->starts[segment % JOURNAL_SEGMENTS], memory_order_relaxed);

    if (oldest_pin(journal, true) < tail)
        return false;
    raise_floor(journal, segment);
    atomic_store(&journal->tail, tail);
    if (oldest_pin(journal, true) < tail) {
        /* A reader or cursor has just opened further back: it was first. */
        atomic_store(&journal->tail, before);
        return false;
    }
    journal->limit = tail + journal->ring.size;
    free_retired(journal, tail);
    return true;
}

/* The segment that begins at `offset` or next behind it. */
static uint64_t segment_behind(const struct journal *journal, uint64_t offset)
{
    const uint64_t segment = (offset + journal->segment_size - 1) / journal->segment_size;

    assert(segment < journal->segment_count);
    return segment;
}

static void note_start(struct journal *journal)
{
    while (journal->segment_count * journal->segment_size <= journal->end) {
        const uint64_t place = journal->segment_count % JOURNAL_SEGMENTS;
        atomic_store_explicit(&journal->starts[place], journal->end, memory_order_relaxed);
        journal->before[place] = journal->last;
        journal->segment_count++;
    }
}

static bool make_room(struct journal *journal, uint64_t size)
{
    const uint64_t segment = segment_behind(journal, journal->end + size - journal->ring.size);
    const uint64_t tail =
        atomic_load_explicit(&journal->starts[segment % JOURNAL_SEGMENTS], memory_order_relaxed);

    if (raise_tail(journal, segment))
        return true;

    /* What is not published cannot be read, so it would never be let go. */
    journal_publish(journal);
    const uint64_t head = atomic_load_explicit(&journal->head, memory_order_relaxed);
    const uint64_t some_more = tail + journal->ring.size / 8;
    atomic_store(&journal->wanted, some_more < head ? some_more : head);
    if (!raise_tail(journal, segment))
        return false;
    atomic_store(&journal->wanted, 0);
    return true;
}

static enum status refuse(struct journal *journal)
{
    if (!journal->is_refused)
        metrics_add(METRIC_JOURNAL_WAITS, 1);
    journal->is_refused = true;
    return ERR_AGAIN;
}

enum status journal_append(struct journal *journal, const struct change *change)
{
    const uint64_t size = record_size(change);

    /* Of four such records three are always behind the tail: record_start depends on it. */
    if (size > journal->ring.size / 4)
        return ERR_LIMIT;
    if (journal->end + size > journal->limit && !make_room(journal, size))
        return refuse(journal);

    journal->is_refused = false;
    note_start(journal);
    record_write(journal->ring.base + journal->at, size, change);
    journal->open =
        change->position.commit != LSN_NONE ? (void *)(journal->ring.base + journal->at) : NULL;
    journal->open_start = journal->end;
    if (change->position.commit != LSN_NONE)
        journal->last = change->position;
    journal->end += size;
    journal->at += size;
    if (journal->at >= journal->ring.size)
        journal->at -= journal->ring.size;
    return OK;
}

/* ---- waking ---- */

/* Who wants to sleep on meanwhile, further than the head, is left alone. */
static void wake_reader(struct journal *journal, struct journal_reader *reader, uint64_t head)
{
    uint64_t at = atomic_load(&reader->wake_at);

    atomic_store(&journal->is_waking, true);
    while (at <= head) {
        if (!atomic_compare_exchange_weak(&reader->wake_at, &at, WAKE_NEVER))
            continue;
        wake_signal(reader->wake);
        break;
    }
    atomic_store(&journal->is_waking, false);
}

/* What is complete is told after what it consists of. */
static void publish_settled(struct journal *journal)
{
    struct journal_ledger *written = &journal->written;
    const lsn last = journal->end > written->start ? journal->last.commit : LSN_NONE;

    if (written->settled == journal->settled && written->last_commit == last)
        return;
    written->settled = journal->settled;
    written->check = journal->settled_check;
    written->last_commit = last;
    ledger_write(journal);
}

void journal_publish(struct journal *journal)
{
    const uint64_t head = journal->open ? journal->open_start : journal->end;

    if (atomic_load_explicit(&journal->head, memory_order_relaxed) == head) {
        publish_settled(journal);
        return;
    }
    atomic_store(&journal->head, head);
    publish_settled(journal);

    const uint32_t count = atomic_load(&journal->reader_count);
    for (uint32_t i = 0; i < count; i++) {
        if (atomic_load(&journal->readers[i].wake_at) <= head)
            wake_reader(journal, &journal->readers[i], head);
    }
    metrics_set(METRIC_JOURNAL_BYTES,
                journal->end - atomic_load_explicit(&journal->tail, memory_order_relaxed));
}

void journal_on_room(struct journal *journal, struct wake *writer)
{
    atomic_store(&journal->writer, writer);
    while (atomic_load(&journal->waking_writer) > 0)
        (void)sched_yield();
}

/* ---- what anyone may ask ---- */

uint64_t journal_end(const struct journal *journal)
{
    return journal->end;
}

uint64_t journal_head(const struct journal *journal)
{
    return atomic_load(&journal->head);
}

uint64_t journal_tail(const struct journal *journal)
{
    return atomic_load(&journal->tail);
}

uint64_t journal_read_by_all(const struct journal *journal)
{
    return oldest_pin(journal, false);
}

size_t journal_size(const struct journal *journal)
{
    return journal->ring.size;
}
