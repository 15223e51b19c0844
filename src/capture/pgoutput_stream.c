/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions that PostgreSQL sends while they run, protocol versions 2 to 4:
 *
 *     S  xid 742, first            a block of 742 begins
 *     R, Y, I, U, D, T  xid ...    each has the number of its (sub)transaction behind its kind
 *     E                            the block ends; others, and whole transactions, may follow
 *     S  xid 742                   more of it
 *     A  xid 742, subxid 745       what carries 745 is not to be told; 742 itself: nothing is
 *     c  xid 742, commit LSN       all of it, now
 *
 * Nothing in a block is looked at when it comes: whole messages are put by (spill.h).  At `c` they
 * are decoded one after the other as if they had come between B and C, and so get the positions
 * they would have had there: PostgreSQL sends both in the order of the WAL.
 *
 * Relations count even where their subtransaction was rolled back, since the server does not send
 * them again for the others; those of a transaction that is rolled back as a whole are dropped
 * with it.  One that was overtaken holds for its transaction only (pgoutput_tables.h).
 *
 * A large transaction takes many turns of the loop: after TURN_MESSAGES or TURN_BYTES feed()
 * returns ERR_AGAIN, with is_unfinished set, so that feedback and others get their time.
 *
 * What cannot be kept (its number can't be read) or does not belong where it stands is ERR_PARSE;
 * then its transaction is lost, its messages are dropped, and only its end is told.
 */
#include "base/mem.h"
#include "capture/pgoutput_parts.h"

enum { TURN_MESSAGES = 4096, TURN_BYTES = 1 << 20 };

static enum status is_cut(char kind, struct fault *fault)
{
    return fault_set(fault, ERR_PARSE, "pgoutput: a message of kind %c is cut or too long", kind);
}

void pgoutput_stream_init(struct pgoutput *p)
{
    const struct spill_config config = {
        .directory = p->config.spill_directory ? p->config.spill_directory : "/var/tmp",
        .memory_max = p->config.spill_memory,
        .files = p->config.spill_files,
    };

    p->stream.spill = spill_new(&config);
}

void pgoutput_stream_reset(struct pgoutput *p)
{
    spill_reset(p->stream.spill);
    p->stream = (struct pgoutput_stream){.spill = p->stream.spill};
    p->decoder.is_unfinished = false;
}

void pgoutput_stream_release(struct pgoutput *p)
{
    spill_free(p->stream.spill);
}

/* ---- blocks ---- */

static void drop(struct pgoutput *p, uint32_t xid)
{
    struct spill_transaction *transaction = spill_find(p->stream.spill, xid);

    if (transaction == p->stream.open)
        p->stream.open = NULL;
    if (transaction)
        spill_drop(p->stream.spill, transaction);
}

/* It cannot be told any more, in part or whole; it stays known, for its end. */
static void lose(struct pgoutput *p, uint32_t xid)
{
    struct spill_transaction *transaction = spill_find(p->stream.spill, xid);

    if (!transaction)
        transaction = spill_begin(p->stream.spill, xid);
    if (transaction)
        spill_give_up(p->stream.spill, transaction);
}

static bool is_elsewhere(const struct pgoutput *p)
{
    return p->stream.is_in_block || (p->is_in_transaction && !p->is_skipping);
}

static enum status is_misplaced(char kind, struct fault *fault)
{
    return fault_set(fault, ERR_PARSE, "pgoutput: a message of kind %c within a transaction", kind);
}

/* Fills stream.open; NULL and a fault where the block cannot be kept. */
static void open_block(struct pgoutput *p, uint32_t xid, bool is_first, struct fault *fault)
{
    struct spill *spill = p->stream.spill;

    if (is_first)
        drop(p, xid); /* a server that crashed under it may not have told its end */
    p->stream.open = is_first ? spill_begin(spill, xid) : spill_find(spill, xid);
    if (!p->stream.open)
        (void)fault_set(fault, ERR_PARSE,
                        is_first ? "pgoutput: more than %u streamed transactions"
                                 : "pgoutput: transaction %u goes on, but never began",
                        is_first ? (unsigned)SPILL_TRANSACTIONS_MAX : xid);
}

static enum status feed_start(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    const uint32_t xid = wire_u32(wire);
    const bool is_first = wire_u8(wire) != 0;
    const bool is_lost = is_elsewhere(p);

    if (!wire_is_done(wire))
        return is_cut('S', fault);
    if (p->stream.is_in_block)
        lose(p, p->stream.xid);
    p->is_in_transaction = p->is_in_transaction && !p->is_skipping;
    p->stream.is_in_block = true;
    p->stream.xid = xid;
    p->stream.open = NULL;
    if (is_lost)
        return is_misplaced('S', fault);
    open_block(p, xid, is_first, fault);
    return p->stream.open ? OK : ERR_PARSE;
}

static enum status feed_stop(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    if (!wire_is_done(wire))
        return is_cut('E', fault);
    if (!p->stream.is_in_block)
        return p->is_skipping
                   ? OK
                   : fault_set(fault, ERR_PARSE, "pgoutput: the end of a block that never began");
    p->stream.is_in_block = false;
    p->stream.open = NULL;
    return OK;
}

static enum status feed_abort(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    const uint32_t xid = wire_u32(wire);
    const uint32_t part = wire_u32(wire);
    struct spill_transaction *transaction = spill_find(p->stream.spill, xid);

    if (!wire_is_done(wire))
        return is_cut('A', fault);
    if (is_elsewhere(p))
        return is_misplaced('A', fault);
    if (part == xid)
        drop(p, xid);
    else if (transaction)
        spill_abort(transaction, part);
    return OK;
}

/* Anything within a block. */
static enum status keep(struct pgoutput *p, char kind, struct slice message, struct fault *fault)
{
    p->relations += kind == 'R';
    const struct spill_record record = {message, p->relations};

    if (!p->stream.open)
        return OK;
    switch (kind) {
    case 'R':
    case 'I':
    case 'U':
    case 'D':
    case 'T':
    case 'Y':
        break;
    case 'O':
    case 'M':
        return OK; /* an origin, a logical message */
    default:
        return fault_set(fault, ERR_PARSE,
                         "pgoutput: a message of kind 0x%02x within a streamed block",
                         (unsigned char)kind);
    }
    if (message.size < 1 + sizeof(uint32_t))
        return is_cut(kind, fault);
    return spill_add(p->stream.spill, p->stream.open, &record, fault);
}

/* ---- the end ---- */

static enum status begin_replay(struct pgoutput *p, const struct pgoutput_begin *begin, lsn end,
                                struct fault *fault)
{
    struct pgoutput_stream *stream = &p->stream;

    if (is_elsewhere(p))
        return is_misplaced('c', fault);
    p->is_in_transaction = false;
    const enum status status =
        end > begin->commit
            ? pgoutput_begin(p, begin, fault)
            : fault_set(fault, ERR_PARSE, "pgoutput: a commit at " LSN_FORMAT " ends before it",
                        LSN_ARG(begin->commit));
    if (status != OK) {
        drop(p, begin->xid);
        return status;
    }
    stream->is_replaying = true;
    stream->end = end;
    if (!spill_find(stream->spill, begin->xid))
        return fault_set(fault, ERR_PARSE, "pgoutput: transaction %u commits, but never began",
                         begin->xid);
    return OK;
}

static enum status replay_record(struct pgoutput *p, struct spill_transaction *transaction,
                                 const struct spill_record *record, struct fault *fault)
{
    struct wire wire = wire_of(record->message);
    const char kind = (char)wire_u8(&wire);
    const uint32_t xid = wire_u32(&wire);

    if (kind != 'R' && kind != 'Y' && (p->is_skipping || spill_is_aborted(transaction, xid)))
        return OK;
    return pgoutput_message(p, kind, &wire, record->note, fault);
}

static enum status end_replay(struct pgoutput *p)
{
    pgoutput_tables_end(&p->tables);
    drop(p, p->xid);
    p->stream.is_replaying = false;
    pgoutput_end(p, p->stream.end);
    return OK;
}

/* As many records as a turn takes.  The one that fails stays at hand. */
static enum status replay(struct pgoutput *p, struct fault *fault)
{
    struct pgoutput_stream *stream = &p->stream;
    struct spill_transaction *transaction = spill_find(stream->spill, p->xid);
    struct spill_record record;
    size_t bytes = 0;

    for (int i = 0; i < TURN_MESSAGES && bytes < TURN_BYTES; i++) {
        stream->has_record = false;
        enum status status =
            transaction ? spill_read(stream->spill, transaction, &record, fault) : ERR_NOT_FOUND;
        if (status == ERR_NOT_FOUND)
            return end_replay(p);
        if (status != OK)
            return status;
        stream->has_record = true;
        bytes += record.message.size;
        status = replay_record(p, transaction, &record, fault);
        if (status != OK)
            return status;
        spill_advance(stream->spill, transaction);
    }
    p->decoder.is_unfinished = true;
    return ERR_AGAIN;
}

static enum status feed_commit(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    struct pgoutput_begin begin = {.xid = wire_u32(wire)};

    (void)wire_u8(wire); /* flags, none so far */
    begin.commit = wire_u64(wire);
    const lsn end = wire_u64(wire);
    begin.time = wire_u64(wire);
    if (!wire_is_done(wire))
        return is_cut('c', fault);
    if (!p->stream.is_replaying) {
        const enum status status = begin_replay(p, &begin, end, fault);
        if (status != OK)
            return status;
    }
    return replay(p, fault);
}

void pgoutput_stream_skip(struct pgoutput *p)
{
    struct pgoutput_stream *stream = &p->stream;
    struct spill_transaction *transaction = spill_find(stream->spill, p->xid);

    if (stream->is_in_block) {
        lose(p, stream->xid);
        stream->open = NULL;
    }
    if (!stream->is_replaying)
        return;
    if (transaction && stream->has_record)
        spill_advance(stream->spill, transaction);
    else if (transaction)
        spill_give_up(stream->spill, transaction);
    stream->has_record = false;
    p->decoder.is_unfinished = true;
}

/* ---- all of it ---- */

bool pgoutput_stream_takes(struct pgoutput *p, char kind)
{
    /* A block of which something was lost ends where a whole transaction does. */
    if (!p->stream.open && (kind == 'B' || kind == 'C'))
        p->stream.is_in_block = false;
    return p->stream.is_in_block || kind == 'S' || kind == 'E' || kind == 'A' || kind == 'c';
}

enum status pgoutput_stream_feed(struct pgoutput *p, struct slice message, struct fault *fault)
{
    struct wire wire = wire_of(message);
    const char kind = (char)wire_u8(&wire);

    switch (kind) {
    case 'S':
        return feed_start(p, &wire, fault);
    case 'E':
        return feed_stop(p, &wire, fault);
    case 'A':
        return feed_abort(p, &wire, fault);
    case 'c':
        return feed_commit(p, &wire, fault);
    default:
        return keep(p, kind, message, fault);
    }
}
