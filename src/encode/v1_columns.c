/* SPDX-License-Identifier: Apache-2.0 */
#include "encode/v1_columns.h"

#include <stdlib.h>

#include "base/mem.h"
#include "change/table.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts, and lets go of what stands there twice. */
static void make_set(struct v1_columns *columns)
{
    uint32_t kept = 0;

    if (columns->count > 1)
        qsort(columns->names, columns->count, sizeof *columns->names, compare_names);
    for (uint32_t i = 0; i < columns->count; i++) {
        if (kept > 0 && strcmp(columns->names[i], columns->names[kept - 1]) == 0)
            mem_free(columns->names[i]);
        else
            columns->names[kept++] = columns->names[i];
    }
    columns->count = kept;
    columns->table_id = 0;
}

struct v1_columns *v1_columns_new(const struct slice *names, uint32_t count)
{
    struct v1_columns *columns = mem_new(sizeof *columns);

    columns->names = mem_array(count, sizeof *columns->names);
    columns->count = count;
    for (uint32_t i = 0; i < count; i++)
        columns->names[i] = mem_text_n(names[i].at, names[i].size);
    make_set(columns);
    return columns;
}

void v1_columns_free(struct v1_columns *columns)
{
    if (!columns)
        return;
    for (uint32_t i = 0; i < columns->count; i++)
        mem_free(columns->names[i]);
    mem_free(columns->names);
    mem_free(columns->wanted);
    mem_free(columns);
}

void v1_columns_unite(struct v1_columns *columns, const struct v1_columns *other)
{
    const uint32_t count = columns->count;

    columns->names =
        mem_resize(columns->names, ((size_t)count + other->count) * sizeof *columns->names);
    for (uint32_t i = 0; i < other->count; i++)
        columns->names[count + i] = mem_text(other->names[i]);
    columns->count += other->count;
    make_set(columns);
}

bool v1_columns_equal(const struct v1_columns *a, const struct v1_columns *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (strcmp(a->names[i], b->names[i]) != 0)
            return false;
    }
    return true;
}

bool v1_columns_have(const struct v1_columns *columns, struct slice name)
{
    uint32_t low = 0, high = columns->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = slice_compare(name, slice_text(columns->names[middle]));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

const bool *v1_columns_of(struct v1_columns *columns, const struct table *table)
{
    if (columns->table_id == table->id)
        return columns->wanted;

    const bool has_narrow_key = table->key_count < table->column_count;
    columns->wanted = mem_resize(columns->wanted, table->column_count + 1);
    columns->table_id = table->id;
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        columns->wanted[i] =
            (has_narrow_key && column->is_key) || v1_columns_have(columns, column->name);
    }
    return columns->wanted;
}
