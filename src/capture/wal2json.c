/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/wal2json.h"

#include "base/mem.h"

/* ---- life ---- */

void wal2json_init(struct wal2json *core, const struct decoder_ops *ops,
                   const struct decoder_config *config, bool is_identity_exact)
{
    core->base.ops = ops;
    core->config = *config;
    core->is_identity_exact = is_identity_exact;
}

static void forget_tables(struct wal2json *core)
{
    size_t at = 0;
    struct slice key;
    void *known;

    while (map_next(&core->tables, &at, &key, &known))
        wal2json_table_free(core, known);
    map_release(&core->tables);
    core->tables = MAP_INIT;
    core->last = NULL;
}

void wal2json_release(struct wal2json *core)
{
    forget_tables(core);
    mem_free(core->change.new_row.cells);
    mem_free(core->change.old_row.cells);
    mem_free(core->new_values);
    mem_free(core->old_values);
    buf_release(&core->scratch);
    buf_release(&core->last_key_text);
}

void wal2json_reset(struct wal2json *core)
{
    forget_tables(core);
    core->is_open = core->is_skipped = false;
}

/* ---- transactions ---- */

void wal2json_begin(struct wal2json *core, lsn commit, lsn end, uint32_t xid, int64_t time_us)
{
    core->is_open = true;
    core->is_skipped = false;
    core->commit = commit;
    core->end = end;
    core->xid = xid;
    core->index = 0;
    core->time_us = time_us;
}

void wal2json_commit(struct wal2json *core)
{
    if (core->is_open && core->commit != LSN_NONE)
        core->config.on_commit(core->config.arg, core->commit, core->end);
    core->is_open = core->is_skipped = false;
    if (core->tables.count > WAL2JSON_MAX_TABLES)
        forget_tables(core);
}

struct position wal2json_skip(struct wal2json *core)
{
    if (!core->is_open)
        wal2json_begin(core, LSN_NONE, LSN_NONE, 0, 0);
    core->is_skipped = true;
    return (struct position){core->commit, core->index};
}

/* ---- cells ---- */

void wal2json_change_reset(struct wal2json_change *change)
{
    change->schema = change->table = (struct slice){0};
    change->new_row.count = change->old_row.count = 0;
    change->new_row.is_there = change->old_row.is_there = false;
}

struct wal2json_cell *wal2json_row_add(struct wal2json_row *row)
{
    if (row->count == WAL2JSON_MAX_COLUMNS)
        return NULL;
    if (row->count == row->capacity) {
        row->capacity = row->capacity ? row->capacity * 2 : 32;
        row->cells = mem_resize(row->cells, row->capacity * sizeof row->cells[0]);
    }
    struct wal2json_cell *cell = &row->cells[row->count++];
    *cell = (struct wal2json_cell){.kind = JSON_TOKEN_NULL};
    return cell;
}

enum status wal2json_cell_set(struct wal2json_cell *cell, const struct json_token *token)
{
    switch (token->kind) {
    case JSON_TOKEN_STRING:
    case JSON_TOKEN_NUMBER:
    case JSON_TOKEN_TRUE:
    case JSON_TOKEN_FALSE:
    case JSON_TOKEN_NULL:
        cell->kind = token->kind;
        cell->text = token->text;
        cell->has_escape = token->has_escape;
        return OK;
    case JSON_TOKEN_OBJECT:
    case JSON_TOKEN_OBJECT_END:
    case JSON_TOKEN_ARRAY:
    case JSON_TOKEN_ARRAY_END:
    case JSON_TOKEN_NAME:
    case JSON_TOKEN_END:
        break;
    }
    return ERR_PARSE;
}

enum status wal2json_fault(struct fault *fault, const struct json_reader *reader, const char *what)
{
    return fault_set(fault, ERR_PARSE, "wal2json: %s, at byte %zu",
                     reader->why ? reader->why : what, (size_t)(reader->at - reader->start));
}

/* ---- tables ---- */

/* Raw schema and table stand one behind the other in a message, so that one slice of it, from the
 * first quote to the last, names the table: "public","table":"t". */
static struct slice key_of(const struct wal2json_change *change)
{
    return slice_of(change->schema.at,
                    (size_t)(change->table.at + change->table.size - change->schema.at));
}

struct wal2json_table *wal2json_find(struct wal2json *core)
{
    const struct slice key = key_of(&core->change);

    if (core->last && slice_equal(core->last_key, key))
        return core->last;
    struct wal2json_table *const known = map_get(&core->tables, key);
    if (known) {
        core->last = known;
        buf_reset(&core->last_key_text);
        buf_add(&core->last_key_text, key);
        core->last_key = buf_slice(&core->last_key_text);
    }
    return known;
}

static struct wal2json_table *find_or_add(struct wal2json *core)
{
    struct wal2json_table *known = wal2json_find(core);

    if (known)
        return known;
    known = mem_new(sizeof *known);
    (void)map_set(&core->tables, key_of(&core->change), known);
    return known;
}

/* ---- values ---- */

static bool is_bytea(const struct table *table, const struct wal2json_cell *cell)
{
    return table->columns[cell->column].class == COLUMN_BYTEA;
}

