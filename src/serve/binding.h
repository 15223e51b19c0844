/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "serve/who.h"

struct binding;
struct filter;
struct query;
struct table_shape;
struct worker;

/*
 * The queries of one request on their way from words to filters that can be asked of a change.
 *
 *     "insert:orders:total.gt.100"    "*:alerts"    "delete:orders:id.in.(7,8)"
 *
 *     1. words        parsed; anything unknown is refused with the choices    (match/query.h)
 *     2. whose rows   of a user: does he own what he asks for?                (auth/grant.h)
 *     3. the tables   their columns, from the catalogue: orders and alerts, both at once
 *     4. the values   cast by PostgreSQL to their columns' types: 100, 7 and 8 in one question
 *     5. compiled     one struct filter each
 *
 * 1 is binding_add, at once; 2 to 4 wait for the database: as many questions as there are tables,
 * and one more, however many queries there are.  `done` is called when they are over, which may be
 * within binding_start.  Each step is done for all queries before the next, and of its refusals the
 * first query's counts.  Only owners are asked about one after the other: the values of one user's
 * queries are mostly the same.
 *
 * Used only by the worker that owns it.
 */
enum bind_refusal {
    BIND_OK,
    BIND_BAD_QUERY,     /* 400 */
    BIND_UNKNOWN_TABLE, /* 400, as the original */
    BIND_INVALID,       /* 400 `invalid request`: a user must give a filter */
    BIND_DENIED,        /* 401 */
    BIND_UNAVAILABLE,   /* 503: the database does not answer now */
};

struct bound {
    struct filter *filter;           /* of BIND_OK; whoever takes it puts NULL in its place */
    const struct table_shape *shape; /* NULL for a query for many tables */
    const struct query *query;
};

/* Borrowed during the call, as all it points to. */
struct bind_result {
    enum bind_refusal refusal;
    struct slice text;   /* why */
    struct bound *bound; /* of BIND_OK: of each query, in their order; else NULL */
};

typedef void(bind_done_fn)(void *arg, struct bind_result *result);

struct binding *binding_new(struct worker *worker, bind_done_fn *done, void *arg);
void binding_free(struct binding *binding); /* NULL is accepted; cancels its questions */

/* One query more.  ERR_INPUT or ERR_LIMIT with words. */
MUST_CHECK enum status binding_add(struct binding *binding, struct slice words,
                                   struct fault *fault);
/* The query of a filter that is to be bound anew. */
MUST_CHECK enum status binding_add_filter(struct binding *binding, const struct filter *filter,
                                          struct fault *fault);
/* `done` is called once, unless freed before; the binding may be freed in it.  `who` is copied. */
void binding_start(struct binding *binding, const struct who *who);
