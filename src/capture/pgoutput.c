/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PostgreSQL's own plugin says, values as text:
 * https://www.postgresql.org/docs/15/protocol-logicalrep-message-formats.html
 *
 *     B  final LSN, time, xid             position.commit, commit_time_us, xid of what follows
 *     Y  type oid 16390, "public", "mood" a name to fall back on                     types.h
 *     R  16385 "public" "t" 'd' columns   a table; is kept for the whole stream pgoutput_tables.h
 *     I  16385 'N' values                 --> sink(insert)
 *     U  16385 ['K' key | 'O' row] 'N' values   --> sink(update)
 *     D  16385 'K' key | 'O' row          --> sink(delete)
 *     T  2 tables, options, 16385, 16401  --> sink(truncate), sink(truncate)
 *     C  commit LSN, end LSN, time        --> on_commit
 *     O, M                                an origin, a logical message: read over
 *     S, E, A, c                          a transaction that has not ended   pgoutput_stream.c
 *
 * A Relation comes once a stream, before the first change that needs it, and again when the table
 * has changed.  So Relations are read even in a transaction that is skipped.
 *
 * A tuple has one item a column: 't' and the text, 'n' NULL, 'u' an unchanged TOASTed value.  In a
 * key tuple 'n' stands for every column that is not of the key.
 *
 * Always true: nothing is read past a message, and a message that has bytes left over is refused.
 * What a change points to lies in the message.  Nothing is allocated for a change.
 *
 * Cost: some 3 ns a column (tests/bench/encode.c).
 */
#include "capture/decoder.h"

#include "base/mem.h"
#include "capture/pgoutput_parts.h"
#include "capture/types.h"

/* Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's times begin. */
#define POSTGRES_EPOCH_US INT64_C(946684800000000)

static struct pgoutput *pgoutput_of(struct decoder *decoder)
{
    return (struct pgoutput *)(void *)decoder;
}

static enum status is_cut(char kind, struct fault *fault)
{
    return fault_set(fault, ERR_PARSE, "pgoutput: a message of kind %c is cut or too long", kind);
}

/* ---- changes ---- */

static enum status emit(struct pgoutput *p, struct change *change)
{
    change->position = (struct position){p->commit, p->index};
    change->xid = p->xid;
    change->commit_time_us = p->commit_time_us;

    const enum status status = p->config.sink(p->config.arg, change);
    if (status == OK)
        p->index++;
    return status;
}

/* The table of a change; NULL, and a fault, where there can be none. */
static const struct table *read_table(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    const uint32_t oid = wire_u32(wire);
    const struct table *table = NULL;

    if (p->is_in_transaction)
        table = pgoutput_tables_find(&p->tables, oid);
    if (!p->is_in_transaction)
        (void)fault_set(fault, ERR_PARSE, "pgoutput: a change outside of a transaction");
    else if (!table)
        (void)fault_set(fault, ERR_PARSE, "pgoutput: a change of table oid %u, never described",
                        oid);
    return table;
}

/* One item of a tuple; false where it can't be one. */
static inline bool read_value(struct wire *wire, struct value *value)
{
    const char kind = (char)wire_u8(wire);

    switch (kind) {
    case 't':
        value->state = VALUE_TEXT;
        value->size = wire_u32(wire);
        value->text = wire_take(wire, value->size);
        return value->text != NULL;
    case 'n':
        *value = (struct value){.state = VALUE_NULL};
        return true;
    case 'u':
        *value = (struct value){.state = VALUE_UNCHANGED};
        return true;
    default: /* 'b' among them: binary was not asked for */
        return false;
    }
}

/* What a tuple stands for, by the byte before it. */
enum tuple_kind { TUPLE_NEW = 'N', TUPLE_KEY = 'K', TUPLE_OLD = 'O' };

