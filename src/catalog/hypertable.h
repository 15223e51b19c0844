/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

struct hypertables;
struct sql;

/*
 * Which hypertable a TimescaleDB chunk belongs to.
 *
 *     _timescaledb_internal._hyper_12_345_chunk   -> id 12 in _timescaledb_catalog.hypertable
 *                                                 -> public.cputimes
 *
 * The ids are cached; an unknown one makes us read the catalogue again, at most once a second for
 * the same id.
 * One connection, the thread of its loop.
 */

/* `sql` is borrowed and must outlive the cache; `known` (may be NULL) is called
 * when an answer has come for which hypertables_find said ERR_AGAIN. */
struct hypertables *hypertables_new(struct sql *sql, void (*known)(void *arg), void *arg);
void hypertables_free(struct hypertables *cache); /* before its sql */

/* OK and the hypertable's names, borrowed until the next turn of the loop; ERR_NOT_FOUND: no
 * chunk, or one of an unknown hypertable; ERR_AGAIN: asked, known() will be called. */
MUST_CHECK enum status hypertables_find(struct hypertables *cache, struct slice schema,
                                        struct slice table, struct slice *out_schema,
                                        struct slice *out_name);
/* Forgets all: hypertables may have been renamed.  Call it whenever the connection came up; what
 * waits for an answer is told by known() to ask again. */
void hypertables_reset(struct hypertables *cache);

/* The 12 of _timescaledb_internal._hyper_12_345_chunk; 0: not a chunk. */
unsigned hypertable_id_of_chunk(struct slice schema, struct slice table);
