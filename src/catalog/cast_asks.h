/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"

struct casts;
struct loop;
struct pool;
struct sql;

/*
 * One question for the values of all who want some cast at a time.
 *
 *     a asks          SELECT $1::integer                          for a
 *     b, c, d ask     they wait
 *     answer          a has it;  SELECT $1::integer, $2::uuid, $3::integer   for b, c, d
 *
 * So ten thousand clients that come back at once, each with a value of its own, cost some dozen
 * questions.  A value that does not fit its type spoils the question for all in it: they are told
 * to ask alone, and only that one's owner is refused then.  A question holds at most
 * CASTS_IN_QUESTION values, and one is under way at a time.  Used by control.c, in its thread.
 */
struct cast_asks;

struct cast_asker {
    struct list_link in_asks;
    struct cast_asks *asks; /* NULL: it does not ask */
    struct casts *casts;    /* borrowed */
    bool is_put;            /* they are in the question that is under way */
};

enum cast_answer {
    CAST_TAKEN,   /* the stretch was cast; there may be more to ask */
    CAST_ALONE,   /* somebody's value was refused: ask without the others */
    CAST_REFUSED, /* the server cannot answer, for reasons of its own: `message` */
};

/* May add askers, and must not remove any. */
typedef void(cast_answer_fn)(struct cast_asker *asker, enum cast_answer answer,
                             const char *message);

struct cast_asks {
    struct loop *loop; /* borrowed, as is the pool */
    struct pool *pool;
    cast_answer_fn *fn;
    struct list_link askers; /* of the question that was put */
    struct list_link next;   /* who came after it was put, or waits for a connection */
    struct sql *sql;         /* where it was put; NULL: none is under way */
    uint64_t put_ms;
};

void cast_asks_init(struct cast_asks *asks, struct loop *loop, struct pool *pool,
                    cast_answer_fn *fn);
/* Some of its casts are not known yet. */
void cast_asks_add(struct cast_asks *asks, struct cast_asker *asker, struct casts *casts);
/* It is not answered any more; does nothing for one that does not ask.  The others of its question
 * wait for the next retry. */
void cast_asks_remove(struct cast_asker *asker);
/* What waits is put now, if nothing is under way and a connection is up. */
void cast_asks_retry(struct cast_asks *asks);
