/* SPDX-License-Identifier: Apache-2.0 */
#include "match/index_facts.h"

#include <endian.h>

#include "base/map.h"
#include "base/mem.h"
#include "match/scalar.h"

#define CAPACITY_MIN 8
#define WORD 8 /* tags that a probe looks at together */

static void slots_make(struct fact_column *column, size_t capacity)
{
    column->capacity = capacity;
    column->tags = mem_array(capacity + WORD, sizeof *column->tags);
    column->firsts = mem_array(capacity, sizeof(struct filing *));
}

struct fact_column *fact_column_new(uint32_t slot, enum value_class class)
{
    struct fact_column *column = mem_new(sizeof *column);

    *column = (struct fact_column){.slot = slot, .class = class};
    slots_make(column, CAPACITY_MIN);
    return column;
}

void fact_column_free(struct fact_column *column)
{
    if (!column)
        return;
    mem_free(column->tags);
    mem_free(column->firsts);
    mem_free(column);
}

uint64_t fact_hash(const struct fact_column *column, const struct scalar *scalar,
                   struct buf *scratch)
{
    buf_reset(scratch);
    scalar_add_key(column->class, scalar, scratch);
    const uint64_t hash = map_hash(scratch->at, scratch->size);
    return hash != 0 ? hash : 1;
}

/* Of bits that do not choose the slot; never 0. */
static uint8_t tag_of(uint64_t hash)
{
    const uint8_t tag = (uint8_t)(hash >> 56);

    return tag != 0 ? tag : 1;
}

/* The slot of a hash, or the empty one where it would go; one is always empty. */
static size_t slot_of(const struct fact_column *column, uint64_t hash)
{
    const size_t mask = column->capacity - 1;
    const uint8_t tag = tag_of(hash);
    size_t at = hash & mask;

    while (column->tags[at] != 0 && (column->tags[at] != tag || column->firsts[at]->hash != hash))
        at = (at + 1) & mask;
    return at;
}

/* The highest bit of each byte that is 0. */
static uint64_t zero_bytes(uint64_t word)
{
    const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);

    return ~(((word & low) + low) | word | low);
}

/*
 * The same as slot_of for eight tags at once, up to the first empty one.  This is not for the few
 * steps that it saves: a loop whose end is a guess has to wait for the memory, while these two
 * branches nearly always go the same way, so that the processor is at the next change already.
 */
const struct filing *fact_first(const struct fact_column *column, uint64_t hash)
{
    const size_t mask = column->capacity - 1;
    const uint64_t tags = UINT64_C(0x0101010101010101) * tag_of(hash);

    for (size_t at = hash & mask;; at = (at + WORD) & mask) {
        uint64_t word;
        memcpy(&word, column->tags + at, sizeof word);
        word = le64toh(word);
        const uint64_t empty = zero_bytes(word);
        uint64_t same = zero_bytes(word ^ tags) & ((empty & -empty) - 1);
        for (; same != 0; same &= same - 1) {
            const size_t slot = (at + (size_t)__builtin_ctzll(same) / 8) & mask;
            if (column->firsts[slot]->hash == hash)
                return column->firsts[slot];
        }
        if (empty != 0)
            return NULL;
    }
}

/* The first tags stand once more behind the last, so that a word need not wrap. */
static void tag_set(struct fact_column *column, size_t at, uint8_t tag)
{
    column->tags[at] = tag;
    if (at < WORD)
        column->tags[column->capacity + at] = tag;
}

static void slot_set(struct fact_column *column, size_t at, struct filing *first)
{
    tag_set(column, at, first ? tag_of(first->hash) : 0);
    column->firsts[at] = first;
    if (first)
        first->back = &column->firsts[at];
}

static void column_resize(struct fact_column *column, size_t capacity)
{
    struct fact_column old = *column;

    slots_make(column, capacity);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.firsts[i])
            slot_set(column, slot_of(column, old.firsts[i]->hash), old.firsts[i]);
    }
    mem_free(old.tags);
    mem_free(old.firsts);
}

/* Closes the gap that an emptied slot leaves in the run behind it. */
static void slot_close(struct fact_column *column, size_t gap)
{
    const size_t mask = column->capacity - 1;

    slot_set(column, gap, NULL);
    for (size_t at = (gap + 1) & mask; column->tags[at] != 0; at = (at + 1) & mask) {
        const size_t home = column->firsts[at]->hash & mask;
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        slot_set(column, gap, column->firsts[at]);
        slot_set(column, at, NULL);
        gap = at;
    }
    column->count--;
    if (column->capacity > CAPACITY_MIN && column->count < column->capacity / 8)
        column_resize(column, column->capacity / 2);
}

static void chain_push(struct filing **head, struct filing *filing)
{
    filing->next = *head;
    filing->back = head;
    if (filing->next)
        filing->next->back = &filing->next;
    *head = filing;
}

void fact_file(struct fact_column *column, uint64_t hash, struct filing *filing, void *node)
{
    if (column->count >= column->capacity / 2)
        column_resize(column, column->capacity * 2);
    const size_t at = slot_of(column, hash);
    column->count += column->tags[at] == 0;
    tag_set(column, at, tag_of(hash));
    *filing = (struct filing){.column = column, .hash = hash, .node = node};
    chain_push(&column->firsts[at], filing);
}

void filing_link(struct filing **head, struct filing *filing, void *node)
{
    *filing = (struct filing){.node = node};
    chain_push(head, filing);
}

void filing_unlink(struct filing *filing)
{
    struct fact_column *column = filing->column;
    const size_t at = column ? slot_of(column, filing->hash) : 0;

    *filing->back = filing->next;
    if (filing->next)
        filing->next->back = filing->back;
    if (column && !column->firsts[at])
        slot_close(column, at);
}

bool fact_is_possible(const struct filter_node *node)
{
    return node->kind == QUERY_CONDITION && !node->is_negated && node->step_count == 0 &&
           (node->op == FILTER_EQ || node->op == FILTER_IN) && node->type.class != VALUE_ARRAY &&
           node->type.class != VALUE_JSONB;
}

uint32_t fact_count(const struct fact_column *column, uint64_t hash, uint32_t max)
{
    uint32_t count = 0;

    for (const struct filing *filing = fact_first(column, hash); filing && count < max;
         filing = filing->next)
        count++;
    return count;
}
