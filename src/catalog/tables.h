/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "change/shape.h"

struct sql_answer;

/*
 * A table as the catalogue describes it, into a struct table_shape.
 *
 * The question has three parameters: schema, name, and the publication in use, "pgcdc" for
 * "pgcdc" and "pgcdc_inserts", or NULL.  No row: there is no such table that could
 * give changes (a view, a foreign table, an unlogged or temporary one, a system catalogue).
 */
extern const char TABLE_QUESTION[];

/* Owned by the caller; NULL where the answer has no row. */
struct table_shape *table_shape_of(const struct sql_answer *answer);
