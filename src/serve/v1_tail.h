/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct delivery;
struct v1_columns;

/*
 * What follows the ids in a change's message, for each select list that somebody has: made once per
 * change, and compressed once (encode/v1.h, serve/deflate.h).
 *
 *     all columns         "kind":"insert",...}     sockets 1, 2, 5 ...
 *     ["total"]           "kind":"insert",...}     sockets 3, 9
 *
 * For up to V1_TAILS lists; beyond that the last place is used for all.  Used only by the worker
 * that owns it.
 */
#define V1_TAILS 8

struct v1_tail {
    bool is_taken;
    struct v1_columns *columns; /* borrowed; NULL: all */
    bool is_made, has_any;      /* `bytes` is; and it is a message */
    bool is_tried, is_deflated; /* compressing was; and it gained something */
    struct buf bytes, deflated;
};

struct v1_tails {
    struct v1_tail at[V1_TAILS];
};

void v1_tails_release(struct v1_tails *tails);
/* Another change. */
void v1_tails_reset(struct v1_tails *tails);

/* The tail for this list; borrowed until the next call. */
struct v1_tail *v1_tails_of(struct v1_tails *tails, struct v1_columns *columns);
/* Its list is about to be freed. */
void v1_tail_forget(struct v1_tail *tail);

/* Sees to `bytes`.  False: this change gives no message. */
bool v1_tail_make(struct v1_tail *tail, const struct delivery *delivery);
/* Sees to `deflated`.  False: there is no message, or compressing it gains nothing. */
bool v1_tail_deflate(struct v1_tail *tail, const struct delivery *delivery);
