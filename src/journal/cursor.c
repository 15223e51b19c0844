/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/cursor.h"

#include "journal/shared.h"

/*
 * Cursors, and finding a place by its position.
 *
 * Records are ordered by position within an epoch, and where each 64th of the ring begins is
 * known: halving over those, then walking, finds a place in a few microseconds per mebibyte.
 */

static const struct record *record_at(const struct journal *journal, uint64_t offset)
{
    return (const void *)(journal->ring.base + offset % journal->ring.size);
}

enum status journal_cursor_open(struct journal_reader *reader, uint64_t offset)
{
    reader_move_pin(reader, &reader->cursor_pin, offset);
    if (atomic_load(&reader->journal->tail) > offset) {
        reader_move_pin(reader, &reader->cursor_pin, PIN_NONE);
        return ERR_NOT_FOUND;
    }
    reader->cursor = offset;
    return OK;
}

const struct change *journal_cursor_next(struct journal_reader *reader)
{
    if (reader->cursor >= reader->offset)
        return NULL;
    const struct record *record = record_at(reader->journal, reader->cursor);
    reader->cursor += record->size;
    return &record->change;
}

uint64_t journal_cursor_offset(const struct journal_reader *reader)
{
    return reader->cursor;
}

uint64_t journal_cursor_close(struct journal_reader *reader)
{
    reader_move_pin(reader, &reader->cursor_pin, PIN_NONE);
    return reader->cursor;
}

/* ---- finding ---- */

static enum status check_token(const struct journal_ledger *ledger, const struct token *token,
                               struct fault *fault)
{
    const lsn newest =
        ledger->last_commit > ledger->settled ? ledger->last_commit : ledger->settled;

    if (token->epoch != ledger->epoch)
        return fault_set(fault, ERR_NOT_FOUND, "the position is of another epoch");
    if (position_compare(token->position, ledger->floor) < 0)
        return fault_set(fault, ERR_NOT_FOUND, "the position is too old");
    if (token->position.commit > newest)
        return fault_set(fault, ERR_NOT_FOUND, "the position is from the future");
    return OK;
}

/* Is everything before this record known to the token's holder?  A record without a position (a
 * gap whose place is not known) counts as the one before it. */
static bool is_behind(const struct record *record, const struct token *token)
{
    return record->change.position.commit != LSN_NONE &&
           position_compare(record->change.position, token->position) > 0;
}

/* The latest start of a segment whose record is not behind the token, or `from`. */
static uint64_t nearest_start(const struct journal *journal, uint64_t from, uint64_t head,
                              const struct token *token)
{
    uint64_t low = from / journal->segment_size + 1, high = head / journal->segment_size + 1;
    uint64_t nearest = from;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const uint64_t start =
            atomic_load_explicit(&journal->starts[middle % JOURNAL_SEGMENTS], memory_order_relaxed);
        /* A segment that was not begun yet still has the start of one long overwritten. */
        if (start <= from || start >= head || is_behind(record_at(journal, start), token)) {
            high = middle;
        } else {
            nearest = start > nearest ? start : nearest;
            low = middle + 1;
        }
    }
    return nearest;
}

/* Opens the cursor at the oldest record of the epoch; the ledger is as of then. */
static void open_at_oldest(struct journal_reader *reader, struct journal_ledger *ledger)
{
    uint64_t oldest;

    do {
        oldest = atomic_load(&reader->journal->tail);
    } while (journal_cursor_open(reader, oldest) != OK);
    journal_read_ledger(reader->journal, ledger);
    if (ledger->start > reader->cursor)
        reader->cursor = ledger->start;
}

/* Walks to the first record behind the token; returns the position right before it. */
static struct position walk_behind(const struct journal *journal, uint64_t *offset, uint64_t head,
                                   const struct token *token, struct position floor)
{
    struct position before = floor;

    while (*offset < head) {
        const struct record *record = record_at(journal, *offset);
        if (is_behind(record, token))
            break;
        if (record->change.position.commit != LSN_NONE)
            before = record->change.position;
        *offset += record->size;
    }
    return before;
}

/*
 * The token's check is that of the last transaction which its holder knows of.  Where the last one
 * that we know of, up to that position, is another one, the token comes from another history: of a
 * database that was restored since, of a former slot, of a standby that is no more.
 */
enum status journal_find(struct journal_reader *reader, const struct token *token,
                         uint64_t *out_offset, struct fault *fault)
{
    const struct journal *journal = reader->journal;
    struct journal_ledger ledger;

    open_at_oldest(reader, &ledger);
    const uint64_t head = atomic_load(&journal->head);
    enum status status = check_token(&ledger, token, fault);
    if (status == OK) {
        uint64_t offset = nearest_start(journal, reader->cursor, head, token);
        const struct position before = walk_behind(journal, &offset, head, token, ledger.floor);
        if (before.check == token->position.check)
            *out_offset = offset;
        else
            status = fault_set(fault, ERR_NOT_FOUND,
                               "what is here at this position is not what the client knows");
    }
    (void)journal_cursor_close(reader);
    return status;
}
