/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wal2json, format version 1: one JSON object per transaction.
 *
 * With write-in-chunks it comes in pieces, each in a message of its own, that are JSON only when
 * laid end to end; without, all of it is one message.  Both are read by the same steps: the head
 * up to the bracket that opens "change", then one element after the other, then the end.
 *
 *     {"xid":748,"nextlsn":"0/1A5C","timestamp":"...","change":[            head
 *     {"kind":"insert","schema":"public","table":"t","columnnames":["id"],
 *      "columntypes":["bigint"],"columnvalues":[5]}                         element
 *     ,{"kind":"delete","schema":"public","table":"t","oldkeys":{           element
 *      "keynames":["id"],"keytypes":["bigint"],"keyvalues":[5]}}
 *     ]}                                                                    end
 *
 * A message ends between such pieces, never within one.  So memory holds one message, and of a
 * message with many elements `resume` says where the first one stands that was not yet taken.
 *
 * "nextlsn" is the first byte behind the commit record; the record's own LSN is not told.  A
 * position's commit is nextlsn - 1: see decoder.h.  A truncate is not told either.
 *
 * Logical messages are not asked for.  Should one come: outside of a transaction it is a document
 * of its own without "nextlsn", and has a comma too many when the transaction before had more
 * than one change (wal2json 2.5 prints {"change":[,{...}]}); it is passed over all the same.
 *
 * An old row comes without its NULLs, so that one of REPLICA IDENTITY FULL can be told from a key
 * only when it has all columns; else it counts as a key of those that came.
 */
#include "base/mem.h"
#include "capture/wal2json.h"
#include "capture/wal2json_type.h"

struct wal2json_v1 {
    struct wal2json core; /* first: its first member is the decoder */
    size_t resume;        /* of the message that was refused: what is before it was taken */
};

/* What was found of a row's three lists. */
enum { HAS_NAMES = 1, HAS_TYPES = 2, HAS_VALUES = 4, HAS_ALL = 7 };

static struct wal2json_v1 *of_decoder(struct decoder *decoder)
{
    return (struct wal2json_v1 *)(void *)decoder;
}

static struct slice with_quotes(struct slice text)
{
    return slice_of(text.at - 1, text.size + 2);
}

/* ---- the three lists of a row ---- */

static enum status open_list(struct json_reader *reader)
{
    struct json_token token;

    return json_next(reader, &token) || token.kind != JSON_TOKEN_ARRAY ? ERR_PARSE : OK;
}

static enum status read_names(struct json_reader *reader, struct wal2json_row *row)
{
    struct json_token token;
    enum status status;

    if (row->is_there || open_list(reader))
        return ERR_PARSE;
    row->is_there = true;
    while (!(status = json_next(reader, &token)) && token.kind == JSON_TOKEN_STRING) {
        struct wal2json_cell *const cell = wal2json_row_add(row);
        if (!cell)
            return ERR_PARSE;
        cell->name = with_quotes(token.text);
    }
    return status || token.kind != JSON_TOKEN_ARRAY_END ? ERR_PARSE : OK;
}

static enum status read_types(struct json_reader *reader, struct wal2json_row *row)
{
    struct json_token token;

    if (open_list(reader))
        return ERR_PARSE;
    for (uint32_t i = 0; i < row->count; i++) {
        const struct slice rest = json_rest(reader);
        const size_t size = wal2json_type_size(rest);
        if (size == 0)
            return ERR_PARSE;
        row->cells[i].type = slice_of(rest.at, size);
        json_take(reader, size);
    }
    return json_next(reader, &token) || token.kind != JSON_TOKEN_ARRAY_END ? ERR_PARSE : OK;
}

static enum status read_values(struct json_reader *reader, struct wal2json_row *row)
{
    struct json_token token;

    if (open_list(reader))
        return ERR_PARSE;
    for (uint32_t i = 0; i < row->count; i++) {
        if (json_next(reader, &token) || wal2json_cell_set(&row->cells[i], &token))
            return ERR_PARSE;
    }
    return json_next(reader, &token) || token.kind != JSON_TOKEN_ARRAY_END ? ERR_PARSE : OK;
}

