/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/*
 * The SQL behind catalog/publication.h, as text: no connection, no state.
 */
struct publication_names {
    const char *update, *inserts; /* "pgcdc", "pgcdc_inserts" */
    bool is_via_root;
    int server_version;
};

/* One table as publication_sql_differences() finds it. */
struct publication_table {
    struct slice schema, name;
    bool wants_update, has_update;   /* in the first publication */
    bool wants_inserts, has_inserts; /* in the second */
    bool has_identity;
};

/* One row. Parameters: $1, $2 the names.  Columns: rolsuper, may create, is_standby, role,
 * database, then of each of the two: exists, is kept by us, may alter, is via root, is for all
 * tables (NULL where it does not exist), then the number of tables that we may publish and of
 * those that we may not. */
void publication_sql_state(struct buf *out, const struct publication_names *names);
/*
 * What is not as it should be.  Parameters: $1, $2 the names, $3 an oid: of tables above it,
 * those without a replica identity are named, too.  At least one row.  Columns: how many of the
 * two publications exist, oid, schema, name (NULL: no difference), wants_update, has_update,
 * wants_inserts, has_inserts, has an identity.
 */
void publication_sql_differences(struct buf *out, const struct publication_names *names);
/* Of publications that are not ours: tables whose UPDATEs fail because of them.  $1, $2 the names.
 * Columns: schema, name. */
const char *publication_sql_harmed(void);
/* The tables that ought to be in the first publication, whoever owns them: schema, name. */
void publication_sql_identified(struct buf *out, const struct publication_names *names);

/* Makes what is missing; several statements. */
void publication_sql_create(struct buf *out, const struct publication_names *names,
                            bool makes_update, bool makes_inserts, bool is_superuser);
/* ALTER PUBLICATION ... SET (publish_via_partition_root = ...). */
void publication_sql_set_root(struct buf *out, const char *name, bool is_via_root);

/* Is handed each statement that makes the tables as they should be; `text` is borrowed. */
typedef void(publication_statement_fn)(void *arg, const char *text);
/*
 * Takes tables out before it puts any in, since a table that lost its identity is one that its
 * users cannot write to.  At most `batch` tables in a statement.
 */
void publication_sql_alter(const struct publication_names *names,
                           const struct publication_table *tables, size_t count, size_t batch,
                           publication_statement_fn *fn, void *arg);

/* What an administrator must run so that `role` can do without rights of its own. */
void publication_sql_remedy(struct buf *out, const struct publication_names *names,
                            const struct publication_table *tables, size_t count);
