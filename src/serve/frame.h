/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct change;

struct deflate;

/*
 * A change as one client gets it, in one of the ways that are the same for all who ask for it.
 *
 *     FRAME_PLAIN   WebSocket text frame, the original's message        /ws
 *     FRAME_POS     the same with "pos"                                 /ws?...&since=
 *     FRAME_SSE     an event with its id                                /sse
 *     FRAME_PLAIN_DEFLATED, FRAME_POS_DEFLATED                          permessage-deflate
 *                   the same frames with their payload compressed, where that makes them shorter
 *
 * A deflated frame is made from the frame that it stands for (frame_base), never from the change.
 */
enum frame_format {
    FRAME_PLAIN,
    FRAME_POS,
    FRAME_SSE,
    FRAME_PLAIN_DEFLATED,
    FRAME_POS_DEFLATED,
    FRAME_FORMATS,
};

/* What a client gets that has agreed on permessage-deflate; FRAME_SSE stays what it is. */
static inline enum frame_format frame_deflated(enum frame_format format)
{
    return format == FRAME_PLAIN ? FRAME_PLAIN_DEFLATED
           : format == FRAME_POS ? FRAME_POS_DEFLATED
                                 : format;
}

/* The format without compression. */
static inline enum frame_format frame_base(enum frame_format format)
{
    return format == FRAME_PLAIN_DEFLATED ? FRAME_PLAIN
           : format == FRAME_POS_DEFLATED ? FRAME_POS
                                          : format;
}

static inline bool frame_is_deflated(enum frame_format format)
{
    return frame_base(format) != format;
}

/* Appends it.  `format` is a base.  False, and nothing appended: this change gives no message. */
bool frame_add(struct buf *out, enum frame_format format, const struct change *change,
               uint64_t epoch);
/* Appends a WebSocket frame with its payload compressed, or as it is where that gains nothing. */
void frame_deflate(struct buf *out, struct slice frame, struct deflate *deflate);