/* A row that brings all columns of its table has names and types just as the last one: one
 * comparison, and only the values are left to be read. */
static bool recognise(struct wal2json *core, struct json_reader *reader, struct wal2json_row *row)
{
    const struct wal2json_change *change = &core->change;
    const bool has_name = change->schema.at && change->table.at > change->schema.at;
    const struct wal2json_table *const known = has_name ? wal2json_find(core) : NULL;
    const struct slice rest = json_rest(reader);

    if (!known || !known->table || row->is_there || !slice_starts(rest, buf_slice(&known->block)))
        return false;
    for (uint32_t i = 0; i < known->table->column_count; i++) {
        const struct wal2json_column *column = &known->columns[i];
        struct wal2json_cell *const cell = wal2json_row_add(row);
        cell->name = slice_of(rest.at + column->block_name, column->name.size);
        cell->type = slice_of(rest.at + column->block_type, column->type.size);
        cell->column = i;
        cell->version = known->table->id;
    }
    row->is_there = true;
    json_jump(reader, known->block.size);
    return true;
}

static enum status read_columns(struct wal2json *core, struct json_reader *reader,
                                struct wal2json_row *row, unsigned *found)
{
    if (!recognise(core, reader, row)) {
        *found |= HAS_NAMES;
        return read_names(reader, row);
    }
    *found = HAS_ALL;
    return read_values(reader, row);
}

static enum status read_old_keys(struct json_reader *reader, struct wal2json_row *row)
{
    struct json_token token;
    enum status status;
    unsigned found = 0;

    if (json_next(reader, &token) || token.kind != JSON_TOKEN_OBJECT)
        return ERR_PARSE;
    while (!(status = json_next(reader, &token)) && token.kind == JSON_TOKEN_NAME) {
        if (slice_equal(token.text, SLICE("keynames"))) {
            found |= HAS_NAMES;
            status = read_names(reader, row);
        } else if (slice_equal(token.text, SLICE("keytypes"))) {
            found |= HAS_TYPES;
            status = read_types(reader, row);
        } else if (slice_equal(token.text, SLICE("keyvalues"))) {
            found |= HAS_VALUES;
            status = read_values(reader, row);
        } else {
            status = json_skip(reader);
        }
        if (status)
            return ERR_PARSE;
    }
    return status || token.kind != JSON_TOKEN_OBJECT_END || found != HAS_ALL ? ERR_PARSE : OK;
}

/* ---- an element ---- */

struct element {
    struct slice kind;
    unsigned found; /* of the new row's lists */
};

static enum status read_text(struct json_reader *reader, struct slice *out)
{
    struct json_token token;

    if (json_next(reader, &token) || token.kind != JSON_TOKEN_STRING)
        return ERR_PARSE;
    *out = token.text;
    return OK;
}

static enum status read_name(struct json_reader *reader, struct slice *out_raw)
{
    struct slice text;

    if (read_text(reader, &text))
        return ERR_PARSE;
    *out_raw = with_quotes(text);
    return OK;
}

static enum status read_member(struct wal2json *core, struct json_reader *reader, struct slice name,
                               struct element *element)
{
    struct wal2json_change *change = &core->change;

    if (slice_equal(name, SLICE("kind")))
        return read_text(reader, &element->kind);
    if (slice_equal(name, SLICE("schema")))
        return read_name(reader, &change->schema);
    if (slice_equal(name, SLICE("table")))
        return read_name(reader, &change->table);
    if (slice_equal(name, SLICE("columnnames")))
        return read_columns(core, reader, &change->new_row, &element->found);
    if (slice_equal(name, SLICE("columntypes"))) {
        element->found |= HAS_TYPES;
        return read_types(reader, &change->new_row);
    }
    if (slice_equal(name, SLICE("columnvalues"))) {
        element->found |= HAS_VALUES;
        return read_values(reader, &change->new_row);
    }
    if (slice_equal(name, SLICE("oldkeys")))
        return read_old_keys(reader, &change->old_row);
    return json_skip(reader);
}

