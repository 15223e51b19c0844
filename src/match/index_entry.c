/* SPDX-License-Identifier: Apache-2.0 */
#include "match/index_entry.h"

#include "base/mem.h"

struct table_entry *entry_new(struct slice key)
{
    struct table_entry *entry = mem_new(sizeof *entry);

    entry->key = mem_text_n(key.at, key.size);
    entry->key_size = (uint32_t)key.size;
    return entry;
}

void entry_free(struct table_entry *entry)
{
    if (!entry)
        return;
    for (uint32_t i = 0; i < entry->fact_column_count; i++)
        fact_column_free(entry->fact_columns[i]);
    for (uint32_t i = 0; i < entry->range_column_count; i++)
        range_column_free(entry->range_columns[i]);
    index_columns_release(&entry->columns);
    mem_free(entry->fact_columns);
    mem_free(entry->range_columns);
    mem_free(entry->key);
    mem_free(entry);
}

struct fact_column *entry_facts(struct table_entry *entry, const uint32_t *slots,
                                const struct filter_node *node)
{
    for (uint32_t i = 0; i < entry->fact_column_count; i++) {
        struct fact_column *column = entry->fact_columns[i];
        if (column->slot == slots[node->slot] && column->class == node->type.class)
            return column;
    }
    const uint32_t count = ++entry->fact_column_count;
    entry->fact_columns = mem_resize(entry->fact_columns, count * sizeof *entry->fact_columns);
    entry->fact_columns[count - 1] = fact_column_new(slots[node->slot], node->type.class);
    return entry->fact_columns[count - 1];
}

struct range_column *entry_ranges(struct table_entry *entry, const uint32_t *slots,
                                  const struct filter_node *node)
{
    for (uint32_t i = 0; i < entry->range_column_count; i++) {
        struct range_column *column = entry->range_columns[i];
        if (column->slot == slots[node->slot] && column->class == node->type.class)
            return column;
    }
    const uint32_t count = ++entry->range_column_count;
    entry->range_columns = mem_resize(entry->range_columns, count * sizeof *entry->range_columns);
    entry->range_columns[count - 1] = range_column_new(slots[node->slot], node->type.class);
    return entry->range_columns[count - 1];
}

void entry_tidy(struct table_entry *entry)
{
    for (uint32_t i = entry->fact_column_count; i > 0; i--) {
        struct fact_column *column = entry->fact_columns[i - 1];
        if (column->count > 0)
            continue;
        entry->fact_columns[i - 1] = entry->fact_columns[--entry->fact_column_count];
        fact_column_free(column);
    }
    for (uint32_t i = entry->range_column_count; i > 0; i--) {
        struct range_column *column = entry->range_columns[i - 1];
        if (column->root)
            continue;
        entry->range_columns[i - 1] = entry->range_columns[--entry->range_column_count];
        range_column_free(column);
    }
}
