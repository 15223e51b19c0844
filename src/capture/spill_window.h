/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct spill_files;

/*
 * A part of a file in memory, so that reading many small records takes few calls.
 *
 *     file     ....................................................
 *     window             [start ............... start + bytes.size)
 *     wanted                   at, size           within: no call; else a new window from `at`
 */
struct spill_window {
    int file; /* whose bytes these are, when bytes.size > 0 */
    uint64_t start;
    struct buf bytes; /* owned */
};

struct spill_place {
    int file;
    uint64_t at, end; /* nothing is read from `end` on */
};

void spill_window_release(struct spill_window *window); /* empties it; to be used again */

/* `size` bytes at a place, borrowed until the next call.  ERR_AGAIN: errno says why not.
 * ERR_PARSE: the file ends before them. */
MUST_CHECK enum status spill_window_read(struct spill_window *window,
                                         const struct spill_files *files,
                                         const struct spill_place *place, size_t size,
                                         struct slice *out);
