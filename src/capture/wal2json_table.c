/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/wal2json.h"

#include <assert.h>

#include "base/mem.h"
#include "capture/wal2json_type.h"

/*
 * What columns does this table have?
 *
 * wal2json does not say; each row brings those it has a value for.  An insert brings all.  An
 * update leaves out TOASTed values that it did not touch, an old row all but the key:
 *
 *     insert  id a n b      version 1: id a n b
 *     update  id   n        fits version 1: a and b are unchanged
 *     update  id a n c      does not fit: version 2: id a n b c   (a column was added; b stays)
 *     insert  id a n c      does not fit: version 3: id a n c     (b was dropped)
 *
 * A row fits when its columns stand in the version in the same order, with the same types, and
 * what an update lacks can be TOASTed: an integer that is missing was dropped.  An update that
 * does not fit keeps the columns it may have left out, so that updates which leave out now this
 * and now that column do not make versions without end.
 *
 * Which columns are the key is learned from the first old row, and then kept in all versions that
 * have these columns.  Format 1 leaves NULLs out of old rows under REPLICA IDENTITY FULL; there a
 * key only grows.
 *
 * All comparisons are of raw JSON strings: wal2json escapes one text in one way.
 */

/* ---- pairing ---- */

static bool kind_fits(enum column_class class, enum json_kind kind)
{
    if (kind == JSON_TOKEN_NULL)
        return true;
    switch (class) {
    case COLUMN_NUMBER:
        return kind == JSON_TOKEN_NUMBER;
    case COLUMN_BOOLEAN:
        return kind == JSON_TOKEN_TRUE || kind == JSON_TOKEN_FALSE;
    case COLUMN_BYTEA:
    case COLUMN_STRING:
        break;
    }
    return kind == JSON_TOKEN_STRING;
}

/* A cell that was recognised as a whole when it was read needs no second look. */
static bool is_column(const struct wal2json_table *known, uint32_t i,
                      const struct wal2json_cell *cell)
{
    const struct wal2json_column *column = &known->columns[i];

    if (!kind_fits(known->table->columns[i].class, cell->kind))
        return false;
    if (cell->version == known->table->id)
        return cell->column == i;
    return slice_equal(column->name, cell->name) && slice_equal(column->type, cell->type);
}

bool wal2json_table_pair(const struct wal2json_table *known, struct wal2json_row *row,
                         enum wal2json_rows rows)
{
    const uint32_t count = known->table ? known->table->column_count : 0;
    uint32_t column = 0;

    if (!known->table || row->count > count || (rows == WAL2JSON_WHOLE && row->count != count) ||
        (rows != WAL2JSON_OLD && known->is_key_only))
        return false;
    for (uint32_t i = 0; i < row->count; i++, column++) {
        while (column < count && !is_column(known, column, &row->cells[i])) {
            if (rows == WAL2JSON_WHOLE ||
                (rows == WAL2JSON_NEW && !known->columns[column].is_toastable))
                return false;
            column++;
        }
        if (column == count)
            return false;
        row->cells[i].column = column;
    }
    for (; rows == WAL2JSON_NEW && column < count; column++) {
        if (!known->columns[column].is_toastable)
            return false;
    }
    return true;
}

/* ---- a new version ---- */

/* What it is made of: of the row at hand, or kept of the version before. */
struct draft {
    struct column_spec *specs;       /* owned; names and types are in `texts`, or of the old one */
    struct wal2json_column *columns; /* owned; raw, of the row or of the old version */
    uint32_t count;
    struct buf texts; /* its memory must not move: reserved at once */
};

static void draft_release(struct draft *draft)
{
    mem_free(draft->specs);
    mem_free(draft->columns);
    buf_release(&draft->texts);
}

static bool is_toastable(struct slice type)
{
    static const char *const starts[] = {"time", "interval", "reg"};
    static const char *const fixed[] = {
        "smallint", "integer", "bigint",  "real",  "double precision", "oid",   "boolean",
        "date",     "uuid",    "macaddr", "money", "macaddr8",         "point", "line",
        "lseg",     "box",     "circle",  "name",  "\"char\"",         "pg_lsn"};

    if (type.size > 0 && type.at[type.size - 1] == ']')
        return true;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (slice_starts(type, slice_text(starts[i])))
            return false;
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (slice_is(type, fixed[i]))
            return false;
    }
    return true;
}

