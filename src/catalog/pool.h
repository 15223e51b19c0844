/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "sql/sql.h"

struct loop;
struct pool;

/*
 * A few connections to one database that come back by themselves.
 *
 * A question goes to the connection that has the fewest before it.  A lost one is tried again
 * after 100 ms, then 200 ms, ... 10 s, each time shortened by up to a half by chance, so that many
 * servers do not return at once.  Each change of state is logged once.  The loop's thread only,
 * but for pool_is_up.
 */
struct pool_config {
    const char *label;    /* for the log: "catalogue" */
    const char *conninfo; /* copied */
    int connections;
};

/* changed(arg): a connection came up.  Never before pool_new returns. */
struct pool *pool_new(struct loop *loop, const struct pool_config *config,
                      void (*changed)(void *arg), void *arg);
void pool_free(struct pool *pool);             /* what was asked is dropped without an answer */
bool pool_is_up(const struct pool *pool);      /* any thread */
const char *pool_why(const struct pool *pool); /* why no connection could be had; "" if unknown */

/* As sql_ask; NULL: no connection is up, nothing was asked. Else where it was asked. */
struct sql *pool_ask(struct pool *pool, const char *text, const char *const *params, int count,
                     sql_answer_fn *fn, void *arg);
/* As sql_ask_prepared; else as pool_ask. */
struct sql *pool_ask_prepared(struct pool *pool, const char *text, const char *const *params,
                              int count, sql_answer_fn *fn, void *arg);
/* This connection has not answered for long: it is closed and made anew; what else was asked there
 * is answered with ERR_CLOSED. */
void pool_renew(struct pool *pool, struct sql *sql);