/* Reads the object that `text` begins with; *out_size: how long it is. */
static enum status read_element(struct wal2json *core, struct slice text, struct element *element,
                                size_t *out_size, struct fault *fault)
{
    struct json_reader reader;
    struct json_token token;
    enum status status;

    json_reader_init(&reader, text, WAL2JSON_MAX_DEPTH);
    wal2json_change_reset(&core->change);
    if (json_next(&reader, &token) || token.kind != JSON_TOKEN_OBJECT)
        return wal2json_fault(fault, &reader, "a change is no JSON object");
    while (!(status = json_next(&reader, &token)) && token.kind == JSON_TOKEN_NAME) {
        status = read_member(core, &reader, token.text, element);
        if (status)
            break;
    }
    if (status)
        return wal2json_fault(fault, &reader, "a change is not what format 1 prints");
    *out_size = (size_t)(reader.at - reader.start);
    return OK;
}

static enum status emit(struct wal2json *core, enum change_kind kind, unsigned found,
                        struct fault *fault)
{
    struct wal2json_change *change = &core->change;
    const bool wants_new = kind == CHANGE_INSERT || kind == CHANGE_UPDATE;

    if (core->commit == LSN_NONE)
        return fault_set(fault, ERR_PARSE, "wal2json: a change in a transaction without its LSN");
    if (found != (wants_new ? HAS_ALL : 0) ||
        (kind == CHANGE_DELETE && !change->old_row.is_there) ||
        (kind == CHANGE_INSERT && change->old_row.is_there))
        return fault_set(fault, ERR_PARSE, "wal2json: a change of kind %s without its columns",
                         change_kind_text(kind));
    change->kind = kind;
    return wal2json_emit(core, fault);
}

static enum status take_element(struct wal2json *core, struct slice text, size_t *out_size,
                                struct fault *fault)
{
    struct element element = {0};
    const enum status status = read_element(core, text, &element, out_size, fault);

    if (status)
        return status;
    if (slice_is(element.kind, "insert"))
        return emit(core, CHANGE_INSERT, element.found, fault);
    if (slice_is(element.kind, "update"))
        return emit(core, CHANGE_UPDATE, element.found, fault);
    if (slice_is(element.kind, "delete"))
        return emit(core, CHANGE_DELETE, element.found, fault);
    if (slice_is(element.kind, "message"))
        return OK;
    return fault_set(fault, ERR_PARSE, "wal2json: a change of an unknown kind");
}

/* ---- the head ---- */

/* Reads up to the bracket that opens "change". */
static enum status take_head(struct wal2json *core, struct slice text, size_t *out_size,
                             struct fault *fault)
{
    struct json_reader reader;
    struct json_token token, nextlsn = {0}, xid_token = {0}, timestamp = {0};
    enum status status;
    lsn end = LSN_NONE;
    uint32_t xid = 0;
    int64_t time_us = 0;

    json_reader_init(&reader, text, WAL2JSON_MAX_DEPTH);
    status = json_next(&reader, &token);
    if (!status && token.kind != JSON_TOKEN_OBJECT)
        status = ERR_PARSE;
    while (!status && !(status = json_next(&reader, &token)) && token.kind == JSON_TOKEN_NAME &&
           !slice_equal(token.text, SLICE("change"))) {
        if (slice_equal(token.text, SLICE("nextlsn")))
            status = json_next(&reader, &nextlsn);
        else if (slice_equal(token.text, SLICE("xid")))
            status = json_next(&reader, &xid_token);
        else if (slice_equal(token.text, SLICE("timestamp")))
            status = json_next(&reader, &timestamp);
        else
            status = json_skip(&reader);
    }
    if (status || token.kind != JSON_TOKEN_NAME || open_list(&reader))
        return wal2json_fault(fault, &reader, "a transaction has no list of changes");
    if (nextlsn.kind == JSON_TOKEN_STRING && (wal2json_read_lsn(&nextlsn, &end) || end == LSN_NONE))
        return fault_set(fault, ERR_PARSE, "wal2json: nextlsn is no LSN");
    wal2json_read_xid(&xid_token, &xid);
    wal2json_read_time(&timestamp, &time_us);
    wal2json_begin(core, end == LSN_NONE ? LSN_NONE : end - 1, end, xid, time_us);
    *out_size = (size_t)(reader.at - reader.start);
    return OK;
}

