/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "match/filter.h"

/*
 * The ranges that filters are filed under, for index.c: "total.gte.100" and "total.lt.200" as one
 * interval from 100 to 200.  Its ends are ranks (rank.h), and both belong to it: a value at an end
 * may or may not be in the range, and whoever is found is asked.
 *
 *     s1 [100, 200]   s2 [150, 160]   s3 [300, all]        of 155: s1, s2; of 250: nobody
 *
 * A tree of blocks in the order of the low ends.  Above the lowest level an entry is a whole block,
 * and its interval goes from the least low end in there to the greatest high end:
 *
 *                 [100, 200] [300, all]
 *                  /                 \
 *     [100, 200] [150, 160]      [300, all]
 *
 * A search enters the blocks whose interval the value is in, so that it meets the few ranges around
 * the value and no others, some levels for a million of them.  A block that empties is freed, and
 * two neighbours become one when they need half of one.
 */
struct range {
    int64_t low, high; /* low above high: contains nothing */
};

struct range_filing {
    struct range_column *column;
    struct range_block *block; /* that it stands in */
    void *node;                /* borrowed; whose filing it is */
};

struct range_column {
    uint32_t slot; /* of the table's entry: which column it is */
    enum value_class class;
    struct range_block *root; /* owned; NULL: no ranges */
};

typedef void range_fn(void *arg, void *node);

struct range_column *range_column_new(uint32_t slot, enum value_class class);
void range_column_free(struct range_column *column);

void range_file(struct range_column *column, struct range range, struct range_filing *filing,
                void *node);
void range_unfile(struct range_filing *filing);

/* Calls fn for each filing whose range the rank is in. */
void range_visit(const struct range_column *column, int64_t rank, range_fn *fn, void *arg);
void range_visit_all(const struct range_column *column, range_fn *fn, void *arg);
/* How many ranges have something in common with this one; `max` at most. */
uint32_t range_count_near(const struct range_column *column, struct range range, uint32_t max);

/* Could a filter be filed under this node: a plain `gt`, `gte`, `lt` or `lte` of an ordered
 * column? */
bool range_is_possible(const struct filter_node *node);
/* That of such a node; where it stands in an "and", of all such nodes in there of its column. */
struct range range_of(const struct filter *filter, uint32_t at);
