/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wal2json, format version 2: one JSON object per message, one message per change.
 *
 *     {"action":"B","xid":748,"timestamp":"...","lsn":"0/1A2B","nextlsn":"0/1A5C"}
 *     {"action":"U","xid":748,"timestamp":"...","lsn":"0/19F0","schema":"public","table":"t",
 *      "columns":[{"name":"id","type":"bigint","value":5},{"name":"n",...}],
 *      "identity":[{"name":"id","type":"bigint","value":5}]}
 *     {"action":"C","xid":748,"timestamp":"...","lsn":"0/1A2B","nextlsn":"0/1A5C"}
 *
 * B's and C's "lsn" is that of the commit record, "nextlsn" the first byte behind it; that of a
 * change is its own record's and is of no use: only commits are ordered.  T is a truncate of one
 * table.  M is a logical message: not a row change, and not asked for.
 *
 * The identity holds NULLs, so that one with all columns of the table is REPLICA IDENTITY FULL
 * (or a key of all columns, which comes to the same).
 *
 * Cost: what a column's name and type look like in a message is remembered per table, and
 * recognised by one comparison; only values are read.
 */
#include "base/mem.h"
#include "capture/wal2json.h"
#include "capture/wal2json_type.h"

struct wal2json_v2 {
    struct wal2json core; /* first: its first member is the decoder */
};

/* The members of a message that are not rows. */
struct head {
    char action; /* 0: none */
    struct json_token xid, timestamp, lsn, nextlsn;
};

static struct wal2json_v2 *of_decoder(struct decoder *decoder)
{
    return (struct wal2json_v2 *)(void *)decoder;
}

/* ---- columns ---- */

static struct slice with_quotes(struct slice text)
{
    return slice_of(text.at - 1, text.size + 2);
}

/* The rest of {"name":..., "type":..., "value":...}, in any order, with what else may be there. */
static enum status read_members(struct json_reader *reader, struct wal2json_cell *cell)
{
    struct json_token token;
    enum status status;

    while (!(status = json_next(reader, &token)) && token.kind == JSON_TOKEN_NAME) {
        const struct slice name = token.text;
        if (slice_equal(name, SLICE("type"))) {
            const struct slice rest = json_rest(reader);
            const size_t size = wal2json_type_size(rest);
            if (size == 0)
                return ERR_PARSE;
            cell->type = slice_of(rest.at, size);
            json_take(reader, size);
        } else if (slice_equal(name, SLICE("value"))) {
            status = json_next(reader, &token);
            if (status || wal2json_cell_set(cell, &token))
                return ERR_PARSE;
        } else if (slice_equal(name, SLICE("name"))) {
            status = json_next(reader, &token);
            if (status || token.kind != JSON_TOKEN_STRING)
                return ERR_PARSE;
            cell->name = with_quotes(token.text);
        } else if (json_skip(reader)) {
            return ERR_PARSE;
        }
    }
    return status || token.kind != JSON_TOKEN_OBJECT_END || !cell->name.at || !cell->type.at
               ? ERR_PARSE
               : OK;
}

/* The column from `at` on whose name and type the message begins with; NULL: none. */
static const struct wal2json_column *recognise(const struct wal2json_table *known, uint32_t at,
                                               struct slice rest)
{
    const uint32_t count = known && known->table ? known->table->column_count : 0;

    for (; at < count; at++) {
        if (slice_starts(rest, known->columns[at].head))
            return &known->columns[at];
    }
    return NULL;
}

/* A column that was recognised: only its value is left to be read. */
static enum status read_known(struct json_reader *reader, const struct wal2json_table *known,
                              const struct wal2json_column *column, struct slice rest,
                              struct wal2json_cell *cell)
{
    const char *const head = column->head.at;
    struct json_token token;

    cell->name = slice_of(rest.at + (column->name.at - head), column->name.size);
    cell->type = slice_of(rest.at + (column->type.at - head), column->type.size);
    cell->column = (uint32_t)(column - known->columns);
    cell->version = known->table->id;
    if (json_enter(reader, column->head.size) || json_next(reader, &token))
        return ERR_PARSE;
    return wal2json_cell_set(cell, &token);
}

