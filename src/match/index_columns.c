/* SPDX-License-Identifier: Apache-2.0 */
#include "match/index_columns.h"

#include "base/mem.h"
#include "match/filter.h"

static void column_release(struct index_column *column)
{
    mem_free(column->name);
    mem_free(column->type);
    *column = (struct index_column){0};
}

void index_columns_release(struct index_columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++)
        column_release(&columns->at[i]);
    mem_free(columns->at);
    mem_free(columns->places);
    *columns = (struct index_columns){0};
}

uint32_t index_columns_take(struct index_columns *columns, const char *name, const char *type)
{
    uint32_t slot = columns->count;

    for (uint32_t i = 0; i < columns->count; i++) {
        struct index_column *column = &columns->at[i];
        if (!column->name) {
            slot = i;
        } else if (strcmp(column->name, name) == 0 && strcmp(column->type, type) == 0) {
            column->users++;
            return i;
        }
    }
    if (slot == columns->count) {
        const size_t count = ++columns->count;
        columns->at = mem_resize(columns->at, count * sizeof *columns->at);
        columns->places = mem_resize(columns->places, count * sizeof *columns->places);
    }
    columns->at[slot] = (struct index_column){mem_text(name), mem_text(type), 1};
    columns->places[slot] = PLACE_MISSING;
    columns->table_id = 0;
    return slot;
}

void index_columns_drop(struct index_columns *columns, uint32_t slot)
{
    if (--columns->at[slot].users == 0)
        column_release(&columns->at[slot]);
}

void index_columns_place(struct index_columns *columns, const struct table *table)
{
    if (columns->table_id == table->id)
        return;
    columns->table_id = table->id;
    columns->has_missing = columns->has_other_type = false;
    for (uint32_t i = 0; i < columns->count; i++) {
        const struct index_column *column = &columns->at[i];
        if (!column->name)
            continue;
        const int32_t place = filter_place(table, column->name, column->type);
        columns->places[i] = place;
        columns->has_missing |= place == PLACE_MISSING;
        columns->has_other_type |= place == PLACE_OF_OTHER_TYPE;
    }
}
