/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "change/change.h"
#include "match/operand.h"
#include "match/query.h"

/*
 * Does this change pass?
 *
 *     update:orders:and(total.gt.100,not.region.eq.eu)
 *
 *     kinds update   nodes [0] and
 *                          [1] total gt 100          slot 0
 *                          [2] not (region eq 'eu')  slot 1
 *
 * A filter knows columns by name: its slot i is the column columns[i], and who asks says where in
 * the row that is (`places`), because a table's columns move while a filter stays.
 *
 * Three-valued, as in SQL: a NULL, an absent column and a value that cannot be read make a
 * condition unknown; `not` leaves it unknown; only true passes.
 *
 * Immutable once compiled, but for the scratch space of regular expressions: one thread at a time.
 */
enum truth {
    TRUTH_FALSE,
    TRUTH_TRUE,
    TRUTH_UNKNOWN,
};

enum is_what {
    IS_NULL,
    IS_TRUE,
    IS_FALSE,
    IS_UNKNOWN,
};

struct filter_node {
    enum query_node_kind kind;
    bool is_negated;
    enum filter_op op;
    enum is_what is;
    uint16_t end; /* the first node behind this one and all within it */
    uint16_t slot;
    uint16_t step_count, operand_count;
    struct value_type type;
    struct query_step *steps; /* owned by the filter, as are their keys */
    struct operand *operands; /* owned */
};

struct filter {
    char *key; /* owned; the same for filters that mean the same in the same words */
    uint32_t key_size;
    unsigned kinds;
    char *schema, *table; /* owned; NULL: any */
    uint16_t column_count, node_count;
    char **columns; /* owned, as are the names */
    struct filter_node
        *nodes; /* owned; in the order they are written: a bracket, then its inside */
};

void filter_free(struct filter *filter);

static inline struct slice filter_key(const struct filter *filter)
{
    return slice_of(filter->key, filter->key_size);
}

/* Kind, table and row.  places[slots[i]] is the place of columns[i] in the row, or -1; NULL for
 * slots means places[i]. */
bool filter_passes(const struct filter *filter, const uint32_t *slots, const int32_t *places,
                   const struct change *change);
/* The same where nothing has been worked out: columns are looked up by name. */
bool filter_passes_slow(const struct filter *filter, const struct change *change);

/* Is it for this table, and for this kind of change? */
bool filter_is_for(const struct filter *filter, const struct change *change);

/* The value of one column that the change is judged by: of the new row, but of the old one for a
 * delete, and for an unchanged TOASTed value where the whole old row is known.  A state other than
 * VALUE_TEXT or VALUE_NULL: not known. */
const struct value *filter_value(const struct change *change, int32_t place);
