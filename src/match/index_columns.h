/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct table;

/*
 * The columns that the filters of one table use, and where they are in its rows, for index.c.
 *
 *     slot  name    type      users  place
 *     0     total   numeric   2      3
 *     1     region  text      1      PLACE_MISSING, since it was renamed
 *     2     total   text      1      PLACE_OF_OTHER_TYPE
 *
 * The places are those of one version of the table, and worked out once for it.
 */
struct index_column {
    char *name, *type; /* owned; NULL: the slot is free */
    uint32_t users;
};

struct index_columns {
    struct index_column *at; /* owned */
    int32_t *places;         /* owned; one per slot */
    uint32_t count;
    uint64_t table_id;                /* for which the places are; 0: for none */
    bool has_missing, has_other_type; /* and nobody has been told of it yet */
};

void index_columns_release(struct index_columns *columns);

/* A slot, by name and plain type (column_type.h). */
uint32_t index_columns_take(struct index_columns *columns, const char *name, const char *type);
void index_columns_drop(struct index_columns *columns, uint32_t slot);
void index_columns_place(struct index_columns *columns, const struct table *table);
