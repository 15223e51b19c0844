/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "serve/frame.h"

struct deflate;

/*
 * What was compressed lately, so that a change is compressed once, whoever comes by it when.
 *
 *     journal   ===[ 17 ]===[ 18 ]===[ 19 ]===|
 *                    |                  |
 *                    |                  +-- live clients: compressed at the first of them
 *                    +-- a thousand that resume: the first compresses it, the others find it here
 *
 * An entry is known by the offset in the journal at which its change ends, and by what it is: a
 * frame of one format, or the tail of a message of pgcdc.v1 for all columns.  A new entry takes the
 * place of an older one, or is not kept if it is larger than DEFLATED_KEPT_SIZE: that bounds it to
 * 1 MiB.  One per worker, from its first client that wants compression on.
 */
#define DEFLATED_ENTRIES 256 /* a power of two */
#define DEFLATED_KEPT_SIZE ((size_t)4096)
#define DEFLATED_TAIL ((unsigned)FRAME_FORMATS) /* besides the formats */

struct deflated_entry {
    uint64_t end;     /* of its change; 0: empty */
    unsigned kind;    /* enum frame_format, or DEFLATED_TAIL */
    bool is_deflated; /* else compressing it gained nothing */
    struct buf bytes; /* the frame, whichever that makes it; of a tail only if it is deflated */
};

struct deflated {
    struct deflate *deflate; /* owned */
    struct deflated_entry entries[DEFLATED_ENTRIES];
};

struct deflated *deflated_new(void);
void deflated_free(struct deflated *deflated); /* NULL is accepted */

/* Borrowed until the next is kept; NULL: it is not here. */
const struct deflated_entry *deflated_find(const struct deflated *deflated, uint64_t end,
                                           unsigned kind);
void deflated_keep(struct deflated *deflated, uint64_t end, unsigned kind, bool is_deflated,
                   struct slice bytes);