/* The most that unescaping the strings of a row can take. */
static size_t scratch_size(const struct table *table, const struct wal2json_row *row)
{
    size_t size = 0;

    for (uint32_t i = 0; i < row->count; i++) {
        const struct wal2json_cell *cell = &row->cells[i];
        if (cell->kind == JSON_TOKEN_STRING && (cell->has_escape || is_bytea(table, cell)))
            size += cell->text.size + 2;
    }
    return size;
}

static enum status string_value(struct buf *scratch, const struct wal2json_cell *cell,
                                bool is_binary, struct value *out)
{
    const size_t start = scratch->size;

    if (!cell->has_escape && !is_binary) {
        *out = value_of(cell->text);
        return OK;
    }
    if (is_binary)
        buf_add(scratch, SLICE("\\x"));
    if (json_unescape(cell->text, scratch))
        return ERR_PARSE;
    *out = value_of(slice_of(scratch->at + start, scratch->size - start));
    return OK;
}

static enum status cell_value(struct buf *scratch, const struct table *table,
                              const struct wal2json_cell *cell, struct value *out)
{
    if (cell->kind == JSON_TOKEN_STRING)
        return string_value(scratch, cell, is_bytea(table, cell), out);
    if (cell->kind == JSON_TOKEN_NUMBER)
        *out = value_of(cell->text);
    else if (cell->kind == JSON_TOKEN_TRUE)
        *out = value_of(SLICE("t"));
    else if (cell->kind == JSON_TOKEN_FALSE)
        *out = value_of(SLICE("f"));
    else
        *out = (struct value){.state = VALUE_NULL};
    return OK;
}

static enum status fill_row(struct buf *scratch, const struct table *table,
                            const struct wal2json_row *row, enum value_state missing,
                            struct value *values)
{
    if (row->count < table->column_count) {
        for (uint32_t i = 0; i < table->column_count; i++)
            values[i] = (struct value){.state = missing};
    }
    for (uint32_t i = 0; i < row->count; i++) {
        const struct wal2json_cell *cell = &row->cells[i];
        if (cell_value(scratch, table, cell, &values[cell->column]))
            return ERR_PARSE;
    }
    return OK;
}

#define SCRATCH_KEPT ((size_t)1 << 20) /* bytes; a larger one serves one change only */

/* Room for both rows at once, so that no text moves when the next one is added. */
static void make_room(struct wal2json *core, const struct table *table)
{
    const struct wal2json_change *change = &core->change;

    if (core->value_capacity < table->column_count) {
        core->value_capacity = table->column_count * 2;
        const size_t size = core->value_capacity * sizeof(struct value);
        core->new_values = mem_resize(core->new_values, size);
        core->old_values = mem_resize(core->old_values, size);
    }
    if (core->scratch.capacity > SCRATCH_KEPT)
        buf_release(&core->scratch);
    buf_reset(&core->scratch);
    buf_reserve(&core->scratch,
                scratch_size(table, &change->new_row) + scratch_size(table, &change->old_row));
}

/* Format 1 leaves NULLs out of an old row: of a whole row it may send any part.  A null that is
 * there is then a NaN or an infinity, which is as absent as a NULL. */
static void drop_nulls_of_whole_row(const struct table *table, struct value *values)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].is_key)
            return;
    }
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (values[i].state == VALUE_NULL)
            values[i].state = VALUE_ABSENT;
    }
}

static enum status fill_rows(struct wal2json *core, const struct wal2json_table *known,
                             enum old_kind *out_old)
{
    const struct table *table = known->table;
    const struct wal2json_change *change = &core->change;
    enum status status = OK;

    make_room(core, table);
    *out_old = OLD_NONE;
    if (change->new_row.is_there)
        status =
            fill_row(&core->scratch, table, &change->new_row, VALUE_UNCHANGED, core->new_values);
    if (status || !change->old_row.is_there)
        return status;
    *out_old =
        change->old_row.count == table->column_count && !known->is_key_only ? OLD_FULL : OLD_KEY;
    status = fill_row(&core->scratch, table, &change->old_row, VALUE_ABSENT, core->old_values);
    if (!status && *out_old == OLD_KEY && !core->is_identity_exact)
        drop_nulls_of_whole_row(table, core->old_values);
    return status;
}

/* An update that left the key alone?  wal2json tells the key all the same. */
static bool is_key_kept(const struct table *table, const struct value *old_row,
                        const struct value *new_row)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].is_key)
            continue;
        if (old_row[i].state != VALUE_TEXT || new_row[i].state != VALUE_TEXT ||
            !slice_equal(value_slice(&old_row[i]), value_slice(&new_row[i])))
            return false;
    }
    return true;
}

/* ---- the change ---- */

/* Is each cell of both rows paired with a column of the live version? */
static bool rows_fit(const struct wal2json_table *known, struct wal2json_change *change,
                     enum wal2json_rows kind)
{
    return known->table &&
           (!change->new_row.is_there || wal2json_table_pair(known, &change->new_row, kind)) &&
           (!change->old_row.is_there ||
            wal2json_table_pair(known, &change->old_row, WAL2JSON_OLD));
}

