/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * A table as the catalogue describes it now, for those who subscribe to it: what a filter may
 * name, and what its values must be cast to.  (change/table.h is the table as it stood when a
 * change was made.)
 *
 * Filled by catalog/tables.c from pg_class, pg_attribute and pg_type; read by match/.
 */
enum replica_identity {
    IDENTITY_KEY,   /* the primary key */
    IDENTITY_INDEX, /* REPLICA IDENTITY USING INDEX */
    IDENTITY_FULL,
    IDENTITY_NONE, /* updates and deletes give no messages */
};

struct column_shape {
    char *name;      /* owned */
    char *type;      /* owned; format_type() with the modifier: "numeric(10,2)" */
    char *cast_type; /* owned; what WHERE would cast a literal to: no modifier, a domain's base type
                      */
    char *element_cast_type; /* owned; of an array's elements, else NULL */
    uint32_t base_oid;       /* pg_type.oid, below domains */
    uint32_t element_oid;    /* pg_type.oid of an array's elements, below domains; else 0 */
    char kind;               /* pg_type.typtype of the base type: 'b', 'c', 'e', 'r', 'm' */
    bool is_key;             /* part of the replica identity */
    bool is_collation_c;     /* text compares by bytes: collation C, POSIX or ucs_basic */
    bool is_deterministic;   /* equal means same bytes; false only for such ICU collations */
};

/* Which of its changes the publications in use give. */
struct table_published {
    bool is_known; /* false: there are no such publications, as with wal2json, or none yet */
    bool has_insert, has_update, has_delete, has_truncate;
};

struct table_shape {
    char *schema, *name; /* owned */
    enum replica_identity identity;
    struct table_published published;
    bool is_ctype_c; /* the database's LC_CTYPE is C or POSIX: only ASCII letters have case */
    uint32_t column_count;
    struct column_shape *columns; /* owned */
};

struct table_shape *table_shape_copy(const struct table_shape *shape);
void table_shape_free(struct table_shape *shape); /* a heap object; NULL is accepted */
const struct column_shape *table_shape_find(const struct table_shape *shape, struct slice name);