static int find_name(const struct wal2json_table *known, struct slice raw_name)
{
    for (uint32_t i = 0; known->table && i < known->table->column_count; i++) {
        if (slice_equal(known->columns[i].name, raw_name))
            return (int)i;
    }
    return -1;
}

static const struct wal2json_cell *row_find(const struct wal2json_row *row, struct slice raw_name)
{
    for (uint32_t i = 0; i < row->count; i++) {
        if (slice_equal(row->cells[i].name, raw_name))
            return &row->cells[i];
    }
    return NULL;
}

static void draft_keep(struct draft *draft, const struct wal2json_table *known, uint32_t i)
{
    assert(draft->specs && known->table && known->columns && i < known->table->column_count);
    const struct column *column = &known->table->columns[i];

    draft->specs[draft->count] = (struct column_spec){column->name, column->type, column->is_key};
    draft->columns[draft->count++] = known->columns[i];
}

static struct slice added(const struct buf *texts, size_t start)
{
    return slice_of(texts->at + start, texts->size - start);
}

static enum status draft_add(struct draft *draft, const struct wal2json_table *known,
                             const struct wal2json_cell *cell, struct fault *fault)
{
    const int before = find_name(known, cell->name);
    struct column_spec *spec = &draft->specs[draft->count];
    size_t start = draft->texts.size;

    if (json_unescape(slice_of(cell->name.at + 1, cell->name.size - 2), &draft->texts))
        return fault_set(fault, ERR_PARSE, "wal2json: a column's name stands for no text");
    spec->name = added(&draft->texts, start);
    start = draft->texts.size;
    if (wal2json_type_text(cell->type, cell->kind == JSON_TOKEN_STRING, &draft->texts))
        return fault_set(fault, ERR_PARSE, "wal2json: the type of column \"%.*s\" is unreadable",
                         SLICE_ARG(spec->name));
    spec->type = added(&draft->texts, start);
    spec->is_key = known->table && before >= 0 && known->table->columns[before].is_key;
    if (!kind_fits(column_class_of_type(spec->type), cell->kind))
        return fault_set(fault, ERR_PARSE,
                         "wal2json: the value of column \"%.*s\" is not of its type, %.*s",
                         SLICE_ARG(spec->name), SLICE_ARG(spec->type));
    draft->columns[draft->count++] =
        (struct wal2json_column){.name = cell->name, .type = cell->type};
    return OK;
}

/* Those of the old version's columns from *at on, up to `end`, that the row may have left out. */
static void draft_keep_until(struct draft *draft, const struct wal2json_table *known,
                             const struct wal2json_row *row, enum wal2json_rows rows, uint32_t *at,
                             uint32_t end)
{
    for (; *at < end; (*at)++) {
        const bool is_kept =
            rows == WAL2JSON_OLD || (rows == WAL2JSON_NEW && known->columns[*at].is_toastable);
        if (is_kept && !row_find(row, known->columns[*at].name))
            draft_keep(draft, known, *at);
    }
}

/* The place in the old version of each cell's column, or -1; owned. */
static int *places_of(const struct wal2json_table *known, const struct wal2json_row *row)
{
    int *places = mem_array((size_t)row->count + 1, sizeof places[0]);

    for (uint32_t i = 0; i < row->count; i++)
        places[i] = find_name(known, row->cells[i].name);
    return places;
}

/* Up to where the old version's columns come before cell `i`: for a column that is new, all that
 * are before the next one that is not. */
static uint32_t place_before(const int *places, uint32_t count, uint32_t i, uint32_t at,
                             uint32_t old_count)
{
    if (places[i] >= 0)
        return places[i] >= (int)at ? (uint32_t)places[i] : at;
    for (i++; i < count; i++) {
        if (places[i] >= (int)at)
            return (uint32_t)places[i];
    }
    return old_count;
}

