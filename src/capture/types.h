/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * What is a type called?
 *
 * pgoutput says of a column only (type oid 1043, modifier 14), but a message says "character
 * varying(10)".  PostgreSQL's own format_type() knows; so each pair is asked for once and kept:
 *
 *     types_name(types, 1043, 14, &name)   ERR_AGAIN: not known, now wanted
 *     types_query(types, &sql)             select oid, modifier, format_type(...) of all wanted
 *     types_answer(types, 1043, 14, SLICE("character varying(10)"))
 *     types_name(types, 1043, 14, &name)   OK
 *
 * A type may be dropped before the answer comes, since the stream lags behind the catalogue.  Then
 * the name is what the stream's Type message said, or "oid 12345" where it said nothing.
 * Bounded: at TYPES_MAX pairs all are forgotten.  Owned by the capture thread.
 */
struct types;

enum { TYPES_MAX = 65536 };

struct types *types_new(void);
void types_free(struct types *types);
/* Forgets user's types: they may have been renamed, or another database stands behind the next
 * connection.  The pgoutput decoder does this in its reset(). */
void types_reset(struct types *types);

/* The name of a pair, borrowed until the next call that changes the cache; ERR_AGAIN: it must be
 * asked for first (types_query). */
MUST_CHECK enum status types_name(struct types *types, uint32_t oid, int32_t modifier,
                                  struct slice *out_name);

/* How many pairs wait for an answer. */
size_t types_wanted(const struct types *types);
/* Appends one statement that asks for all wanted pairs: rows of oid, modifier, name (or NULL). */
void types_query(struct types *types, struct buf *sql);
/* One row of its answer; `name` is empty where it was NULL. */
void types_answer(struct types *types, uint32_t oid, int32_t modifier, struct slice name);
/* The whole answer is in: pairs that were asked for and have no row get the name to fall back on.
 */
void types_answered(struct types *types);

/* What a Type message says: a user's type as it was called when the row was written.  A name other
 * than the last one heard forgets what was cached for the oid. */
void types_heard(struct types *types, uint32_t oid, struct slice schema, struct slice name);
