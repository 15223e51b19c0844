/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct change;
struct table;
struct v1_columns;
struct value;

/*
 * One change as pgcdc.v1 sends it (doc/protocol.md), in two halves:
 *
 *     {"type":"change","ids":["s1","s2"],      encode_v1_prefix   one socket's own
 *     "kind":"insert","schema":"public",...}   encode_v1_tail     the same for all sockets
 *
 * so that the tail is made once per change and select list, however many get it.  Any thread; the
 * change is only read, a v1_columns belongs to one thread.
 */
enum v1_scope {
    V1_SCOPE_WITHIN, /* passes as it did before, or nobody knows */
    V1_SCOPE_ENTER,  /* an update that brought the row into the filter */
    V1_SCOPE_LEAVE,  /* an update that took it out */
};

/* One of the socket's subscriptions that the change is for. */
struct v1_target {
    struct slice id;
    enum v1_scope scope;
};

/* `count` is 1 or more.  `kind` decides between "change" and "truncate".  One scope that holds for
 * all is "scope":"enter"; where they differ, "scopes":{"s1":"enter"} names those not within. */
void encode_v1_prefix(struct buf *out, const struct change *change, const struct v1_target *targets,
                      uint32_t count);

/*
 * The rest, with the closing brace.  `columns`: a select list, or NULL for all.  `epoch` makes the
 * token; `is_last`: it is known to be the last change of its transaction.
 * False, and nothing appended, where a change gives no message: a gap, an update without any key,
 * a delete without its old row.
 */
bool encode_v1_tail(struct buf *out, const struct change *change, struct v1_columns *columns,
                    uint64_t epoch, bool is_last);

/* {"id":1,"tags":["a"]}: one row, as in a change's "new".  `columns` as above. */
void encode_v1_row(struct buf *out, const struct table *table, const struct value *row,
                   struct v1_columns *columns);
