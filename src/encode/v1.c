/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change as pgcdc.v1 sends it.
 *
 *     update orders set total = 12.50 where id = 7         (key id; note is a large, untouched
 * text)
 *
 *     {"type":"change","ids":["s1"],
 *     "kind":"update","schema":"public","table":"orders",
 *       "new":{"id":7,"total":12.50,"tags":["a","b"]},
 *       "key":{"id":7},"unchanged":["note"],
 *       "lsn":"0/16B3748","xid":761,"at":"2026-01-02T03:04:05.678901Z",
 *       "pos":"9f3c21d07a44be15-00000000016b3748-00000000","last":true}
 *
 * "old" is there where the old row, or its key, is known.  "key" is the row's identity as it was
 * before the change, which is how a client finds the row that it holds; the identity afterwards is
 * in "new".
 */
#include "encode/v1.h"

#include "change/change.h"
#include "change/token.h"
#include "encode/v1_array.h"
#include "encode/v1_columns.h"
#include "encode/value.h"

/* ---- the prefix ---- */

static struct slice scope_text(enum v1_scope scope)
{
    return scope == V1_SCOPE_ENTER ? SLICE("\"enter\"") : SLICE("\"leave\"");
}

static void add_scopes(struct buf *out, const struct v1_target *targets, uint32_t count)
{
    char mark = '{';

    buf_add(out, SLICE("\"scopes\":"));
    for (uint32_t i = 0; i < count; i++) {
        if (targets[i].scope == V1_SCOPE_WITHIN)
            continue;
        buf_add_char(out, mark);
        json_add_string(out, targets[i].id);
        buf_add_char(out, ':');
        buf_add(out, scope_text(targets[i].scope));
        mark = ',';
    }
    buf_add(out, SLICE("},"));
}

static void add_scope(struct buf *out, const struct v1_target *targets, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (targets[i].scope != targets[0].scope) {
            add_scopes(out, targets, count);
            return;
        }
    }
    if (targets[0].scope == V1_SCOPE_WITHIN)
        return;
    buf_add(out, SLICE("\"scope\":"));
    buf_add(out, scope_text(targets[0].scope));
    buf_add_char(out, ',');
}

void encode_v1_prefix(struct buf *out, const struct change *change, const struct v1_target *targets,
                      uint32_t count)
{
    buf_add(out, change->kind == CHANGE_TRUNCATE ? SLICE("{\"type\":\"truncate\",\"ids\":[")
                                                 : SLICE("{\"type\":\"change\",\"ids\":["));
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        json_add_string(out, targets[i].id);
    }
    buf_add(out, SLICE("],"));
    add_scope(out, targets, count);
}

/* ---- rows ---- */

static void add_value(struct buf *out, const struct column *column, const struct value *value)
{
    const struct slice text = value_slice(value);

    if (is_json_null(column, value))
        buf_add(out, SLICE("null"));
    else if (column->class != COLUMN_STRING)
        encode_text(out, column->class, text);
    else if (is_array_type(column->type))
        encode_v1_array(out, column->type, text);
    else if (is_json_type(column->type))
        encode_v1_json(out, text);
    else
        json_add_string(out, text);
}

/* The known ones of the wanted columns (NULL: all), or of the key columns among them. */
static void add_row(struct buf *out, const struct table *table, const struct value *row,
                    const bool *wanted, bool is_key_only)
{
    bool is_first = true;

    buf_add_char(out, '{');
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if ((wanted && !wanted[i]) || (is_key_only && !column->is_key) ||
            (row[i].state != VALUE_TEXT && row[i].state != VALUE_NULL))
            continue;
        if (!is_first)
            buf_add_char(out, ',');
        is_first = false;
        buf_add(out, column->name_json);
        buf_add_char(out, ':');
        add_value(out, column, &row[i]);
    }
    buf_add_char(out, '}');
}

void encode_v1_row(struct buf *out, const struct table *table, const struct value *row,
                   struct v1_columns *columns)
{
    add_row(out, table, row, columns ? v1_columns_of(columns, table) : NULL, false);
}

