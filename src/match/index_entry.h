/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "match/index_columns.h"
#include "match/index_facts.h"
#include "match/index_ranges.h"

/*
 * The filters of one table, for index.c: which columns they use, and what they are filed under.
 */
struct table_entry {
    char *key; /* owned; schema, NUL, name; an empty name: all tables of the schema */
    uint32_t key_size;
    uint32_t node_count; /* filters */
    struct index_columns columns;
    struct fact_column **fact_columns; /* owned, as are those in it */
    uint32_t fact_column_count;
    struct range_column **range_columns; /* owned, as are those in it */
    uint32_t range_column_count;
    struct filing *any_row; /* filters with neither fact nor range */
};

struct table_entry *entry_new(struct slice key);
void entry_free(struct table_entry *entry);

/* What this node of a filter, which could be filed under it, goes into; `slots` are those of the
 * filter's columns in the entry.  Made if it is not there. */
struct fact_column *entry_facts(struct table_entry *entry, const uint32_t *slots,
                                const struct filter_node *node);
struct range_column *entry_ranges(struct table_entry *entry, const uint32_t *slots,
                                  const struct filter_node *node);
/* Removes those that nothing is filed in. */
void entry_tidy(struct table_entry *entry);

/* Under which of its nodes a filter is filed. */
struct entry_choice {
    uint64_t chosen; /* bits: nodes that are facts or ranges; 0: none */
    uint32_t fact_count, range_count;
};

/* The rarest facts and ranges of which a passing row must have one. */
struct entry_choice entry_choose(struct table_entry *entry, const uint32_t *slots,
                                 const struct filter *filter, struct buf *scratch);
