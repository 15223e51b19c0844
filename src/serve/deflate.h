/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

/*
 * The payloads of permessage-deflate (RFC 7692), without I/O.  The home of zlib.
 *
 * Nothing is remembered between messages (no context take-over), so that one compressed message is
 * good for every client that can read it at all, and no client costs memory.  A worker has one
 * struct deflate, whoever its clients are: 25 KiB, and 40 KiB more once a client has sent something
 * compressed.
 *
 *     {"kind":"insert",...}  347 bytes  --deflate_add-->  218 bytes: blocks, without the 00 00 FF
 * FF at their end (section 7.2.1)
 *
 * A message whose beginning is a client's own and whose rest is the same for many is compressed
 * once all the same: blocks that are not compressed may stand before those that are.
 *
 *     {"type":"change","ids":["s1"],"kind":"insert",...}
 *     \______ deflate_add_stored _/\____ deflate_add, once for all clients
 *
 * The window is 4 KiB, which costs messages of rows nothing (doc/performance.md) and is also what
 * most clients that ask for a small one ask for.
 */
struct deflate;

#define DEFLATE_WINDOW_BITS 12
#define DEFLATE_LEAST ((size_t)128) /* bytes: shorter messages are not worth it */

struct deflate *deflate_new(void);
void deflate_free(struct deflate *deflate); /* NULL is accepted */

/* Appends the message compressed.  False, and nothing appended: that would not make it shorter. */
bool deflate_add(struct deflate *deflate, struct buf *out, struct slice message);
/* Bytes of messages that deflate_add has worked on so far. */
uint64_t deflate_size_in(const struct deflate *deflate);
/* Appends bytes as they are, in blocks that others may follow; at least 5 bytes more. */
void deflate_add_stored(struct buf *out, struct slice bytes);
/* By how much deflate_add_stored makes this many bytes longer. */
size_t deflate_stored_cost(size_t size);

/*
 * What a client has compressed: the message, borrowed until the next call.
 *
 * ERR_LIMIT: it is longer than `max`, or inflates more than a message does that means well: beyond
 * 1 KiB and 64 times its size nobody pays for what the inflating costs us.  No more than that is
 * ever inflated.  ERR_INPUT: it is not DEFLATE, or breaks off.
 */
MUST_CHECK enum status deflate_read(struct deflate *deflate, struct slice payload, size_t max,
                                    struct slice *out_message);
