/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/filter.h"
#include "match/index.h"

/*
 * The facts that filters are filed under, for index.c: "region = 'eu'" as a hash of 'eu' in a
 * table of its column.
 *
 *     slot      0            1    2                   3
 *     tags      5d           0    a1                  0        one byte of each hash; 0: empty
 *     firsts    'us' -> s2   -    'eu' -> s1 -> s7    -
 *
 * Open addressing.  A probe reads tags, and looks at a chain only where the tag is that of its own
 * hash: a value that nobody asks for costs one line of the cache, with two bytes per filter in all,
 * which stay in the cache where a million chains do not.
 */
struct filing {
    struct filing *next, **back; /* in its chain; back points to what points here */
    struct fact_column *column;  /* NULL: under any row */
    uint64_t hash;
    void *node; /* borrowed; whose filing it is */
};

struct fact_column {
    uint32_t slot; /* of the table's entry: which column it is */
    enum value_class class;
    uint8_t *tags;                     /* owned; a power of two of them */
    struct filing **firsts;            /* owned; the chains, NULL where the tag is 0 */
    uint64_t prepared[INDEX_PREPARED]; /* hashes of the changes' values; 0: none */
    size_t capacity, count;            /* count: slots in use, that is, different facts */
};

struct fact_column *fact_column_new(uint32_t slot, enum value_class class);
void fact_column_free(struct fact_column *column);

/* Equal values of the column's class have equal hashes; never 0. */
uint64_t fact_hash(const struct fact_column *column, const struct scalar *scalar,
                   struct buf *scratch);
/* Asks for the line of the cache that fact_first() will need. */
static inline void fact_fetch(const struct fact_column *column, uint64_t hash)
{
    __builtin_prefetch(column->tags + (hash & (column->capacity - 1)));
}
/* The filings under a fact, NULL if there are none. */
const struct filing *fact_first(const struct fact_column *column, uint64_t hash);
/* How many there are; `max` at most. */
uint32_t fact_count(const struct fact_column *column, uint64_t hash, uint32_t max);
void fact_file(struct fact_column *column, uint64_t hash, struct filing *filing, void *node);
void filing_link(struct filing **head, struct filing *filing, void *node);
void filing_unlink(struct filing *filing);

/* Could a filter be filed under this node: a plain `eq` or `in` of a scalar column? */
bool fact_is_possible(const struct filter_node *node);
