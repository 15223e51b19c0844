/* SPDX-License-Identifier: Apache-2.0 */
#include "match/index_ranges.h"

#include "base/mem.h"
#include "match/rank.h"

#define BLOCK_SIZE 64

struct range_block {
    struct range_block *parent; /* NULL: the root */
    uint32_t count;
    bool is_lowest; /* its entries are filings, else blocks */
    int64_t lows[BLOCK_SIZE], highs[BLOCK_SIZE];
    void *at[BLOCK_SIZE];
};

struct range_column *range_column_new(uint32_t slot, enum value_class class)
{
    struct range_column *column = mem_new(sizeof *column);

    *column = (struct range_column){.slot = slot, .class = class};
    return column;
}

static void block_free(struct range_block *block)
{
    for (uint32_t i = 0; block && !block->is_lowest && i < block->count; i++)
        block_free(block->at[i]);
    mem_free(block);
}

void range_column_free(struct range_column *column)
{
    if (!column)
        return;
    block_free(column->root);
    mem_free(column);
}

/* ---- blocks ---- */

static struct range_block *block_new(bool is_lowest)
{
    struct range_block *block = mem_new(sizeof *block);

    block->is_lowest = is_lowest;
    return block;
}

static struct range block_range(const struct range_block *block)
{
    struct range range = {block->lows[0], block->highs[0]};

    for (uint32_t i = 1; i < block->count; i++)
        range.high = block->highs[i] > range.high ? block->highs[i] : range.high;
    return range;
}

static uint32_t place_of(const struct range_block *block, const void *entry)
{
    uint32_t place = 0;

    while (block->at[place] != entry)
        place++;
    return place;
}

static void block_set(struct range_block *block, uint32_t place, struct range range, void *entry)
{
    block->lows[place] = range.low;
    block->highs[place] = range.high;
    block->at[place] = entry;
    if (block->is_lowest)
        ((struct range_filing *)entry)->block = block;
    else
        ((struct range_block *)entry)->parent = block;
}

/* Moves the entries from `from` on to `to`, or away; what is there is overwritten. */
static void block_shift(struct range_block *block, uint32_t from, uint32_t to)
{
    const size_t count = block->count - from;

    memmove(&block->lows[to], &block->lows[from], count * sizeof block->lows[0]);
    memmove(&block->highs[to], &block->highs[from], count * sizeof block->highs[0]);
    memmove(&block->at[to], &block->at[from], count * sizeof(void *));
    block->count = block->count + to - from;
}

/* Entries of `from`, from `first` on, go behind those of `to`. */
static void block_move(struct range_block *to, struct range_block *from, uint32_t first)
{
    for (uint32_t i = first; i < from->count; i++)
        block_set(to, to->count++, (struct range){from->lows[i], from->highs[i]}, from->at[i]);
    from->count = first;
}

/* Those above learn how far it reaches now. */
static void block_tell(const struct range_block *block)
{
    for (struct range_block *parent = block->parent; parent; parent = block->parent) {
        const uint32_t place = place_of(parent, block);
        const struct range range = block_range(block);
        if (parent->lows[place] == range.low && parent->highs[place] == range.high)
            return;
        parent->lows[place] = range.low;
        parent->highs[place] = range.high;
        block = parent;
    }
}

/* ---- filing ---- */

static void entry_add(struct range_column *column, struct range_block *block, struct range range,
                      void *entry);

/* The upper half of a full block becomes a block behind it, which is returned. */
static struct range_block *block_split(struct range_column *column, struct range_block *block)
{
    struct range_block *next = block_new(block->is_lowest);

    block_move(next, block, BLOCK_SIZE / 2);
    if (!block->parent) {
        column->root = block_new(false);
        block_set(column->root, column->root->count++, block_range(block), block);
    }
    block_tell(block);
    entry_add(column, block->parent, block_range(next), next);
    return next;
}

/* How many entries of the block begin at or before `low`. */
static uint32_t count_before(const struct range_block *block, int64_t low)
{
    uint32_t count = 0;

    while (count < block->count && block->lows[count] <= low)
        count++;
    return count;
}

static void entry_add(struct range_column *column, struct range_block *block, struct range range,
                      void *entry)
{
    if (block->count == BLOCK_SIZE) {
        struct range_block *next = block_split(column, block);
        if (next->lows[0] <= range.low)
            block = next;
    }
    const uint32_t place = count_before(block, range.low);
    block_shift(block, place, place + 1);
    block_set(block, place, range, entry);
    block_tell(block);
}

void range_file(struct range_column *column, struct range range, struct range_filing *filing,
                void *node)
{
    *filing = (struct range_filing){.column = column, .node = node};
    if (!column->root)
        column->root = block_new(true);
    struct range_block *block = column->root;
    while (!block->is_lowest) {
        const uint32_t before = count_before(block, range.low);
        block = block->at[before > 0 ? before - 1 : 0];
    }
    entry_add(column, block, range, filing);
}

/* ---- unfiling ---- */