/* Pairs both rows, with a new version of the table where need be: one that the new row fits, then
 * one that the old row fits, too. */
static enum status pair_rows(struct wal2json *core, struct wal2json_table *known,
                             struct fault *fault)
{
    struct wal2json_change *change = &core->change;
    const enum wal2json_rows kind = change->kind == CHANGE_INSERT ? WAL2JSON_WHOLE : WAL2JSON_NEW;
    enum status status = OK;

    if (rows_fit(known, change, kind))
        return OK;
    if (change->new_row.is_there && !wal2json_table_pair(known, &change->new_row, kind))
        status = wal2json_table_renew(core, known, &change->new_row, kind, fault);
    if (!status && !rows_fit(known, change, kind)) /* also: a truncate of an unknown table */
        status = wal2json_table_renew(core, known, &change->old_row, WAL2JSON_OLD, fault);
    if (!status && !rows_fit(known, change, kind))
        return fault_set(fault, ERR_PARSE,
                         "wal2json: the new and the old row are of different tables");
    return status;
}

enum status wal2json_emit(struct wal2json *core, struct fault *fault)
{
    struct wal2json_change *change = &core->change;
    struct change out = {.kind = change->kind,
                         .position = {core->commit, core->index},
                         .xid = core->xid,
                         .commit_time_us = core->time_us};

    if (!change->schema.at || change->table.at < change->schema.at)
        return fault_set(fault, ERR_PARSE, "wal2json: a change names no table");
    struct wal2json_table *const known = find_or_add(core);
    enum status status = pair_rows(core, known, fault);
    if (!status && change->old_row.is_there)
        status = wal2json_table_learn_key(core, known, &change->old_row, fault);
    if (status)
        return status;
    if (fill_rows(core, known, &out.old_kind))
        return fault_set(fault, ERR_PARSE, "wal2json: a string that stands for no text");
    out.table = known->table;
    out.new_row = change->new_row.is_there ? core->new_values : NULL;
    if (out.old_kind == OLD_KEY && change->kind == CHANGE_UPDATE &&
        is_key_kept(known->table, core->old_values, core->new_values))
        out.old_kind = OLD_NONE;
    out.old_row = out.old_kind != OLD_NONE ? core->old_values : NULL;
    status = core->config.sink(core->config.arg, &out);
    if (!status)
        core->index++;
    else if (status != ERR_AGAIN)
        fault_set(fault, status, "the journal did not take the change: %s", status_text(status));
    return status;
}

/* ---- the head of a transaction ---- */

enum status wal2json_read_lsn(const struct json_token *token, lsn *out)
{
    return token->kind == JSON_TOKEN_STRING ? lsn_parse(token->text, out) : ERR_PARSE;
}

void wal2json_read_xid(const struct json_token *token, uint32_t *out)
{
    uint64_t number;

    if (token->kind == JSON_TOKEN_NUMBER && !slice_to_u64(token->text, UINT32_MAX, &number))
        *out = (uint32_t)number;
}

/* Days from 1970-01-01 of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t of_era = year - era * 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* One to six digits behind `mark` (0: nothing); false, and nothing taken, where they are not. */
static bool take_number(const char **at, char mark, int64_t *out)
{
    const char *digit = *at + (mark ? 1 : 0);
    int64_t number = 0;

    if (mark && **at != mark)
        return false;
    const char *const first = digit;
    for (; *digit >= '0' && *digit <= '9' && digit - first < 6; digit++)
        number = number * 10 + (*digit - '0');
    if (digit == first)
        return false;
    *at = digit;
    *out = number;
    return true;
}

static int64_t take_fraction_us(const char **at)
{
    const char *const point = *at;
    int64_t us = 0;

    if (!take_number(at, '.', &us))
        return 0;
    for (ptrdiff_t digits = *at - point - 1; digits < 6; digits++)
        us *= 10;
    return us;
}

/* +05:30 or -03 or +00. */
static int64_t take_offset_s(const char *at)
{
    const char sign = *at;
    int64_t hours = 0, minutes = 0;

    if ((sign != '+' && sign != '-') || !take_number(&at, sign, &hours))
        return 0;
    (void)take_number(&at, ':', &minutes);
    return (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

void wal2json_read_time(const struct json_token *token, int64_t *out_us)
{
    static const char marks[] = {0, '-', '-', ' ', ':', ':'};
    int64_t part[6]; /* year to second */
    char text[48];
    const char *at = text;

    if (token->kind != JSON_TOKEN_STRING || token->text.size >= sizeof text)
        return;
    memcpy(text, token->text.at, token->text.size);
    text[token->text.size] = '\0';
    for (size_t i = 0; i < 6; i++) {
        if (!take_number(&at, marks[i], &part[i]))
            return;
    }
    const int64_t fraction = take_fraction_us(&at);
    const int64_t seconds = days_of(part[0], part[1], part[2]) * 86400 + part[3] * 3600 +
                            part[4] * 60 + part[5] - take_offset_s(at);
    *out_us = seconds * 1000000 + fraction;
}
