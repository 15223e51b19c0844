/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/scalar.h"

/*
 * An array, read from PostgreSQL's text: {1,2,NULL}, {"a,b","c\"d"}, {{1,2},{3,4}}, [0:1]={5,6}.
 */
#define ARRAY_MAX_DIMENSIONS 6

struct array_item {
    struct scalar scalar;
    bool is_null;
};

struct array {
    enum value_class element;
    uint32_t dimension_count;
    uint32_t sizes[ARRAY_MAX_DIMENSIONS];
    int64_t lower_bounds[ARRAY_MAX_DIMENSIONS];
    struct array_item *items; /* owned; all, the last dimension running fastest */
    uint32_t count;
    char *words; /* owned; the items' texts, unescaped */
};

/* False for what is no array of such elements; then nothing is to be released. */
bool array_parse(enum value_class element, struct slice text, struct array *out);
void array_release(struct array *array);

/* a = b: the same shape, bounds and elements; NULL is like NULL here. */
bool array_equal(const struct array *a, const struct array *b);
/* a @> b: each element of b is in a; a NULL in b is in nothing. */
bool array_contains(const struct array *a, const struct array *b);