static void entry_remove(struct range_column *column, struct range_block *block, uint32_t place);

/* A root that leads to one block only, or nowhere, is not needed. */
static void root_lower(struct range_column *column)
{
    struct range_block *root;

    while ((root = column->root) && root->count <= 1 && !(root->is_lowest && root->count == 1)) {
        column->root = root->count == 1 ? root->at[0] : NULL;
        if (column->root)
            column->root->parent = NULL;
        mem_free(root);
    }
}

/* With the block before or behind it, where both are small. */
static void block_join(struct range_column *column, struct range_block *block)
{
    struct range_block *parent = block->parent;
    uint32_t place = place_of(parent, block);

    if (place + 1 == parent->count && place > 0)
        place--;
    if (place + 1 == parent->count)
        return;
    struct range_block *left = parent->at[place], *right = parent->at[place + 1];
    if (left->count + right->count > BLOCK_SIZE / 2)
        return;
    block_move(left, right, 0);
    mem_free(right);
    block_tell(left);
    entry_remove(column, parent, place + 1);
}

static void entry_remove(struct range_column *column, struct range_block *block, uint32_t place)
{
    block_shift(block, place + 1, place);
    if (!block->parent) {
        root_lower(column);
    } else if (block->count > 0) {
        block_tell(block);
        block_join(column, block);
    } else {
        struct range_block *parent = block->parent;
        place = place_of(parent, block);
        mem_free(block);
        entry_remove(column, parent, place);
    }
}

void range_unfile(struct range_filing *filing)
{
    entry_remove(filing->column, filing->block, place_of(filing->block, filing));
}

/* ---- searching ---- */

static void block_visit(const struct range_block *block, int64_t rank, range_fn *fn, void *arg)
{
    for (uint32_t i = 0; i < block->count && block->lows[i] <= rank; i++) {
        if (block->highs[i] < rank)
            continue;
        if (block->is_lowest)
            fn(arg, ((const struct range_filing *)block->at[i])->node);
        else
            block_visit(block->at[i], rank, fn, arg);
    }
}

void range_visit(const struct range_column *column, int64_t rank, range_fn *fn, void *arg)
{
    if (column->root)
        block_visit(column->root, rank, fn, arg);
}

static void block_visit_all(const struct range_block *block, range_fn *fn, void *arg)
{
    for (uint32_t i = 0; i < block->count; i++) {
        if (block->is_lowest)
            fn(arg, ((const struct range_filing *)block->at[i])->node);
        else
            block_visit_all(block->at[i], fn, arg);
    }
}

void range_visit_all(const struct range_column *column, range_fn *fn, void *arg)
{
    if (column->root)
        block_visit_all(column->root, fn, arg);
}

static uint32_t count_near(const struct range_block *block, struct range range, uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < block->count && block->lows[i] <= range.high && count < max; i++) {
        if (block->highs[i] >= range.low)
            count += block->is_lowest ? 1 : count_near(block->at[i], range, max - count);
    }
    return count;
}

uint32_t range_count_near(const struct range_column *column, struct range range, uint32_t max)
{
    return column->root ? count_near(column->root, range, max) : 0;
}

/* ---- ranges of filters ---- */

static bool is_lower_bound(enum filter_op op)
{
    return op == FILTER_GT || op == FILTER_GTE;
}

bool range_is_possible(const struct filter_node *node)
{
    const bool is_bound =
        is_lower_bound(node->op) || node->op == FILTER_LT || node->op == FILTER_LTE;

    return node->kind == QUERY_CONDITION && is_bound && !node->is_negated &&
           node->step_count == 0 && node->type.is_ordered && node->type.class != VALUE_ARRAY &&
           node->type.class != VALUE_JSONB;
}

static void range_narrow(struct range *range, const struct filter_node *node)
{
    const int64_t rank = scalar_rank(node->type.class, &node->operands[0].scalar);

    if (is_lower_bound(node->op))
        range->low = rank > range->low ? rank : range->low;
    else
        range->high = rank < range->high ? rank : range->high;
}

/* The bracket that the node stands in; NULL: none. */
static const struct filter_node *parent_of(const struct filter *filter, uint32_t at)
{
    for (uint32_t i = at; i > 0; i--) {
        if (filter->nodes[i - 1].end > at)
            return &filter->nodes[i - 1];
    }
    return NULL;
}

struct range range_of(const struct filter *filter, uint32_t at)
{
    const struct filter_node *node = &filter->nodes[at], *parent = parent_of(filter, at);
    struct range range = {INT64_MIN, INT64_MAX};

    range_narrow(&range, node);
    if (!parent || parent->kind != QUERY_AND)
        return range;
    for (uint32_t i = (uint32_t)(parent - filter->nodes) + 1; i < parent->end;
         i = filter->nodes[i].end) {
        const struct filter_node *other = &filter->nodes[i];
        if (range_is_possible(other) && other->slot == node->slot)
            range_narrow(&range, other);
    }
    return range;
}
