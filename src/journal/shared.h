/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"
#include "journal/ledger.h"
#include "journal/reader.h"
#include "journal/record.h"
#include "journal/ring.h"

/*
 * What journal.c and reader.c share, and why it is right without a lock.
 *
 *     offsets      tail            pin of reader 2    pin of reader 1    head     end
 *                   |  overwritten    |                   |               |        |
 *     ring     .....|=================|===================|===============|--------|.....
 *                   | whole           | in use by 2 ...                   | not yet published
 *
 * Four variables are handed from thread to thread:
 *
 *  head   written by the writer after the bytes of a record, read by readers before them: store
 *         and load pair up as release and acquire, so a reader sees whole records.
 *  pin    of each reader: what it is done with ends there.  Stored after its last look at those
 *         bytes, loaded by the writer before it overwrites them: release and acquire again.
 *  tail   everything before it may be overwritten at any time.  The writer first raises the tail,
 *         then looks at the pins again, and only then writes; a reader that opens first sets its
 *         pin, then looks at the tail.  All four accesses are sequentially consistent, so at least
 *         one of the two sees the other: the writer takes the tail back, or the reader tries again
 *         further on.  (A reader at an older place than the head, a cursor, is safe the same way.)
 *  wake_at, wanted   "wake me when you have come to here": by the same argument.  Who waits first
 *         says so, then looks again; who brings something first brings it, then looks who waits.
 *         So no wake is lost, and while nobody waits, nobody is woken and no system call is made.
 *
 *  cursor_pin   of each reader, too: a place further back, held while a client that resumes or is
 *         slow is served from there.  Same order of accesses as for the tail and an opening reader;
 *         a cursor that meets a raised tail is told that its place is gone.
 *  ledger  which epoch, what is kept, what is complete: a sequence lock, written by the writer.
 *         The floor is raised before the tail is, and "complete" after the head, so that neither
 *         ever promises what cannot be read.
 *
 * A wake belongs to a loop that may go away.  Before anyone signals one it says so (is_waking,
 * waking_writer), looks again whether that is still wanted, and only then touches it; closing
 * first withdraws the wish and then waits until nobody is at it any more.
 */
#define PIN_NONE UINT64_MAX
#define WAKE_NEVER UINT64_MAX
#define JOURNAL_SEGMENTS 64

/* struct journal_ledger, word by word. */
struct ledger {
    _Atomic uint64_t sequence; /* odd while the writer is at it */
    _Atomic uint64_t epoch, start, floor_commit, floor_index, floor_check, settled, check,
        last_commit;
};

struct journal_reader {
    _Alignas(64) _Atomic uint64_t pin; /* PIN_NONE: not open, or not yet */
    _Atomic uint64_t cursor_pin;       /* PIN_NONE: no cursor is being read */
    _Atomic bool is_open;
    _Atomic uint64_t wake_at; /* once the head is here; WAKE_NEVER: it does not sleep */
    struct wake *wake;

    /* The reader's own. */
    _Alignas(64) struct journal *journal;
    uint64_t offset; /* behind the last record returned */
    uint64_t known_head;
    size_t at;            /* offset, as a place in the ring */
    uint64_t cursor;      /* behind the last record that journal_cursor_next returned */
    uint64_t ahead;       /* behind the last record that was looked ahead to */
    size_t ahead_at;      /* the same, as a place in the ring */
    uint32_t ahead_count; /* records between offset and ahead; 0: neither counts */
};

struct retired_table {
    struct retired_table *next;
    struct table *table; /* owned */
    uint64_t offset;     /* freed when the tail is here */
};

/* Padded on purpose: what many threads load lies apart from what one of them writes. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct journal {
    /* Read by all; on lines of their own, since readers load them while the writer works. */
    _Alignas(64) _Atomic uint64_t head;
    _Alignas(64) _Atomic uint64_t tail;
    _Atomic uint64_t wanted; /* the writer waits until all pins are here; 0: it does not wait */
    _Atomic(struct wake *) writer;
    _Atomic uint32_t waking_writer; /* how many readers are about to signal it */
    _Atomic uint32_t reader_count;  /* slots ever used */
    _Atomic bool is_waking;         /* the writer is about to signal a reader */
    _Alignas(64) struct ledger ledger;

    /* The writer's own. */
    _Alignas(64) struct ring ring;
    uint64_t end;   /* behind the last record */
    uint64_t limit; /* tail + size: as far as we may write without asking */
    size_t at;      /* end, as a place in the ring */
    bool is_refused;
    /* For each of the last segments of the ring (a 64th of it) the offset of the first record
     * that begins in it or behind it: where the tail may stand.  Readers look here, too, for
     * segments that a pin of theirs keeps.  And what stands right before it: the floor then. */
    uint64_t segment_size, segment_count;
    _Atomic uint64_t starts[JOURNAL_SEGMENTS];
    struct position before[JOURNAL_SEGMENTS];
    struct position last;          /* of the last record appended that has one */
    struct record *open;           /* the last record, while its transaction may go on; or NULL */
    uint64_t open_start;           /* its offset: it is not published before that is known */
    struct journal_ledger written; /* what the ledger says */
    lsn settled;                   /* goes into the ledger with the next publish */
    uint32_t settled_check;        /* as does that */
    struct retired_table *retired, **retired_end; /* oldest first */

    struct journal_reader readers[JOURNAL_MAX_READERS];
};

/* Sets a pin of the reader's; the writer is told once, when it waits for just this. */
void reader_move_pin(struct journal_reader *reader, _Atomic uint64_t *pin, uint64_t to);
/* Makes what journal->written says visible; the writer only. */
void ledger_write(struct journal *journal);