static enum status read_column(struct json_reader *reader, const struct wal2json_table *known,
                               uint32_t *at, struct slice rest, struct wal2json_cell *cell)
{
    const struct wal2json_column *const column = recognise(known, *at, rest);
    struct json_token token;
    enum status status;

    if (column) {
        status = read_known(reader, known, column, rest, cell);
        *at = cell->column + 1;
    } else {
        status = json_next(reader, &token);
        if (!status && token.kind != JSON_TOKEN_OBJECT)
            status = ERR_PARSE;
    }
    return status ? ERR_PARSE : read_members(reader, cell);
}

static enum status read_row(struct wal2json *core, struct json_reader *reader,
                            struct wal2json_row *row)
{
    const struct wal2json_change *change = &core->change;
    const bool has_name = change->schema.at && change->table.at > change->schema.at;
    const struct wal2json_table *const known = has_name ? wal2json_find(core) : NULL;
    struct json_token token;
    uint32_t at = 0;

    if (row->is_there || json_next(reader, &token) || token.kind != JSON_TOKEN_ARRAY)
        return ERR_PARSE;
    row->is_there = true;
    for (;;) {
        const struct slice rest = json_rest(reader);
        if (rest.size > 0 && rest.at[0] == ']')
            return json_next(reader, &token) ? ERR_PARSE : OK;
        struct wal2json_cell *const cell = wal2json_row_add(row);
        if (!cell || read_column(reader, known, &at, rest, cell))
            return ERR_PARSE;
    }
}

/* ---- messages ---- */

static enum status read_text(struct json_reader *reader, struct slice *out_raw)
{
    struct json_token token;

    if (json_next(reader, &token) || token.kind != JSON_TOKEN_STRING)
        return ERR_PARSE;
    *out_raw = with_quotes(token.text);
    return OK;
}

static enum status read_action(struct json_reader *reader, char *out_action)
{
    struct json_token token;

    if (json_next(reader, &token) || token.kind != JSON_TOKEN_STRING || token.text.size != 1)
        return ERR_PARSE;
    *out_action = token.text.at[0];
    return OK;
}

static enum status read_member(struct wal2json *core, struct json_reader *reader, struct slice name,
                               struct head *head)
{
    struct wal2json_change *change = &core->change;

    if (slice_equal(name, SLICE("action")))
        return read_action(reader, &head->action);
    if (slice_equal(name, SLICE("xid")))
        return json_next(reader, &head->xid);
    if (slice_equal(name, SLICE("timestamp")))
        return json_next(reader, &head->timestamp);
    if (slice_equal(name, SLICE("lsn")))
        return json_next(reader, &head->lsn);
    if (slice_equal(name, SLICE("nextlsn")))
        return json_next(reader, &head->nextlsn);
    if (slice_equal(name, SLICE("schema")))
        return read_text(reader, &change->schema);
    if (slice_equal(name, SLICE("table")))
        return read_text(reader, &change->table);
    if (slice_equal(name, SLICE("columns")))
        return read_row(core, reader, &change->new_row);
    if (slice_equal(name, SLICE("identity")))
        return read_row(core, reader, &change->old_row);
    return json_skip(reader);
}

static enum status read_message(struct wal2json *core, struct slice message, struct head *head,
                                struct fault *fault)
{
    struct json_reader reader;
    struct json_token token;
    enum status status;

    json_reader_init(&reader, message, WAL2JSON_MAX_DEPTH);
    wal2json_change_reset(&core->change);
    if (json_next(&reader, &token) || token.kind != JSON_TOKEN_OBJECT)
        return wal2json_fault(fault, &reader, "a message is no JSON object");
    while (!(status = json_next(&reader, &token)) && token.kind == JSON_TOKEN_NAME) {
        status = read_member(core, &reader, token.text, head);
        if (status)
            break;
    }
    if (status || json_next(&reader, &token) || !head->action)
        return wal2json_fault(fault, &reader, "a message is not what format 2 prints");
    return OK;
}

