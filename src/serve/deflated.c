/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/deflated.h"

#include "base/mem.h"
#include "serve/deflate.h"

_Static_assert((DEFLATED_ENTRIES & (DEFLATED_ENTRIES - 1)) == 0, "a power of two");

struct deflated *deflated_new(void)
{
    struct deflated *deflated = mem_new(sizeof *deflated);

    deflated->deflate = deflate_new();
    return deflated;
}

void deflated_free(struct deflated *deflated)
{
    if (!deflated)
        return;
    deflate_free(deflated->deflate);
    for (size_t i = 0; i < DEFLATED_ENTRIES; i++)
        buf_release(&deflated->entries[i].bytes);
    mem_free(deflated);
}

/* Offsets are places in a ring of records: their high bits of this product are well mixed
 * (multiplicative hashing, Knuth 6.4). */
static size_t place_of(uint64_t end, unsigned kind)
{
    return (size_t)((end + kind) * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (DEFLATED_ENTRIES - 1);
}

const struct deflated_entry *deflated_find(const struct deflated *deflated, uint64_t end,
                                           unsigned kind)
{
    const struct deflated_entry *entry = &deflated->entries[place_of(end, kind)];

    return end != 0 && entry->end == end && entry->kind == kind ? entry : NULL;
}

void deflated_keep(struct deflated *deflated, uint64_t end, unsigned kind, bool is_deflated,
                   struct slice bytes)
{
    struct deflated_entry *entry = &deflated->entries[place_of(end, kind)];

    if (bytes.size > DEFLATED_KEPT_SIZE)
        return;
    entry->end = end;
    entry->kind = kind;
    entry->is_deflated = is_deflated;
    buf_reset(&entry->bytes);
    buf_add(&entry->bytes, bytes);
}
