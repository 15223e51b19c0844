/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"
#include "change/shape.h"

struct loop;
struct pool;
struct sql;

/*
 * One question about a table for all who ask for it at a time.
 *
 *     a asks          question 1 is put for a
 *     b, c, d ask     they wait: question 1 may have looked before they asked
 *     answer 1        a has it;  question 2 is put for b, c, d
 *
 * So ten thousand clients that come back at once cost some dozen questions, and nobody is ever told
 * what the catalogue said before he asked.  A question belongs to nobody: askers may leave at any
 * time.  Used by control.c, in its thread.
 */
struct table_asker {
    struct list_link in_question;
    struct table_question *question; /* NULL: it does not ask, or has been answered */
};

/* `shape` is the callee's; NULL unless OK.  ERR_NOT_FOUND; ERR_REFUSED with the server's words.
 * Must neither add nor remove askers. */
typedef void(table_answer_fn)(struct table_asker *asker, enum status status,
                              struct table_shape *shape, const char *message);

struct table_asks {
    struct loop *loop; /* borrowed, as all but the map */
    struct pool *pool;
    const char *publication; /* NULL: none */
    table_answer_fn *fn;
    struct map questions; /* schema, NUL, name -> struct table_question, owned */
};

void table_asks_release(struct table_asks *asks); /* after the pool; askers are dropped */

void table_asks_add(struct table_asks *asks, struct table_asker *asker, struct slice schema,
                    struct slice name);
/* It is not answered any more; does nothing for one that does not ask. */
void table_asks_remove(struct table_asker *asker);
/* A connection is up: what waits for one is put now. */
void table_asks_retry(struct table_asker *asker);
/* Where its question was put, and when; NULL: it waits for a connection. */
struct sql *table_asker_sql(const struct table_asker *asker);
uint64_t table_asker_put_ms(const struct table_asker *asker);