/* The row's columns, and in between what is kept of the old version. */
static enum status draft_merge(struct draft *draft, const struct wal2json_table *known,
                               const struct wal2json_row *row, enum wal2json_rows rows,
                               struct fault *fault)
{
    const uint32_t old_count = known->table ? known->table->column_count : 0;
    CLEANUP(mem_free_at) int *places = places_of(known, row);
    uint32_t at = 0;

    for (uint32_t i = 0; i < row->count; i++) {
        draft_keep_until(draft, known, row, rows, &at,
                         place_before(places, row->count, i, at, old_count));
        if (places[i] == (int)at)
            at++;
        const enum status status = draft_add(draft, known, &row->cells[i], fault);
        if (status)
            return status;
    }
    draft_keep_until(draft, known, row, rows, &at, old_count);
    return OK;
}

/* ---- what messages of this version look like ---- */

static void add_head(struct buf *heads, const struct wal2json_column *column)
{
    buf_add_text(heads, "{\"name\":");
    buf_add(heads, column->name);
    buf_add_text(heads, ",\"type\":");
    buf_add(heads, column->type);
    buf_add_text(heads, ",\"value\":");
}

static struct buf make_heads(struct wal2json_column *columns, const struct table *table)
{
    struct buf heads = BUF_INIT;
    size_t at = 0;

    for (uint32_t i = 0; i < table->column_count; i++)
        add_head(&heads, &columns[i]);
    for (uint32_t i = 0; i < table->column_count; i++) {
        struct wal2json_column *column = &columns[i];
        const size_t name = at + sizeof "{\"name\":" - 1;
        const size_t type = name + column->name.size + sizeof ",\"type\":" - 1;
        const size_t end = type + column->type.size + sizeof ",\"value\":" - 1;
        column->name.at = heads.at + name;
        column->type.at = heads.at + type;
        column->head = slice_of(heads.at + at, end - at);
        column->is_toastable = is_toastable(table->columns[i].type);
        at = end;
    }
    return heads;
}

static struct buf make_block(struct wal2json_column *columns, uint32_t count)
{
    struct buf block = BUF_INIT;

    buf_add_char(&block, '[');
    for (uint32_t i = 0; i < count; i++) {
        buf_add_text(&block, i > 0 ? "," : "");
        columns[i].block_name = block.size;
        buf_add(&block, columns[i].name);
    }
    buf_add_text(&block, "],\"columntypes\":[");
    for (uint32_t i = 0; i < count; i++) {
        buf_add_text(&block, i > 0 ? "," : "");
        columns[i].block_type = block.size;
        buf_add(&block, columns[i].type);
    }
    buf_add_text(&block, "],\"columnvalues\":");
    return block;
}

/* ---- putting it in place ---- */

static void retire(struct wal2json *core, struct table *table)
{
    if (table)
        core->config.retire(core->config.arg, table);
}

/* The name to publish the table under. */
static enum status make_table(struct wal2json *core, const struct draft *draft,
                              struct table **out_table, struct fault *fault)
{
    CLEANUP(buf_release) struct buf names = BUF_INIT;
    const struct slice raw_schema = core->change.schema, raw_name = core->change.table;
    struct slice schema, name;

    if (json_unescape(slice_of(raw_schema.at + 1, raw_schema.size - 2), &names))
        return fault_set(fault, ERR_PARSE, "wal2json: a schema's name stands for no text");
    const size_t middle = names.size;
    if (json_unescape(slice_of(raw_name.at + 1, raw_name.size - 2), &names))
        return fault_set(fault, ERR_PARSE, "wal2json: a table's name stands for no text");
    schema = slice_of(names.at, middle);
    name = slice_of(names.at + middle, names.size - middle);
    if (core->config.name_table) {
        const enum status status =
            core->config.name_table(core->config.arg, schema, name, &schema, &name);
        if (status)
            return fault_set(fault, status, "the table's name is not known yet");
    }
    *out_table = table_new(schema, name, draft->specs, draft->count);
    return OK;
}

static enum status put_in_place(struct wal2json *core, struct wal2json_table *known,
                                struct draft *draft, struct fault *fault)
{
    struct table *table = NULL;
    const enum status status = make_table(core, draft, &table, fault);