static enum status read_tuple(struct wire *wire, const struct table *table, enum tuple_kind kind,
                              bool may_be_unchanged, struct value *row, struct fault *fault)
{
    const uint16_t count = wire_u16(wire);

    if (count != table->column_count)
        return fault_set(fault, ERR_PARSE, "pgoutput: %u values for the %u columns of table %.*s",
                         count, table->column_count, SLICE_ARG(table->name));
    for (uint32_t i = 0; i < count; i++) {
        if (!read_value(wire, &row[i]) || (row[i].state == VALUE_UNCHANGED && !may_be_unchanged))
            return fault_set(fault, ERR_PARSE, "pgoutput: column %u of a row of table %.*s is cut",
                             i + 1, SLICE_ARG(table->name));
        if (kind == TUPLE_KEY && !table->columns[i].is_key)
            row[i] = (struct value){.state = VALUE_ABSENT};
    }
    return OK;
}

static enum status feed_insert(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    struct change change = {
        .kind = CHANGE_INSERT, .table = read_table(p, wire, fault), .new_row = p->new_row};

    if (!change.table)
        return ERR_PARSE;
    if (wire_u8(wire) != TUPLE_NEW)
        return is_cut('I', fault);
    const enum status status = read_tuple(wire, change.table, TUPLE_NEW, false, p->new_row, fault);
    if (status != OK)
        return status;
    return wire_is_done(wire) ? emit(p, &change) : is_cut('I', fault);
}

/* The old tuple behind its kind, which is K or O. */
static enum status read_old(struct pgoutput *p, struct wire *wire, uint8_t kind,
                            struct change *change, struct fault *fault)
{
    change->old_kind = kind == TUPLE_OLD ? OLD_FULL : OLD_KEY;
    change->old_row = p->old_row;
    return read_tuple(wire, change->table, kind == TUPLE_OLD ? TUPLE_OLD : TUPLE_KEY, false,
                      p->old_row, fault);
}

static enum status feed_update(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    struct change change = {
        .kind = CHANGE_UPDATE, .table = read_table(p, wire, fault), .new_row = p->new_row};
    enum status status = OK;

    if (!change.table)
        return ERR_PARSE;
    uint8_t kind = wire_u8(wire);
    if (kind == TUPLE_KEY || kind == TUPLE_OLD) {
        status = read_old(p, wire, kind, &change, fault);
        if (status != OK)
            return status;
        kind = wire_u8(wire);
    }
    if (kind != TUPLE_NEW)
        return is_cut('U', fault);
    status = read_tuple(wire, change.table, TUPLE_NEW, true, p->new_row, fault);
    if (status != OK)
        return status;
    return wire_is_done(wire) ? emit(p, &change) : is_cut('U', fault);
}

static enum status feed_delete(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    struct change change = {.kind = CHANGE_DELETE, .table = read_table(p, wire, fault)};

    if (!change.table)
        return ERR_PARSE;
    const uint8_t kind = wire_u8(wire);
    if (kind != TUPLE_KEY && kind != TUPLE_OLD)
        return is_cut('D', fault);
    const enum status status = read_old(p, wire, kind, &change, fault);
    if (status != OK)
        return status;
    return wire_is_done(wire) ? emit(p, &change) : is_cut('D', fault);
}

/* Several changes in one message: fed again after ERR_AGAIN, it goes on where it stopped.  All
 * tables are looked at before the first is emitted. */
static enum status feed_truncate(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    const uint32_t count = wire_u32(wire);

    (void)wire_u8(wire); /* options: CASCADE, RESTART IDENTITY */
    if (wire->has_failed || wire_left(wire) != (size_t)count * sizeof(uint32_t))
        return is_cut('T', fault);
    for (struct wire check = *wire; wire_left(&check) > 0;) {
        if (!read_table(p, &check, fault))
            return ERR_PARSE;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct change change = {.kind = CHANGE_TRUNCATE, .table = read_table(p, wire, fault)};
        if (i < p->truncated)
            continue;
        const enum status status = emit(p, &change);
        if (status != OK)
            return status;
        p->truncated = i + 1;
    }
    p->truncated = 0;
    return OK;
}

/* ---- transactions ---- */

