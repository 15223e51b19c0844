/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"

/*
 * Memory for runs that clients gather by themselves, handed on from turn to turn.
 *
 *     turn 1   c2, c7, c9 gather   take, take, take   3 made
 *              flush               give, give, give   3 kept
 *     turn 2   c1, c5 gather       take, take         2 of those
 *     a second later               one was never taken meanwhile: it is freed
 *
 * So a client that is told of nothing holds no buffer, and one that is told of something costs no
 * allocation.  At most SPARES_BYTES are kept, in buffers of at most SPARE_BYTES each.
 * Used only by the worker that owns it.
 */
#define SPARE_BYTES ((size_t)16 * 1024)
#define SPARES_BYTES ((size_t)4 * 1024 * 1024)

struct spares {
    struct buf *at; /* owned, as are the buffers; all empty */
    uint32_t count, capacity;
    uint32_t least; /* count at its lowest since the last trim */
    size_t bytes;
};

void spares_release(struct spares *spares);
/* `buf` is empty and gets memory, if there is some. */
void spares_take(struct spares *spares, struct buf *buf);
/* Takes the memory of `buf`, which is BUF_INIT then. */
void spares_give(struct spares *spares, struct buf *buf);
/* Frees those that were not needed since the last time. */
void spares_trim(struct spares *spares);