static void add_unchanged(struct buf *out, const struct table *table, const struct value *row,
                          const bool *wanted)
{
    bool is_first = true;

    for (uint32_t i = 0; i < table->column_count; i++) {
        if (row[i].state != VALUE_UNCHANGED || (wanted && !wanted[i]))
            continue;
        buf_add(out, is_first ? SLICE(",\"unchanged\":[") : SLICE(","));
        buf_add(out, table->columns[i].name_json);
        is_first = false;
    }
    if (!is_first)
        buf_add_char(out, ']');
}

/* ---- the tail ---- */

static void add_rows(struct buf *out, const struct change *change, struct v1_columns *columns)
{
    const struct table *table = change->table;
    const bool *wanted = columns ? v1_columns_of(columns, table) : NULL;

    if (change->new_row) {
        buf_add(out, SLICE(",\"new\":"));
        add_row(out, table, change->new_row, wanted, false);
    }
    if (change->old_row) {
        buf_add(out, SLICE(",\"old\":"));
        add_row(out, table, change->old_row, wanted, false); /* of OLD_KEY, all else is absent */
    }
    if (table->key_count > 0) {
        buf_add(out, SLICE(",\"key\":"));
        add_row(out, table, change->old_row ? change->old_row : change->new_row, wanted, true);
    }
    if (change->new_row)
        add_unchanged(out, table, change->new_row, wanted);
}

/* Days since 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's civil_from_days). */
static void add_date(struct buf *out, int64_t days)
{
    const int64_t shifted = days + 719468; /* since 0000-03-01 */
    const int64_t era = shifted / 146097;  /* of 400 years */
    const int64_t of_era = shifted % 146097;
    const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t march_month = (5 * of_year + 2) / 153; /* 0 is March */
    const int64_t day = of_year - (153 * march_month + 2) / 5 + 1;
    const int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    const int64_t year = year_of_era + era * 400 + (month <= 2);

    buf_printf(out, "%04d-%02d-%02d", (int)year, (int)month, (int)day);
}

#define DAY_US INT64_C(86400000000)
#define LAST_US                                                                                    \
    (INT64_C(253402300800) * 1000000) /* the year 10000, which RFC 3339 cannot write               \
                                       */

static void add_time(struct buf *out, int64_t time_us)
{
    if (time_us <= 0 || time_us >= LAST_US)
        return;
    const int64_t of_day = time_us % DAY_US;
    const int seconds = (int)(of_day / 1000000);

    buf_add(out, SLICE(",\"at\":\""));
    add_date(out, time_us / DAY_US);
    buf_printf(out, "T%02d:%02d:%02d.%06dZ\"", seconds / 3600, seconds / 60 % 60, seconds % 60,
               (int)(of_day % 1000000));
}

static void add_place(struct buf *out, const struct change *change, uint64_t epoch, bool is_last)
{
    buf_add(out, SLICE(",\"lsn\":\""));
    lsn_print(out, change->position.commit);
    buf_add_char(out, '"');
    if (change->xid != 0)
        buf_printf(out, ",\"xid\":%u", change->xid);
    add_time(out, change->commit_time_us);
    buf_add(out, SLICE(",\"pos\":\""));
    token_print(out, (struct token){epoch, change->position});
    buf_add(out, is_last ? SLICE("\",\"last\":true}") : SLICE("\"}"));
}

/* As in the plain form (encode/json.h). */
static bool is_message(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_INSERT:
    case CHANGE_TRUNCATE:
        return true;
    case CHANGE_UPDATE:
        return change->old_row != NULL || change->table->key_count > 0;
    case CHANGE_DELETE:
        return change->old_row != NULL;
    case CHANGE_DROPPED:
    case CHANGE_GAP:
        return false;
    }
    return false;
}

bool encode_v1_tail(struct buf *out, const struct change *change, struct v1_columns *columns,
                    uint64_t epoch, bool is_last)
{
    if (!is_message(change))
        return false;
    if (change->kind != CHANGE_TRUNCATE) {
        buf_add(out, SLICE("\"kind\":\""));
        buf_add_text(out, change_kind_text(change->kind));
        buf_add(out, SLICE("\","));
    }
    buf_add(out, SLICE("\"schema\":"));
    buf_add(out, change->table->schema_json);
    buf_add(out, SLICE(",\"table\":"));
    buf_add(out, change->table->name_json);
    if (change->kind != CHANGE_TRUNCATE)
        add_rows(out, change, columns);
    add_place(out, change, epoch, is_last);
    return true;
}