/* One that steps back is refused as a whole: its positions would be those of others. */
enum status pgoutput_begin(struct pgoutput *p, const struct pgoutput_begin *begin,
                           struct fault *fault)
{
    if (begin->commit <= p->commit || begin->commit < p->last_end)
        return fault_set(fault, ERR_PARSE,
                         "pgoutput: a commit at " LSN_FORMAT " behind one at " LSN_FORMAT,
                         LSN_ARG(begin->commit), LSN_ARG(p->commit));
    p->is_in_transaction = true;
    p->is_skipping = false;
    p->commit = begin->commit;
    p->index = 0;
    p->xid = begin->xid;
    p->truncated = 0;
    p->commit_time_us = (int64_t)(begin->time + (uint64_t)POSTGRES_EPOCH_US);
    return OK;
}

void pgoutput_end(struct pgoutput *p, lsn end)
{
    p->is_in_transaction = false;
    p->is_skipping = false;
    p->last_end = end;
    p->config.on_commit(p->config.arg, p->commit, end);
}

static enum status feed_begin(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    struct pgoutput_begin begin = {.commit = wire_u64(wire)};

    begin.time = wire_u64(wire);
    begin.xid = wire_u32(wire);
    if (!wire_is_done(wire))
        return is_cut('B', fault);
    if (p->is_in_transaction && !p->is_skipping)
        return fault_set(fault, ERR_PARSE, "pgoutput: a transaction begins within another");
    p->is_in_transaction = false;
    return pgoutput_begin(p, &begin, fault);
}

/* Whether a commit can be that of the transaction at hand; of one that is skipped, the Begin may
 * be what could not be read. */
static bool is_commit_of(const struct pgoutput *p, lsn commit, lsn end)
{
    return end > commit && (p->is_skipping ? commit >= p->commit : commit == p->commit);
}

static enum status feed_commit(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    (void)wire_u8(wire); /* flags, none so far */
    const lsn commit = wire_u64(wire);
    const lsn end = wire_u64(wire);
    (void)wire_u64(wire); /* the time, known since Begin */

    if (!wire_is_done(wire))
        return is_cut('C', fault);
    if (!p->is_in_transaction)
        return fault_set(fault, ERR_PARSE, "pgoutput: a commit without a transaction");
    if (!is_commit_of(p, commit, end))
        return fault_set(fault, ERR_PARSE,
                         "pgoutput: the transaction of " LSN_FORMAT " commits at " LSN_FORMAT,
                         LSN_ARG(p->commit), LSN_ARG(commit));
    p->commit = commit;
    pgoutput_end(p, end);
    return OK;
}

/* ---- what comes with the changes ---- */

static enum status feed_type(struct pgoutput *p, struct wire *wire, struct fault *fault)
{
    const uint32_t oid = wire_u32(wire);
    const struct slice schema = wire_string(wire);
    const struct slice name = wire_string(wire);

    if (!wire_is_done(wire))
        return is_cut('Y', fault);
    types_heard(p->config.types, oid, schema, name);
    return OK;
}

static enum status feed_origin(struct wire *wire, struct fault *fault)
{
    (void)wire_u64(wire); /* the commit LSN there */
    (void)wire_string(wire);
    return wire_is_done(wire) ? OK : is_cut('O', fault);
}

/* pg_logical_emit_message(); also outside of transactions. */
static enum status feed_logical_message(struct wire *wire, struct fault *fault)
{
    (void)wire_u8(wire);     /* flags */
    (void)wire_u64(wire);    /* LSN */
    (void)wire_string(wire); /* prefix */
    (void)wire_take(wire, wire_u32(wire));
    return wire_is_done(wire) ? OK : is_cut('M', fault);
}

/* ---- the decoder ---- */

static enum status feed_change(struct pgoutput *p, char kind, struct wire *wire,
                               struct fault *fault)
{
    switch (kind) {
    case 'I':
        return feed_insert(p, wire, fault);
    case 'U':
        return feed_update(p, wire, fault);
    case 'D':
        return feed_delete(p, wire, fault);
    case 'T':
        return feed_truncate(p, wire, fault);
    case 'O':
        return feed_origin(wire, fault);
    case 'M':
        return feed_logical_message(wire, fault);
    default:
        return fault_set(fault, ERR_PARSE, "pgoutput: a message of unknown kind 0x%02x",
                         (unsigned char)kind);
    }
}

