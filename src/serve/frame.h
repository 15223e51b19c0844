/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct change;

/*
 * A change as one client gets it, in one of the ways that are the same for all who ask for it.
 *
 *     FRAME_PLAIN   WebSocket text frame, the original's message        /ws
 *     FRAME_POS     the same with "pos"                                 /ws?...&since=
 *     FRAME_SSE     an event with its id                                /sse
 */
enum frame_format {
    FRAME_PLAIN,
    FRAME_POS,
    FRAME_SSE,
    FRAME_FORMATS,
};

/* Appends it.  False, and nothing appended: this change gives no message. */
bool frame_add(struct buf *out, enum frame_format format, const struct change *change,
               uint64_t epoch);
