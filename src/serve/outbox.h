/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct packet;

/*
 * What one client has yet to receive, oldest first, when its socket took less than we had.
 *
 * Most clients never have one: a frame that the socket takes at once does not pass through here,
 * and an empty outbox holds no memory.  It holds the rest of a run of frames that was half
 * written, control frames and answers; further changes stay in the journal (serve/catch_up.h).
 * Packets are shared, so a run that a thousand slow clients wait for stands in memory once.
 *
 * Bounded in bytes: who makes us say more than he reads loses his connection, never our memory.
 * Used only by the worker that owns the client.
 */
struct outbox {
    struct outbox_item *items; /* owned ring, as is one reference to each packet; NULL when empty */
    uint32_t capacity;         /* slots; a power of two */
    uint32_t head, count;      /* the oldest slot; how many are in use */
    uint32_t offset;           /* bytes of the oldest packet that are already sent */
    size_t bytes;              /* unsent */
};

void outbox_release(struct outbox *box);

static inline bool outbox_is_empty(const struct outbox *box)
{
    return box->count == 0;
}

/*
 * Queues the bytes of `packet` from `offset` on and takes a reference.  ERR_LIMIT: more than
 * `max_bytes` would wait, nothing has changed.  The first packet is not counted: a single message
 * must be able to pass, however large, and small answers behind it.
 */
MUST_CHECK enum status outbox_push(struct outbox *box, struct packet *packet, uint32_t offset,
                                   size_t max_bytes);

/* The oldest unsent bytes, borrowed until the next call; empty when there are none. */
struct slice outbox_peek(const struct outbox *box);
/* `count` bytes of what outbox_peek gave have been sent. */
void outbox_sent(struct outbox *box, size_t count);
