/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/frame.h"

#include "change/change.h"
#include "encode/json.h"
#include "encode/sse.h"
#include "serve/deflate.h"
#include "serve/websocket.h"

/* The payload was written where it stands behind the longest head, and is moved when its head is
 * shorter, as for all but the largest messages by 6 or 8 bytes. */
static void put_head(struct buf *out, size_t start, uint8_t bits)
{
    uint8_t head[WS_HEAD_MAX];
    const size_t size = out->size - start - sizeof head;
    const size_t head_size = ws_frame_head(head, WS_TEXT, size);

    head[0] |= bits;
    memcpy(out->at + start, head, head_size);
    memmove(out->at + start + head_size, out->at + start + sizeof head, size);
    out->size = start + head_size + size;
}

static bool add_websocket(struct buf *out, const struct change *change, uint64_t epoch,
                          bool with_position)
{
    const size_t start = out->size;
    uint8_t head[WS_HEAD_MAX] = {0};

    buf_add_bytes(out, head, sizeof head);
    const bool is_made =
        with_position ? encode_plain_pos(out, change, epoch) : encode_plain(out, change);
    if (!is_made) {
        out->size = start;
        return false;
    }
    put_head(out, start, 0);
    return true;
}

static bool add_event(struct buf *out, const struct change *change, uint64_t epoch)
{
    const size_t start = out->size;

    encode_sse_begin(out, (struct token){epoch, change->position});
    if (!encode_plain(out, change)) {
        out->size = start;
        return false;
    }
    encode_sse_end(out);
    return true;
}

bool frame_add(struct buf *out, enum frame_format format, const struct change *change,
               uint64_t epoch)
{
    switch (format) {
    case FRAME_PLAIN:
        return add_websocket(out, change, epoch, false);
    case FRAME_POS:
        return add_websocket(out, change, epoch, true);
    case FRAME_SSE:
        return add_event(out, change, epoch);
    case FRAME_PLAIN_DEFLATED:
    case FRAME_POS_DEFLATED:
    case FRAME_FORMATS:
        break;
    }
    return false;
}

void frame_deflate(struct buf *out, struct slice frame, struct deflate *deflate)
{
    const size_t start = out->size;
    const uint8_t head[WS_HEAD_MAX] = {0};

    buf_add_bytes(out, head, sizeof head);
    if (deflate_add(deflate, out, ws_frame_payload(frame))) {
        put_head(out, start, WS_RSV1);
        return;
    }
    out->size = start;
    buf_add(out, frame);
}
