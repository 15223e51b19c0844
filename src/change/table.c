/* SPDX-License-Identifier: Apache-2.0 */
#include "change/table.h"

#include <stdatomic.h>

#include "base/mem.h"

/* ---- JSON strings, made once per table ---- */

static void add_escape(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        buf_add_text(out, "\\\"");
        break;
    case '\\':
        buf_add_text(out, "\\\\");
        break;
    case '\b':
        buf_add_text(out, "\\b");
        break;
    case '\f':
        buf_add_text(out, "\\f");
        break;
    case '\n':
        buf_add_text(out, "\\n");
        break;
    case '\r':
        buf_add_text(out, "\\r");
        break;
    case '\t':
        buf_add_text(out, "\\t");
        break;
    default:
        buf_printf(out, "\\u%04x", c);
        break;
    }
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

void json_add_string(struct buf *out, struct slice text)
{
    size_t done = 0;

    buf_add_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (!needs_escape((unsigned char)text.at[i]))
            continue;
        buf_add_bytes(out, text.at + done, i - done);
        add_escape(out, (unsigned char)text.at[i]);
        done = i + 1;
    }
    if (text.size > done)
        buf_add_bytes(out, text.at + done, text.size - done);
    buf_add_char(out, '"');
}

/* ---- classes of types ---- */

enum column_class column_class_of_type(struct slice type)
{
    static const char *const numbers[] = {"smallint",         "integer", "bigint", "real",
                                          "double precision", "numeric", "oid"};

    if (slice_is(type, "boolean"))
        return COLUMN_BOOLEAN;
    if (slice_is(type, "bytea"))
        return COLUMN_BYTEA;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (slice_is(type, numbers[i]))
            return COLUMN_NUMBER;
    }
    if (slice_starts(type, SLICE("numeric(")) && type.at[type.size - 1] == ')')
        return COLUMN_NUMBER;
    return COLUMN_STRING;
}

/* ---- the table ---- */

static struct slice keep_text(struct slice text)
{
    return slice_of(mem_text_n(text.at, text.size), text.size);
}

static struct slice keep_json(struct slice text)
{
    struct buf json = BUF_INIT;

    json_add_string(&json, text);
    return buf_slice(&json); /* its memory now belongs to the table */
}

static uint64_t next_id(void)
{
    static _Atomic uint64_t last;

    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

struct table *table_new(struct slice schema, struct slice name, const struct column_spec *columns,
                        uint32_t column_count)
{
    struct table *table = mem_new(sizeof *table + column_count * sizeof table->columns[0]);

    table->id = next_id();
    table->schema = keep_text(schema);
    table->name = keep_text(name);
    table->schema_json = keep_json(schema);
    table->name_json = keep_json(name);
    table->column_count = column_count;
    for (uint32_t i = 0; i < column_count; i++) {
        table->columns[i] = (struct column){
            .name = keep_text(columns[i].name),
            .type = keep_text(columns[i].type),
            .name_json = keep_json(columns[i].name),
            .type_json = keep_json(columns[i].type),
            .class = column_class_of_type(columns[i].type),
            .is_key = columns[i].is_key,
        };
    }
    return table;
}

/* The table's own texts are its memory, though all others see them as borrowed. */
static void drop_text(struct slice text)
{
    mem_free_at(&text.at);
}

void table_free(struct table *table)
{
    if (!table)
        return;
    drop_text(table->schema);
    drop_text(table->name);
    drop_text(table->schema_json);
    drop_text(table->name_json);
    for (uint32_t i = 0; i < table->column_count; i++) {
        drop_text(table->columns[i].name);
        drop_text(table->columns[i].type);
        drop_text(table->columns[i].name_json);
        drop_text(table->columns[i].type_json);
    }
    mem_free(table);
}

int table_find_column(const struct table *table, struct slice name)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (slice_equal(table->columns[i].name, name))
            return (int)i;
    }
    return -1;
}

bool table_is(const struct table *table, struct slice schema, struct slice name,
              const struct column_spec *columns, uint32_t column_count)
{
    if (table->column_count != column_count || !slice_equal(table->name, name) ||
        !slice_equal(table->schema, schema))
        return false;
    for (uint32_t i = 0; i < column_count; i++) {
        const struct column *column = &table->columns[i];
        if (column->is_key != columns[i].is_key || !slice_equal(column->name, columns[i].name) ||
            !slice_equal(column->type, columns[i].type))
            return false;
    }
    return true;
}
