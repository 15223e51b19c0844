/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

struct query;

/*
 * A filter as the condition of a WHERE, which says the same of every row as filter_passes().
 *
 *     and(total.gt.100,not.region.like.e*)
 *     (("total" > '100'::numeric) AND NOT ("region" LIKE 'e%'))
 *
 * The query is bound, and its casts are filled: values are PostgreSQL's own spelling, so that
 * 'now' is the moment of the subscription here, too.  Literals are quoted, names are those of the
 * table's columns.  Appends nothing where there is no filter.
 * ERR_INPUT: a pattern that ends with a lone backslash, or a value that is null as its type; both
 * are refused by query_compile() as well.
 */
MUST_CHECK enum status filter_sql(struct buf *out, const struct query *query, struct fault *fault);