/* ---- messages ---- */

static size_t pass_space(struct slice message, size_t at)
{
    while (at < message.size && message.at[at] && strchr(" \t\r\n", message.at[at]))
        at++;
    return at;
}

static enum status take_end(struct wal2json *core, struct slice message, size_t *at,
                            struct fault *fault)
{
    const size_t close = pass_space(message, *at + 1);

    if (close == message.size || message.at[close] != '}')
        return fault_set(fault, ERR_PARSE, "wal2json: a transaction does not end behind its ]");
    *at = close + 1;
    wal2json_commit(core);
    return OK;
}

/* One piece of the message, from `*at` on; moves it behind the piece. */
static enum status take_piece(struct wal2json *core, struct slice message, size_t *at,
                              struct fault *fault)
{
    const struct slice rest = slice_from(message, *at);
    size_t size = 0;
    enum status status;

    if (!core->is_open)
        status = take_head(core, rest, &size, fault);
    else if (rest.at[0] == ']')
        return take_end(core, message, at, fault);
    else if (rest.at[0] == ',')
        status = take_element(core, slice_from(rest, 1), &size, fault);
    else
        status = take_element(core, rest, &size, fault);
    if (!status)
        *at += size + (rest.at[0] == ',' ? 1 : 0);
    return status;
}

/* While a transaction is skipped: does the message end it, or begin the next one? */
static bool ends_skipping(struct wal2json *core, struct slice message)
{
    const size_t at = pass_space(message, 0);
    const struct slice rest = slice_from(message, at);

    if (rest.size > 0 && rest.at[0] == ']') {
        wal2json_commit(core);
        return false;
    }
    if (!slice_starts(rest, SLICE("{\"xid\"")) && !slice_starts(rest, SLICE("{\"nextlsn\"")) &&
        !slice_starts(rest, SLICE("{\"change\"")))
        return false;
    wal2json_commit(core);
    return true;
}

static enum status feed(struct decoder *decoder, struct slice message, lsn start,
                        struct fault *fault)
{
    struct wal2json_v1 *v1 = of_decoder(decoder);
    struct wal2json *core = &v1->core;
    size_t at = v1->resume <= message.size ? v1->resume : 0;
    enum status status = OK;

    (void)start;
    if (core->is_skipped && !ends_skipping(core, message))
        return OK;
    while (!status && (at = pass_space(message, at)) < message.size)
        status = take_piece(core, message, &at, fault);
    v1->resume = status == ERR_AGAIN ? at : 0;
    return status;
}

/* ---- the decoder ---- */

static void add_options(const struct decoder *decoder, int server_version, struct buf *out)
{
    (void)server_version;
    (void)decoder;
    buf_add_text(out, "\"format-version\" '1', \"write-in-chunks\" 'true', "
                      "\"include-xids\" 'true', \"include-timestamp\" 'true', "
                      "\"include-lsn\" 'true', \"include-types\" 'true', "
                      "\"include-typmod\" 'true', "
                      "\"add-msg-prefixes\" '" WAL2JSON_NO_MESSAGES "'");
}

static struct position skip(struct decoder *decoder)
{
    struct wal2json_v1 *v1 = of_decoder(decoder);

    v1->resume = 0;
    return wal2json_skip(&v1->core);
}

static void reset(struct decoder *decoder)
{
    struct wal2json_v1 *v1 = of_decoder(decoder);

    v1->resume = 0;
    wal2json_reset(&v1->core);
}

static void free_decoder(struct decoder *decoder)
{
    struct wal2json_v1 *v1 = of_decoder(decoder);

    wal2json_release(&v1->core);
    mem_free(v1);
}

static const struct decoder_ops ops = {
    .plugin = "wal2json",
    .add_options = add_options,
    .feed = feed,
    .skip = skip,
    .reset = reset,
    .free = free_decoder,
};

struct decoder *decoder_wal2json_v1_new(const struct decoder_config *config)
{
    struct wal2json_v1 *v1 = mem_new(sizeof *v1);

    wal2json_init(&v1->core, &ops, config, false);
    return &v1->core.base;
}