    if (status)
        return status;
    assert(table);
    struct buf block = make_block(draft->columns, draft->count);
    struct buf heads = make_heads(draft->columns, table);
    retire(core, known->table);
    mem_free(known->columns);
    buf_release(&known->heads);
    buf_release(&known->block);
    known->table = table;
    known->columns = draft->columns;
    known->heads = heads;
    known->block = block;
    draft->columns = NULL;
    return OK;
}

static uint32_t count_keys(const struct table *table)
{
    uint32_t count = 0;

    for (uint32_t i = 0; table && i < table->column_count; i++)
        count += table->columns[i].is_key;
    return count;
}

static size_t draft_text_size(const struct wal2json_row *row)
{
    size_t size = 0;

    for (uint32_t i = 0; i < row->count; i++)
        size += row->cells[i].name.size + row->cells[i].type.size + 2;
    return size;
}

enum status wal2json_table_renew(struct wal2json *core, struct wal2json_table *known,
                                 const struct wal2json_row *row, enum wal2json_rows rows,
                                 struct fault *fault)
{
    CLEANUP(draft_release) struct draft draft = {0};
    const uint32_t old_count = known->table ? known->table->column_count : 0;
    const uint32_t keys = count_keys(known->table);

    draft.specs = mem_array((size_t)row->count + old_count + 1, sizeof draft.specs[0]);
    draft.columns = mem_array((size_t)row->count + old_count + 1, sizeof draft.columns[0]);
    buf_reserve(&draft.texts, draft_text_size(row));
    enum status status = draft_merge(&draft, known, row, rows, fault);
    if (!status && draft.count > WAL2JSON_MAX_COLUMNS)
        status = fault_set(fault, ERR_PARSE, "wal2json: a table of %u columns", draft.count);
    if (!status)
        status = put_in_place(core, known, &draft, fault);
    if (status)
        return status;
    if (rows != WAL2JSON_OLD)
        known->is_key_only = false;
    else if (old_count == 0)
        known->is_key_only = true;
    if (count_keys(known->table) != keys)
        known->is_key_known = false;
    return OK;
}

/* ---- the key ---- */

/* Is column `i` among those of the (paired, hence ordered) row?  *at: its next cell. */
static bool has_cell(const struct wal2json_row *row, uint32_t *at, uint32_t i)
{
    if (*at == row->count || row->cells[*at].column != i)
        return false;
    (*at)++;
    return true;
}

/* Of format 1 an old row may lack key columns that are NULL: there a known key only grows. */
static bool wants_key(const struct wal2json *core, const struct wal2json_table *known,
                      const struct wal2json_row *row, uint32_t *at, uint32_t i)
{
    const bool is_there = has_cell(row, at, i);

    return is_there ||
           (known->is_key_known && !core->is_identity_exact && known->table->columns[i].is_key);
}

enum status wal2json_table_learn_key(struct wal2json *core, struct wal2json_table *known,
                                     const struct wal2json_row *row, struct fault *fault)
{
    const struct table *table = known->table;
    uint32_t at = 0;
    bool is_news = false;

    if (row->count == 0)
        return OK;
    for (uint32_t i = 0; i < table->column_count; i++)
        is_news |= wants_key(core, known, row, &at, i) != table->columns[i].is_key;
    if (!is_news) {
        known->is_key_known = true;
        return OK;
    }
    CLEANUP(draft_release) struct draft draft = {0};
    draft.specs = mem_array(table->column_count, sizeof draft.specs[0]);
    draft.columns = mem_array(table->column_count, sizeof draft.columns[0]);
    at = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        draft_keep(&draft, known, i);
        draft.specs[i].is_key = wants_key(core, known, row, &at, i);
    }
    const enum status status = put_in_place(core, known, &draft, fault);
    if (!status)
        known->is_key_known = true;
    return status;
}

void wal2json_table_free(struct wal2json *core, struct wal2json_table *known)
{
    retire(core, known->table);
    mem_free(known->columns);
    buf_release(&known->heads);
    buf_release(&known->block);
    mem_free(known);
}
