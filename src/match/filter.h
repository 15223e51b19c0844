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
 * Three-valued, as in SQL: a NULL makes a condition unknown, `not` leaves it unknown, only true
 * passes.  A value that is not known here (absent, unchanged TOAST, of a type that the filter was
 * not bound for) leaves all three open, and what stays open in the end does not pass.
 *
 * Immutable once compiled, but for the scratch space of regular expressions: one thread at a time.
 */

/* What an update did to a row, as one filter sees it. */
enum filter_scope {
    SCOPE_OUT,    /* does not pass */
    SCOPE_WITHIN, /* passes; did so before, or nobody knows */
    SCOPE_ENTER,  /* passes, as the old row surely did not */
    SCOPE_LEAVE,  /* surely does not pass, as the old row did */
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
    uint32_t text_size; /* how much of the key is its text */
    unsigned kinds;
    char *schema, *table; /* owned; NULL: any */
    uint16_t column_count, node_count;
    char **columns; /* owned, as are the names */
    char **types;   /* owned; of these columns, what the filter was bound for: column_type.h */
    struct filter_node
        *nodes; /* owned; in the order they are written: a bracket, then its inside */
};

void filter_free(struct filter *filter);

static inline struct slice filter_key(const struct filter *filter)
{
    return slice_of(filter->key, filter->key_size);
}

/*
 * The filter as a query, NUL-terminated: names and values quoted, values as PostgreSQL spelled them
 * when it was bound, so that "at.gt.now" stays the moment that it was.
 *
 *     insert,update:"public"."orders":and("total".gt."100","region".in.("eu","us"))
 *
 * query_of_filter() makes a query of it, to be bound again when the table has changed.
 */
static inline struct slice filter_text(const struct filter *filter)
{
    return slice_of(filter->key, filter->text_size);
}

/* Kind, table and row.  places[slots[i]] is the place of columns[i] in the row, or -1; NULL for
 * slots means places[i]. */
bool filter_passes(const struct filter *filter, const uint32_t *slots, const int32_t *places,
                   const struct change *change);
/* The same where nothing has been worked out: columns are looked up by name. */
bool filter_passes_slow(const struct filter *filter, const struct change *change);

/* The same with the old row: an update may enter the filter or leave it.  Without an old row, and
 * for all other kinds, it is SCOPE_WITHIN or SCOPE_OUT. */
enum filter_scope filter_scope_of(const struct filter *filter, const uint32_t *slots,
                                  const int32_t *places, const struct change *change);
enum filter_scope filter_scope_slow(const struct filter *filter, const struct change *change);

/* Where a column stands in this version of a table; below 0: it cannot be asked. */
enum { PLACE_MISSING = -1, PLACE_OF_OTHER_TYPE = -2 };
int32_t filter_place(const struct table *table, const char *column, const char *type);

/* Can the filter be asked of rows of this version of its table?  ERR_NOT_FOUND: no, and the fault
 * says why: column "total" is gone, or has become text.  Its conditions on that column are then
 * open, so that a row which would pass may not be found; bind it again. */
MUST_CHECK enum status filter_check_table(const struct filter *filter, const struct table *table,
                                          struct fault *why);

/* Is it for this table, and for this kind of change? */
bool filter_is_for(const struct filter *filter, const struct change *change);

/* The value of one column that the change is judged by: of the new row, but of the old one for a
 * delete, and for an unchanged TOASTed value where the whole old row is known.  A state other than
 * VALUE_TEXT or VALUE_NULL: not known. */
const struct value *filter_value(const struct change *change, int32_t place);
/* The same of the row as it was before an update. */
const struct value *filter_old_value(const struct change *change, int32_t place);
