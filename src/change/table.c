/* SPDX-License-Identifier: Apache-2.0 */
#include "change/table.h"

#include <stdatomic.h>

#include "base/json_writer.h"
#include "base/mem.h"

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

static void add_list(struct buf *out, const struct table *table, bool is_of_types, bool is_of_keys)
{
    const char *comma = "";

    buf_add_char(out, '[');
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if (is_of_keys && !column->is_key)
            continue;
        buf_add_text(out, comma);
        buf_add(out, is_of_types ? column->type_json : column->name_json);
        comma = ",";
    }
    buf_add_char(out, ']');
}

static struct slice row_json(const struct table *table)
{
    struct buf json = BUF_INIT;

    buf_add_text(&json, "\"schema\":");
    buf_add(&json, table->schema_json);
    buf_add_text(&json, ",\"table\":");
    buf_add(&json, table->name_json);
    buf_add_text(&json, ",\"columnnames\":");
    add_list(&json, table, false, false);
    buf_add_text(&json, ",\"columntypes\":");
    add_list(&json, table, true, false);
    buf_add_text(&json, ",\"columnvalues\":[");
    return buf_slice(&json);
}

static struct slice key_json(const struct table *table)
{
    struct buf json = BUF_INIT;

    buf_add_text(&json, "\"oldkeys\":{\"keynames\":");
    add_list(&json, table, false, true);
    buf_add_text(&json, ",\"keytypes\":");
    add_list(&json, table, true, true);
    buf_add_text(&json, ",\"keyvalues\":[");
    return buf_slice(&json);
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
        table->key_count += columns[i].is_key;
    }
    table->row_json = row_json(table);
    table->key_json = key_json(table);
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
    drop_text(table->row_json);
    drop_text(table->key_json);
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
