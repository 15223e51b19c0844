/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "catalog/publication.h"
#include "catalog/publication_sql.h"

struct sql_answer;

/*
 * What the owner of a publication is told about its tables, a line for each kind of news:
 *
 *     publication: takes in public.orders, public.items
 *     publication: without a primary key or REPLICA IDENTITY only inserts ... of public.log
 */
struct publication_voice {
    publication_log_fn *log; /* may be NULL */
    void *arg;
};

/* Rows as tables; the array is the caller's, the names are the answer's.  `column` is that of the
 * schema, the name follows, and where has_flags, what publication_sql_differences() says of it. */
struct publication_table *publication_tables_of(const struct sql_answer *answer, int column,
                                                bool has_flags);
void publication_tell(const struct publication_voice *voice, const struct publication_table *tables,
                      size_t count);
/* "public.a, public.b and 7 more" */
void publication_add_names(struct buf *out, const struct publication_table *tables, size_t count);