static enum status begin(struct wal2json *core, const struct head *head, struct fault *fault)
{
    lsn commit = LSN_NONE, end = LSN_NONE;
    uint32_t xid = 0;
    int64_t time_us = 0;

    wal2json_commit(core); /* one without an end, if there is any */
    if (wal2json_read_lsn(&head->lsn, &commit) || wal2json_read_lsn(&head->nextlsn, &end))
        return fault_set(fault, ERR_PARSE, "wal2json: a transaction begins without its LSNs");
    wal2json_read_xid(&head->xid, &xid);
    wal2json_read_time(&head->timestamp, &time_us);
    wal2json_begin(core, commit, end, xid, time_us);
    return OK;
}

static enum status change(struct wal2json *core, enum change_kind kind, struct fault *fault)
{
    struct wal2json_change *change = &core->change;
    const bool wants_new = kind == CHANGE_INSERT || kind == CHANGE_UPDATE;
    const bool wants_old = kind == CHANGE_DELETE;

    if (!core->is_open)
        return fault_set(fault, ERR_PARSE, "wal2json: a change outside of a transaction");
    if (change->new_row.is_there != wants_new || (wants_old && !change->old_row.is_there) ||
        (change->old_row.is_there && (kind == CHANGE_INSERT || kind == CHANGE_TRUNCATE)))
        return fault_set(fault, ERR_PARSE, "wal2json: a change of kind %s without its columns",
                         change_kind_text(kind));
    change->kind = kind;
    return wal2json_emit(core, fault);
}

static enum status act(struct wal2json *core, const struct head *head, struct fault *fault)
{
    switch (head->action) {
    case 'B':
        return begin(core, head, fault);
    case 'C':
        wal2json_commit(core);
        return OK;
    case 'I':
        return change(core, CHANGE_INSERT, fault);
    case 'U':
        return change(core, CHANGE_UPDATE, fault);
    case 'D':
        return change(core, CHANGE_DELETE, fault);
    case 'T':
        return change(core, CHANGE_TRUNCATE, fault);
    case 'M':
        return OK;
    default:
        return fault_set(fault, ERR_PARSE, "wal2json: an unknown action");
    }
}

static enum status feed(struct decoder *decoder, struct slice message, lsn start,
                        struct fault *fault)
{
    struct wal2json *core = &of_decoder(decoder)->core;
    struct head head = {0};

    (void)start;
    if (core->is_skipped && !slice_starts(message, SLICE("{\"action\":\"B\"")) &&
        !slice_starts(message, SLICE("{\"action\":\"C\"")))
        return OK;
    const enum status status = read_message(core, message, &head, fault);
    return status ? status : act(core, &head, fault);
}

/* ---- the decoder ---- */

static void add_options(const struct decoder *decoder, int server_version, struct buf *out)
{
    (void)server_version;
    (void)decoder;
    buf_add_text(out, "\"format-version\" '2', \"include-transaction\" 'true', "
                      "\"include-xids\" 'true', \"include-timestamp\" 'true', "
                      "\"include-lsn\" 'true', \"include-types\" 'true', "
                      "\"add-msg-prefixes\" '" WAL2JSON_NO_MESSAGES "'");
}

static struct position skip(struct decoder *decoder)
{
    return wal2json_skip(&of_decoder(decoder)->core);
}

static void reset(struct decoder *decoder)
{
    wal2json_reset(&of_decoder(decoder)->core);
}

static void free_decoder(struct decoder *decoder)
{
    struct wal2json_v2 *v2 = of_decoder(decoder);

    wal2json_release(&v2->core);
    mem_free(v2);
}

static const struct decoder_ops ops = {
    .plugin = "wal2json",
    .add_options = add_options,
    .feed = feed,
    .skip = skip,
    .reset = reset,
    .free = free_decoder,
};

struct decoder *decoder_wal2json_v2_new(const struct decoder_config *config)
{
    struct wal2json_v2 *v2 = mem_new(sizeof *v2);

    wal2json_init(&v2->core, &ops, config, true);
    return &v2->core.base;
}