enum status pgoutput_message(struct pgoutput *p, char kind, struct wire *wire, uint32_t heard,
                             struct fault *fault)
{
    switch (kind) {
    case 'R':
        return pgoutput_tables_read(&p->tables, wire, heard, fault);
    case 'Y':
        return feed_type(p, wire, fault);
    default:
        return p->is_skipping ? OK : feed_change(p, kind, wire, fault);
    }
}

static enum status pgoutput_feed(struct decoder *decoder, struct slice message, lsn start,
                                 struct fault *fault)
{
    struct pgoutput *p = pgoutput_of(decoder);
    struct wire wire = wire_of(message);
    const char kind = (char)wire_u8(&wire);

    (void)start;
    decoder->is_unfinished = false;
    if (pgoutput_stream_takes(p, kind))
        return pgoutput_stream_feed(p, message, fault);
    switch (kind) {
    case 'B':
        return feed_begin(p, &wire, fault);
    case 'C':
        return p->is_skipping && !p->is_in_transaction ? OK : feed_commit(p, &wire, fault);
    default:
        p->relations += kind == 'R';
        return pgoutput_message(p, kind, &wire, p->relations, fault);
    }
}

static struct position pgoutput_skip(struct decoder *decoder)
{
    struct pgoutput *p = pgoutput_of(decoder);
    const struct position lost = {p->is_in_transaction ? p->commit : LSN_NONE,
                                  p->is_in_transaction ? p->index : 0};

    p->is_skipping = true;
    pgoutput_stream_skip(p);
    return lost;
}

static void pgoutput_reset(struct decoder *decoder)
{
    struct pgoutput *p = pgoutput_of(decoder);

    pgoutput_tables_reset(&p->tables);
    types_reset(p->config.types);
    p->is_in_transaction = p->is_skipping = false;
    p->truncated = 0;
    p->commit = p->last_end = LSN_NONE;
    p->relations = 0;
    pgoutput_stream_reset(p);
}

static void pgoutput_free(struct decoder *decoder)
{
    struct pgoutput *p = pgoutput_of(decoder);

    pgoutput_tables_release(&p->tables);
    mem_free(p->new_row);
    mem_free(p->old_row);
    pgoutput_stream_release(p);
    mem_free(p);
}

/* Versions 3 and 4 bring two-phase commit and parallel apply, neither of which is asked for. */
static int newest_protocol(int server_version)
{
    if (server_version < 140000)
        return 1;
    if (server_version < 150000)
        return 2;
    return server_version < 160000 ? 3 : 4;
}

static void pgoutput_add_options(const struct decoder *decoder, int server_version, struct buf *out)
{
    const struct pgoutput *p = (const struct pgoutput *)(const void *)decoder;
    const int newest = newest_protocol(server_version);
    const int wanted = p->config.protocol;
    const int version = wanted == 0 || wanted > newest ? newest : wanted;

    buf_printf(out, "proto_version '%d'%s", version, version > 1 ? ", streaming 'on'" : "");
}

struct decoder *decoder_pgoutput_new(const struct decoder_config *config)
{
    static const struct decoder_ops ops = {
        .plugin = "pgoutput",
        .add_options = pgoutput_add_options,
        .feed = pgoutput_feed,
        .skip = pgoutput_skip,
        .reset = pgoutput_reset,
        .free = pgoutput_free,
    };
    struct pgoutput *p = mem_new(sizeof *p);

    p->decoder.ops = &ops;
    p->config = *config;
    pgoutput_tables_init(&p->tables, &p->config);
    p->new_row = mem_array(PGOUTPUT_COLUMNS_MAX, sizeof p->new_row[0]);
    p->old_row = mem_array(PGOUTPUT_COLUMNS_MAX, sizeof p->old_row[0]);
    pgoutput_stream_init(p);
    return &p->decoder;
}
