/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct table;

/*
 * A select list: which columns a subscription wants to see.
 *
 *     select ["total","region"] of orders (key id)     writes     id, region, total
 *
 * The columns of the replica identity are always written, since without them nobody knows which
 * row is meant; but where the identity is the whole row (REPLICA IDENTITY FULL), the list alone
 * decides.  Names that the table does not have are passed over: columns come and go.
 *
 * A set: in no order, without repeats.  The places in the table asked last are kept, so asking
 * costs nothing while the table stays the same.  One thread at a time.
 */
struct v1_columns {
    char **names; /* owned, as are the names; sorted */
    uint32_t count;
    uint64_t table_id; /* the table `wanted` is for; 0: none yet */
    bool *wanted;      /* owned; one per column of that table */
};

struct v1_columns *v1_columns_new(const struct slice *names, uint32_t count);
void v1_columns_free(struct v1_columns *columns);

/* Adds the other's names: what a client gets for a change that two of its subscriptions match. */
void v1_columns_unite(struct v1_columns *columns, const struct v1_columns *other);
bool v1_columns_equal(const struct v1_columns *a, const struct v1_columns *b);

/* Is the name in the list itself? */
bool v1_columns_have(const struct v1_columns *columns, struct slice name);
/* One truth per column of the table; borrowed until the next call. */
const bool *v1_columns_of(struct v1_columns *columns, const struct table *table);
