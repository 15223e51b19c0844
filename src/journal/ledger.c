/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/ledger.h"

#include "change/token.h"
#include "journal/shared.h"

/* A sequence lock over atomic words; see shared.h for what is written when. */

void ledger_write(struct journal *journal)
{
    const struct journal_ledger *from = &journal->written;
    struct ledger *ledger = &journal->ledger;
    const uint64_t sequence = atomic_load_explicit(&ledger->sequence, memory_order_relaxed);

    atomic_store_explicit(&ledger->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&ledger->epoch, from->epoch, memory_order_relaxed);
    atomic_store_explicit(&ledger->start, from->start, memory_order_relaxed);
    atomic_store_explicit(&ledger->floor_commit, from->floor.commit, memory_order_relaxed);
    atomic_store_explicit(&ledger->floor_index, from->floor.index, memory_order_relaxed);
    atomic_store_explicit(&ledger->floor_check, from->floor.check, memory_order_relaxed);
    atomic_store_explicit(&ledger->check, from->check, memory_order_relaxed);
    atomic_store_explicit(&ledger->settled, from->settled, memory_order_relaxed);
    atomic_store_explicit(&ledger->last_commit, from->last_commit, memory_order_relaxed);
    atomic_store_explicit(&ledger->sequence, sequence + 2, memory_order_release);
}

void journal_read_ledger(const struct journal *journal, struct journal_ledger *out)
{
    const struct ledger *ledger = &journal->ledger;
    uint64_t before, after;

    do {
        before = atomic_load_explicit(&ledger->sequence, memory_order_acquire);
        out->epoch = atomic_load_explicit(&ledger->epoch, memory_order_relaxed);
        out->start = atomic_load_explicit(&ledger->start, memory_order_relaxed);
        out->floor.commit = atomic_load_explicit(&ledger->floor_commit, memory_order_relaxed);
        out->floor.index =
            (uint32_t)atomic_load_explicit(&ledger->floor_index, memory_order_relaxed);
        out->floor.check =
            (uint32_t)atomic_load_explicit(&ledger->floor_check, memory_order_relaxed);
        out->check = (uint32_t)atomic_load_explicit(&ledger->check, memory_order_relaxed);
        out->settled = atomic_load_explicit(&ledger->settled, memory_order_relaxed);
        out->last_commit = atomic_load_explicit(&ledger->last_commit, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&ledger->sequence, memory_order_relaxed);
    } while (before != after || (before & 1U) != 0);
}

void journal_begin_epoch(struct journal *journal, uint64_t epoch, lsn floor, uint32_t check)
{
    const struct position before = {floor, POSITION_ALL, check};

    journal->open = NULL; /* what it was the last of goes no further */
    journal_publish(journal);
    journal->written = (struct journal_ledger){
        .epoch = epoch, .start = journal->end, .floor = before, .settled = floor, .check = check};
    journal->settled = floor;
    journal->settled_check = check;
    journal->last = before;
    for (int i = 0; i < JOURNAL_SEGMENTS; i++)
        journal->before[i] = before;
    ledger_write(journal);
}

void journal_settle(struct journal *journal, lsn settled)
{
    if (settled > journal->settled)
        journal->settled = settled;
    if (journal->open && journal->open->change.position.commit <= journal->settled) {
        journal->open->change.is_last = true;
        journal->open = NULL;
    }
    if (journal->last.commit <= journal->settled)
        journal->settled_check = journal->last.check;
}
