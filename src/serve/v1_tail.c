/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/v1_tail.h"

#include "change/change.h"
#include "encode/v1.h"
#include "encode/v1_columns.h"
#include "serve/deflate.h"
#include "serve/deflated.h"
#include "serve/fanout.h"

#define KEPT_SIZE ((size_t)64 * 1024) /* a larger one gives its memory back */

void v1_tails_release(struct v1_tails *tails)
{
    if (!tails)
        return;
    for (size_t i = 0; i < V1_TAILS; i++) {
        buf_release(&tails->at[i].bytes);
        buf_release(&tails->at[i].deflated);
    }
    *tails = (struct v1_tails){0};
}

static void reset(struct buf *buf)
{
    if (buf->capacity > KEPT_SIZE)
        buf_release(buf);
    else
        buf_reset(buf);
}

void v1_tail_forget(struct v1_tail *tail)
{
    reset(&tail->bytes);
    reset(&tail->deflated);
    *tail = (struct v1_tail){.bytes = tail->bytes, .deflated = tail->deflated};
}

void v1_tails_reset(struct v1_tails *tails)
{
    for (size_t i = 0; i < V1_TAILS; i++) {
        if (tails->at[i].is_taken)
            v1_tail_forget(&tails->at[i]);
    }
}

static bool is_same(const struct v1_columns *a, const struct v1_columns *b)
{
    return a == b || (a && b && v1_columns_equal(a, b));
}

struct v1_tail *v1_tails_of(struct v1_tails *tails, struct v1_columns *columns)
{
    struct v1_tail *free = NULL;

    for (size_t i = 0; i < V1_TAILS; i++) {
        struct v1_tail *tail = &tails->at[i];
        if (tail->is_taken && is_same(tail->columns, columns))
            return tail;
        if (!tail->is_taken && !free)
            free = tail;
    }
    if (!free) {
        free = &tails->at[V1_TAILS - 1];
        v1_tail_forget(free);
    }
    free->is_taken = true;
    free->columns = columns;
    return free;
}

bool v1_tail_make(struct v1_tail *tail, const struct delivery *delivery)
{
    const struct change *change = delivery->change;

    if (!tail->is_made)
        tail->has_any =
            encode_v1_tail(&tail->bytes, change, tail->columns, delivery->epoch, change->is_last);
    tail->is_made = true;
    return tail->has_any;
}

/* In front of it stands a stored block, whose head is five bytes. */
static bool compress(struct v1_tail *tail, struct deflated *deflated)
{
    const struct slice bytes = buf_slice(&tail->bytes);

    return deflate_add(deflated->deflate, &tail->deflated, bytes) &&
           tail->deflated.size + deflate_stored_cost(1) < bytes.size;
}

static void deflate_anew(struct v1_tail *tail, const struct delivery *delivery)
{
    struct deflated *deflated = delivery->fanout->deflated;

    tail->is_deflated = compress(tail, deflated);
    if (!tail->is_deflated)
        buf_reset(&tail->deflated);
    if (!tail->columns)
        deflated_keep(deflated, delivery->end, DEFLATED_TAIL, tail->is_deflated,
                      buf_slice(&tail->deflated));
}

bool v1_tail_deflate(struct v1_tail *tail, const struct delivery *delivery)
{
    const struct deflated_entry *entry = NULL;

    if (tail->is_tried)
        return tail->is_deflated;
    tail->is_tried = true;
    if (!tail->columns)
        entry = deflated_find(delivery->fanout->deflated, delivery->end, DEFLATED_TAIL);
    if (entry) {
        tail->is_deflated = entry->is_deflated;
        buf_add(&tail->deflated, buf_slice(&entry->bytes));
    } else if (v1_tail_make(tail, delivery)) {
        deflate_anew(tail, delivery);
    }
    return tail->is_deflated;
}
