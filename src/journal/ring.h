/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/*
 * Memory without an end: the same pages mapped twice, one behind the other.
 *
 *     pages        [ A B C D ]
 *     addresses    [ A B C D ][ A B C D ]
 *                        ^------^   a record that begins in D goes on in A: one run of addresses
 *
 * So a record never wraps, and pointers into it are plain pointers.
 */
struct ring {
    char *base;  /* owned */
    size_t size; /* of the pages; twice that is mapped */
};

/* `size` is rounded up to whole pages. */
MUST_CHECK enum status ring_init(struct ring *ring, size_t size, struct fault *fault);
void ring_release(struct ring *ring);
