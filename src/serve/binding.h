/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"
#include "serve/who.h"

struct binding;
struct filter;
struct query;
struct table_shape;
struct worker;

/*
 * One query on its way from words to a filter that can be asked of a change.
 *
 *     "insert:orders:total.gt.100"
 *
 *     1. words        parsed; anything unknown is refused with the choices    (match/query.h)
 *     2. whose rows   of a user: does he own what he asks for?                (auth/grant.h)
 *     3. the table    its columns, from the catalogue                         (catalog/control.h)
 *     4. the values   cast by PostgreSQL to their columns' types
 *     5. compiled     one struct filter
 *
 * 1 is binding_parse, at once; 2 to 4 wait for the database, and `done` is called when they are
 * over, which may be within binding_start.  Used only by the worker that owns it.
 */
enum bind_refusal {
    BIND_OK,
    BIND_BAD_QUERY,     /* 400 */
    BIND_UNKNOWN_TABLE, /* 400, as the original */
    BIND_INVALID,       /* 400 `invalid request`: a user must give a filter */
    BIND_DENIED,        /* 401 */
    BIND_UNAVAILABLE,   /* 503: the database does not answer now */
};

struct bind_result {
    enum bind_refusal refusal;
    struct slice text;         /* why; borrowed during the call */
    struct filter *filter;     /* of BIND_OK; whoever takes it puts NULL in its place */
    struct table_shape *shape; /* likewise; NULL for a query for many tables */
    const struct query *query; /* borrowed during the call */
};

typedef void(bind_done_fn)(void *arg, struct bind_result *result);

/* `who` is copied. */
struct binding *binding_new(struct worker *worker, bind_done_fn *done, void *arg);
void binding_free(struct binding *binding); /* NULL is accepted; cancels its questions */

/* ERR_INPUT or ERR_LIMIT with words. */
MUST_CHECK enum status binding_parse(struct binding *binding, struct slice words,
                                     struct fault *fault);
/* The query of a filter that is to be bound anew. */
MUST_CHECK enum status binding_parse_filter(struct binding *binding, const struct filter *filter,
                                            struct fault *fault);
/* `done` is called once, unless freed before; the binding may be freed in it. */
void binding_start(struct binding *binding, const struct who *who);
