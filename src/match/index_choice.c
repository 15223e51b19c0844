/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Under what is a filter filed?
 *
 *     and(region.eq.eu, total.gt.100)     region 'eu' has 3 filters already, 40 ranges overlap:
 *                                         filed under region = 'eu'
 *     and(status.eq.open, price.gte.7, price.lt.8)
 *                                         hundreds are open, none is from 7 to 8: under the range
 *     or(id.eq.7, total.gt.100)           under both
 *
 * The fewer filters there are already, the fewer questions a row costs that has the fact or is in
 * the range.  Between equals an equality is preferred.
 */
#include "match/index_entry.h"
#include "match/scalar.h"

/* With so many filters a fact or a range is common, and it does not matter how common. */
#define COMMON 256

struct chooser {
    struct table_entry *entry;
    const uint32_t *slots;
    const struct filter *filter;
    struct buf *scratch;
};

struct cost {
    uint64_t chosen;
    uint64_t filters; /* already under these */
    uint32_t fact_count, range_count;
};

static struct cost fact_cost(const struct chooser *chooser, uint32_t at)
{
    const struct filter_node *node = &chooser->filter->nodes[at];
    const struct fact_column *column = entry_facts(chooser->entry, chooser->slots, node);
    struct cost cost = {UINT64_C(1) << at, 0, node->operand_count, 0};

    for (uint32_t i = 0; i < node->operand_count; i++) {
        const uint64_t hash = fact_hash(column, &node->operands[i].scalar, chooser->scratch);
        cost.filters += fact_count(column, hash, COMMON);
    }
    return cost;
}

static struct cost range_cost(const struct chooser *chooser, uint32_t at)
{
    const struct filter_node *node = &chooser->filter->nodes[at];
    const struct range_column *column = entry_ranges(chooser->entry, chooser->slots, node);
    const struct range range = range_of(chooser->filter, at);

    return (struct cost){UINT64_C(1) << at, 1 + range_count_near(column, range, COMMON), 0, 1};
}

static struct cost condition_cost(const struct chooser *chooser, uint32_t at)
{
    const struct filter_node *node = &chooser->filter->nodes[at];

    if (fact_is_possible(node))
        return fact_cost(chooser, at);
    return range_is_possible(node) ? range_cost(chooser, at) : (struct cost){0};
}

static bool is_rarer(const struct cost *a, const struct cost *b)
{
    if (b->chosen == 0)
        return a->chosen != 0;
    if (a->chosen == 0 || a->filters != b->filters)
        return a->chosen != 0 && a->filters < b->filters;
    return a->fact_count + a->range_count < b->fact_count + b->range_count;
}

/* and: the rarest of its parts; or: all of them, if all have something; not: nothing. */
static struct cost node_cost(const struct chooser *chooser, uint32_t at)
{
    const struct filter_node *nodes = chooser->filter->nodes;
    struct cost best = {0};

    if (nodes[at].kind == QUERY_CONDITION)
        return condition_cost(chooser, at);
    if (nodes[at].is_negated)
        return best;
    for (uint32_t i = at + 1; i < nodes[at].end; i = nodes[i].end) {
        const struct cost part = node_cost(chooser, i);
        if (nodes[at].kind == QUERY_AND) {
            if (is_rarer(&part, &best))
                best = part;
            continue;
        }
        if (part.chosen == 0)
            return part;
        best.chosen |= part.chosen;
        best.filters += part.filters;
        best.fact_count += part.fact_count;
        best.range_count += part.range_count;
    }
    return best;
}

struct entry_choice entry_choose(struct table_entry *entry, const uint32_t *slots,
                                 const struct filter *filter, struct buf *scratch)
{
    const struct chooser chooser = {entry, slots, filter, scratch};

    if (filter->node_count == 0)
        return (struct entry_choice){0};
    const struct cost cost = node_cost(&chooser, 0);
    return (struct entry_choice){cost.chosen, cost.fact_count, cost.range_count};
}
