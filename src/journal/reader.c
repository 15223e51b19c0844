/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/reader.h"

#include <sched.h>

#include "journal/shared.h"
#include "net/loop.h"

/* One reader's side of the ring; shared.h has the picture and the argument about memory order. */

static void wake_writer(struct journal *journal)
{
    atomic_fetch_add(&journal->waking_writer, 1);
    struct wake *writer = atomic_load(&journal->writer);
    if (writer)
        wake_signal(writer);
    atomic_fetch_sub(&journal->waking_writer, 1);
}

void reader_move_pin(struct journal_reader *reader, _Atomic uint64_t *pin, uint64_t to)
{
    const uint64_t before = atomic_load_explicit(pin, memory_order_relaxed);

    if (to == before)
        return;
    atomic_store(pin, to);
    const uint64_t wanted = atomic_load(&reader->journal->wanted);
    if (wanted > 0 && before < wanted && wanted <= to)
        wake_writer(reader->journal);
}

static struct journal_reader *take_slot(struct journal *journal)
{
    for (uint32_t i = 0; i < JOURNAL_MAX_READERS; i++) {
        bool is_open = false;
        if (!atomic_compare_exchange_strong(&journal->readers[i].is_open, &is_open, true))
            continue;
        uint32_t count = atomic_load(&journal->reader_count);
        while (count < i + 1 &&
               !atomic_compare_exchange_weak(&journal->reader_count, &count, i + 1))
            continue;
        return &journal->readers[i];
    }
    return NULL;
}

struct journal_reader *journal_reader_open(struct journal *journal, struct wake *wake)
{
    struct journal_reader *reader = take_slot(journal);
    uint64_t head;

    if (!reader)
        return NULL;
    reader->journal = journal;
    reader->wake = wake;
    do {
        head = atomic_load(&journal->head);
        reader_move_pin(reader, &reader->pin, head);
    } while (atomic_load(&journal->tail) > head);
    reader->offset = reader->known_head = head;
    reader->at = (size_t)(head % journal->ring.size);
    return reader;
}

void journal_reader_close(struct journal_reader *reader)
{
    if (!reader)
        return;
    atomic_store(&reader->wake_at, WAKE_NEVER);
    while (atomic_load(&reader->journal->is_waking))
        (void)sched_yield();
    reader_move_pin(reader, &reader->pin, PIN_NONE);
    atomic_store(&reader->is_open, false);
}

static const struct record *take_record(const struct journal_reader *reader, uint64_t *offset,
                                        size_t *at)
{
    const struct ring *ring = &reader->journal->ring;
    const struct record *record = (const void *)(ring->base + *at);

    *offset += record->size;
    *at += record->size;
    if (*at >= ring->size)
        *at -= ring->size;
    return record;
}

const struct change *journal_next(struct journal_reader *reader)
{
    if (reader->offset == reader->known_head) {
        reader->known_head = atomic_load_explicit(&reader->journal->head, memory_order_acquire);
        if (reader->offset == reader->known_head)
            return NULL;
    }
    if (reader->ahead_count > 0)
        reader->ahead_count--;
    return &take_record(reader, &reader->offset, &reader->at)->change;
}

const struct change *journal_look_ahead(struct journal_reader *reader)
{
    if (reader->ahead_count == 0) {
        reader->ahead = reader->offset;
        reader->ahead_at = reader->at;
    }
    if (reader->ahead_count == JOURNAL_AHEAD || reader->ahead == reader->known_head)
        return NULL;
    reader->ahead_count++;
    return &take_record(reader, &reader->ahead, &reader->ahead_at)->change;
}

void journal_done(struct journal_reader *reader)
{
    reader_move_pin(reader, &reader->pin, reader->offset);
}

bool journal_sleep(struct journal_reader *reader)
{
    return journal_sleep_until(reader, reader->offset + 1);
}

bool journal_sleep_until(struct journal_reader *reader, uint64_t head)
{
    if (!reader->wake)
        return atomic_load(&reader->journal->head) < head;
    atomic_store(&reader->wake_at, head);
    if (atomic_load(&reader->journal->head) < head)
        return true;
    atomic_store(&reader->wake_at, WAKE_NEVER);
    return false;
}

uint64_t journal_reader_offset(const struct journal_reader *reader)
{
    return reader->offset;
}
