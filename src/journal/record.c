/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/record.h"

#include <string.h>

_Static_assert(sizeof(struct record) % 8 == 0, "values follow directly");
_Static_assert(sizeof(struct value) % 8 == 0, "texts follow directly");

static uint64_t row_size(const struct value *row, uint32_t count)
{
    uint64_t size = (uint64_t)count * sizeof *row;

    if (!row)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (row[i].state == VALUE_TEXT)
            size += row[i].size;
    }
    return size;
}

uint64_t record_size(const struct change *change)
{
    const uint32_t count = change_column_count(change);
    const uint64_t size = sizeof(struct record) + row_size(change->new_row, count) +
                          row_size(change->old_row, count) + change->reason.size;

    return (size + 7) & ~(uint64_t)7;
}

/* Copies the texts of `row` to `text` and lets `copy` point to them; returns what is behind. */
static char *write_row(struct value *copy, char *text, const struct value *row, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = (struct value){NULL, 0, row[i].state};
        if (row[i].state != VALUE_TEXT)
            continue;
        if (row[i].size > 0)
            memcpy(text, row[i].text, row[i].size);
        copy[i].text = text;
        copy[i].size = row[i].size;
        text += row[i].size;
    }
    return text;
}

void record_write(void *at, uint64_t size, const struct change *change)
{
    struct record *record = at;
    const uint32_t count = change_column_count(change);
    struct value *new_row = (struct value *)(record + 1);
    struct value *old_row = new_row + (change->new_row ? count : 0);
    char *text = (char *)(old_row + (change->old_row ? count : 0));

    record->size = size;
    record->change = *change;
    if (change->new_row) {
        record->change.new_row = new_row;
        text = write_row(new_row, text, change->new_row, count);
    }
    if (change->old_row) {
        record->change.old_row = old_row;
        text = write_row(old_row, text, change->old_row, count);
    }
    record->change.reason = slice_of(text, change->reason.size);
    if (change->reason.size > 0)
        memcpy(text, change->reason.at, change->reason.size);
}
