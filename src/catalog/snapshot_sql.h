/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

struct fault;
struct snapshot_query;
struct sql_answer;
struct table;
struct table_shape;

/*
 * The texts of a snapshot, see catalog/snapshot.h.
 *
 *     BEGIN ... READ ONLY; ...; LOCK TABLE "public"."orders" IN ACCESS SHARE MODE; SELECT ...
 *     (TABLE_QUESTION: is it still the table that was described?)
 *     SELECT "id", "total" FROM ONLY "public"."orders" WHERE ("total" > '100'::numeric)
 *     COMMIT
 */

/*
 * Begins the transaction; the answer is its one row:
 *
 *  0 pg_current_snapshot()  1 the WAL's insert position, NULL on a standby
 *  2 rows of children are the table's, too: it is partitioned, or a hypertable
 *
 * The lock comes first: had before the snapshot is taken, no TRUNCATE can come between.
 * row_security = off makes a policy an error, where rows would be left out without a word.
 */
void snapshot_sql_begin(struct buf *out, const struct table *table, int server_version);

/* The columns that are wanted, as the table that rows() names. */
struct table *snapshot_sql_table(const struct snapshot_query *query);
/* Without ONLY where `has_children`. */
void snapshot_sql_rows(struct buf *out, const struct table *table, struct slice where,
                       bool has_children);

/* All of a shape that a snapshot relies on; equal for equal ones. */
void snapshot_sql_fingerprint(struct buf *out, const struct table_shape *shape);

/* Why the server refused, with the remedy; `role` is who we are. */
void snapshot_sql_fault(struct fault *fault, const struct sql_answer *answer,
                        const struct table *table, const char *role);
