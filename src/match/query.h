/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "change/shape.h"
#include "match/value_type.h"

struct filter;

/*
 * What a client asks for, from its text to something that can be asked of a change.
 *
 *     "insert,update:orders:and(total.gt.100,region.in.(eu,us))"
 *
 *     query_parse     words to a tree: kinds, table, conditions; knows nothing of the database
 *     query_bind      names to columns of the table as the catalogue describes it; operators are
 *                     checked against types; lists the values that PostgreSQL has to cast
 *     (the catalogue fills query->casts[i].canonical)
 *     query_compile   an immutable struct filter
 *
 * A query for many tables ("*:*", "insert:audit.*") has no filter and is compiled unbound.
 * Belongs to one thread at a time.
 */
enum {
    QUERY_MAX_SIZE = 8192,   /* bytes of the whole query */
    QUERY_MAX_NODES = 64,    /* conditions and brackets of one filter */
    QUERY_MAX_DEPTH = 8,     /* brackets within brackets */
    QUERY_MAX_VALUES = 1000, /* of one filter, over all its lists */
};

/* Which changes, as bits. */
enum {
    QUERY_INSERT = 1,
    QUERY_UPDATE = 2,
    QUERY_DELETE = 4,
    QUERY_TRUNCATE = 8,
    QUERY_ROWS = QUERY_INSERT | QUERY_UPDATE | QUERY_DELETE, /* "*" */
};

enum filter_op {
    FILTER_EQ,
    FILTER_NEQ,
    FILTER_GT,
    FILTER_GTE,
    FILTER_LT,
    FILTER_LTE,
    FILTER_IN,
    FILTER_LIKE,
    FILTER_ILIKE,
    FILTER_MATCH,
    FILTER_IMATCH,
    FILTER_IS,
    FILTER_ISDISTINCT,
    FILTER_CS,
    FILTER_CD,
};

enum query_node_kind {
    QUERY_CONDITION,
    QUERY_AND,
    QUERY_OR,
};

#define QUERY_NONE UINT32_MAX

/* One step of a JSON path: ->'name', ->>'name', ->0. */
struct query_step {
    struct slice key;
    int32_t number;
    bool is_number; /* ->0: a place in an array, from the end where negative */
    bool is_text;   /* ->> : the result is text */
};

struct query_value {
    struct slice text;
    uint32_t cast; /* place in casts, or QUERY_NONE where the text is taken as it is */
};

struct query_node {
    enum query_node_kind kind;
    bool is_negated;
    bool is_required; /* every row that passes fulfils it: no "or", no "not" is around it */
    uint32_t first_child, next; /* QUERY_NONE at the end */
    /* of a condition */
    enum filter_op op;
    struct slice column;
    uint32_t first_step, step_count;
    uint32_t first_value, value_count;
    struct value_type type; /* what is compared; set by query_bind */
    char *column_type;      /* owned; the column's type without modifiers; set by query_bind */
};

/* A value that PostgreSQL is to read: SELECT ('text'::cast_type)::text. */
struct query_cast {
    char *text;      /* owned */
    char *cast_type; /* owned */
    char *canonical; /* owned, from mem_text(); NULL until the catalogue has answered */
};

struct query {
    char *words; /* owned; every slice below points into it or to a literal */
    unsigned kinds;
    struct slice schema, table;
    bool is_any_schema, is_any_table;
    struct query_node *nodes; /* owned; [0] is the root; none: every row */
    uint32_t node_count;
    struct query_step *steps; /* owned */
    uint32_t step_count;
    struct query_value *values; /* owned */
    uint32_t value_count;
    struct query_cast *casts; /* owned; filled by query_bind */
    uint32_t cast_count;
    bool is_bound;
};

/* Reads `kinds:table[:filter]`, percent-decoded.  ERR_INPUT with the words that the client gets,
 * ERR_LIMIT (with words, too) where it is too large; `out` is then as it was. */
MUST_CHECK enum status query_parse(struct slice text, struct query *out, struct fault *fault);
void query_release(struct query *query);
/* The query of filter_text(), unbound, whatever its size. */
MUST_CHECK enum status query_of_filter(const struct filter *filter, struct query *out,
                                       struct fault *fault);

/* "kinds:*" or "kinds:schema.*": for many tables, nothing to bind. */
static inline bool query_is_for_many(const struct query *query)
{
    return query->is_any_table;
}

/* Binds names to columns and fills query->casts.  ERR_INPUT with words. */
MUST_CHECK enum status query_bind(struct query *query, const struct table_shape *shape,
                                  struct fault *fault);

/* Makes the filter (filter_free); every cast must be filled.  ERR_INPUT: a value, such as a
 * regular expression, cannot be used, with words. */
MUST_CHECK enum status query_compile(struct query *query, struct filter **out, struct fault *fault);

/*
 * What every row that passes surely fulfils: the `eq` and `in` conditions that stand alone or
 * under "and" only, without "not" or a JSON path.  Whoever may see only rows of his own has these
 * looked at:
 *
 *     "and(host_uuid.in.(a,b),or(x.eq.1,y.eq.2))"     host_uuid in (a, b), and nothing else
 *
 * Start with *at = 0; false when there are no more.  Values: query->values[first_value + i].text.
 */
bool query_next_equality(const struct query *query, uint32_t *at, const struct query_node **out);

/* "eq", "isdistinct"; never NULL. */
const char *filter_op_text(enum filter_op op);
