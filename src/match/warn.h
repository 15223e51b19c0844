/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/query.h"

/*
 * What a subscriber should know before he waits for messages that cannot come.
 *
 *     delete:orders:total.gt.100     deletes cannot be judged by "total", which is not part of the
 *                                    replica identity of public.orders ...
 *
 * Whether the table is published is only known where the shape says so (shape.h).
 */
enum query_warning {
    QUERY_NOT_PUBLISHED, /* some kinds of change of this table are not published */
    QUERY_NO_IDENTITY,   /* updates and deletes cannot come */
    QUERY_WEAK_FILTER,   /* deletes cannot be judged by this filter */
    QUERY_NO_SCOPE,      /* updates that leave this filter are not told */
};

typedef void query_warning_fn(void *arg, enum query_warning warning, struct slice text);

/* Calls `fn` for each, in the order of the list above; the text is borrowed during the call.  The
 * query is for the one table of the shape. */
void query_warnings(const struct query *query, const struct table_shape *shape,
                    query_warning_fn *fn, void *arg);
