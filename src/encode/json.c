/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change as a plain message.
 *
 *     update public.t set n = 2 where id = 5                          comes out of
 *
 *     {"kind":"update",                                               a constant
 *     "schema":"public","table":"t","columnnames":["id","n"],
 *       "columntypes":["bigint","integer"],"columnvalues":[           table->row_json
 *     5,2],                                                           the new row
 *     "oldkeys":{"keynames":["id"],"keytypes":["bigint"],
 *       "keyvalues":[                                                 table->key_json
 *     5]}}                                                            the old row, or the new one
 *
 * Where a column is missing (an unchanged TOASTed value, a NULL under REPLICA IDENTITY FULL), the
 * lists of names and types are made for this one change.
 *
 * The old row under REPLICA IDENTITY FULL is without its NULLs, as in wal2json 1, and without NaN
 * and the infinities, since wal2json 2 does not tell them from NULL there.
 *
 * Cost: some 20 ns a column (tests/bench/encode.c); no allocation once `out` has its size.
 */
#include "encode/json.h"

#include "change/change.h"
#include "change/token.h"
#include "encode/value.h"

/* Which columns of a row are written. */
enum part {
    PART_ROW,  /* those whose value is known */
    PART_KEY,  /* the key columns among them */
    PART_FULL, /* those that are not null */
};

static inline bool is_in_part(const struct column *column, const struct value *value,
                              enum part part)
{
    if (value->state == VALUE_ABSENT || value->state == VALUE_UNCHANGED)
        return false;
    if (part == PART_ROW)
        return true;
    return part == PART_KEY ? column->is_key : !is_json_null(column, value);
}

static inline void add_value(struct buf *out, const struct column *column,
                             const struct value *value)
{
    if (is_json_null(column, value))
        buf_add(out, SLICE("null"));
    else
        encode_text(out, column->class, value_slice(value));
}

/* The values of a part, and the bracket that closes them. */
static void add_values(struct buf *out, const struct table *table, const struct value *row,
                       enum part part)
{
    bool is_first = true;

    for (uint32_t i = 0; i < table->column_count; i++) {
        if (!is_in_part(&table->columns[i], &row[i], part))
            continue;
        if (!is_first)
            buf_add_char(out, ',');
        is_first = false;
        add_value(out, &table->columns[i], &row[i]);
    }
    buf_add_char(out, ']');
}

/* `["id","n"]` or `["bigint","integer"]` of a part. */
static void add_list(struct buf *out, const struct table *table, const struct value *row,
                     enum part part, bool is_of_types)
{
    const char *comma = "";

    buf_add_char(out, '[');
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if (!is_in_part(column, &row[i], part))
            continue;
        buf_add_text(out, comma);
        buf_add(out, is_of_types ? column->type_json : column->name_json);
        comma = ",";
    }
    buf_add_char(out, ']');
}

static bool has_all(const struct table *table, const struct value *row, enum part part)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (part == PART_KEY && !table->columns[i].is_key)
            continue;
        if (!is_in_part(&table->columns[i], &row[i], part))
            return false;
    }
    return true;
}

static void add_place(struct buf *out, const struct table *table)
{
    buf_add(out, SLICE("\"schema\":"));
    buf_add(out, table->schema_json);
    buf_add(out, SLICE(",\"table\":"));
    buf_add(out, table->name_json);
}

static void add_row(struct buf *out, const struct table *table, const struct value *row)
{
    if (has_all(table, row, PART_ROW)) {
        buf_add(out, table->row_json);
    } else {
        add_place(out, table);
        buf_add(out, SLICE(",\"columnnames\":"));
        add_list(out, table, row, PART_ROW, false);
        buf_add(out, SLICE(",\"columntypes\":"));
        add_list(out, table, row, PART_ROW, true);
        buf_add(out, SLICE(",\"columnvalues\":["));
    }
    add_values(out, table, row, PART_ROW);
}

static void add_old_keys(struct buf *out, const struct table *table, const struct value *row,
                         enum part part)
{
    const uint32_t whole = part == PART_KEY ? table->key_count : table->column_count;

    if (table->key_count == whole && has_all(table, row, part)) {
        buf_add(out, table->key_json);
    } else {
        buf_add(out, SLICE("\"oldkeys\":{\"keynames\":"));
        add_list(out, table, row, part, false);
        buf_add(out, SLICE(",\"keytypes\":"));
        add_list(out, table, row, part, true);
        buf_add(out, SLICE(",\"keyvalues\":["));
    }
    add_values(out, table, row, part);
    buf_add_char(out, '}');
}

static enum part old_part(const struct change *change)
{
    return change->old_kind == OLD_FULL ? PART_FULL : PART_KEY;
}

static void add_insert(struct buf *out, const struct change *change)
{
    buf_add(out, SLICE("{\"kind\":\"insert\","));
    add_row(out, change->table, change->new_row);
    buf_add_char(out, '}');
}

static bool add_update(struct buf *out, const struct change *change)
{
    const struct table *table = change->table;

    if (!change->old_row && table->key_count == 0)
        return false;
    buf_add(out, SLICE("{\"kind\":\"update\","));
    add_row(out, table, change->new_row);
    buf_add_char(out, ',');
    add_old_keys(out, table, change->old_row ? change->old_row : change->new_row, old_part(change));
    buf_add_char(out, '}');
    return true;
}

static bool add_delete(struct buf *out, const struct change *change)
{
    if (!change->old_row)
        return false;
    buf_add(out, SLICE("{\"kind\":\"delete\","));
    add_place(out, change->table);
    buf_add_char(out, ',');
    add_old_keys(out, change->table, change->old_row, old_part(change));
    buf_add_char(out, '}');
    return true;
}

bool encode_plain(struct buf *out, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_INSERT:
        add_insert(out, change);
        return true;
    case CHANGE_UPDATE:
        return add_update(out, change);
    case CHANGE_DELETE:
        return add_delete(out, change);
    case CHANGE_TRUNCATE:
        buf_add(out, SLICE("{\"kind\":\"truncate\","));
        add_place(out, change->table);
        buf_add_char(out, '}');
        return true;
    case CHANGE_DROPPED:
    case CHANGE_GAP:
        return false;
    }
    return false;
}

bool encode_plain_pos(struct buf *out, const struct change *change, uint64_t epoch)
{
    if (!encode_plain(out, change))
        return false;
    out->size--; /* the closing brace */
    buf_add(out, SLICE(",\"pos\":\""));
    token_print(out, (struct token){epoch, change->position});
    buf_add(out, SLICE("\"}"));
    return true;
}

enum { CLOSE_REASON_MAX = 123 }; /* bytes in a close frame (RFC 6455, section 5.5) */

void encode_plain_gap(struct buf *out, struct slice reason, struct token position)
{
    const struct slice mark = SLICE(" pos=");
    const size_t room = CLOSE_REASON_MAX - mark.size - TOKEN_SIZE;

    if (reason.size > room) {
        reason.size = room;
        while (reason.size > 0 && ((unsigned char)reason.at[reason.size] & 0xC0U) == 0x80)
            reason.size--;
    }
    buf_add(out, reason);
    buf_add(out, mark);
    token_print(out, position);
}
