/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/websocket.h"

#include <assert.h>
#include <string.h>

#include "base/crypto.h"

/* Frames as a server writes them; reading is in websocket_read.c. */

#define CONTROL_MAX 125
#define REASON_MAX (CONTROL_MAX - 2)

void websocket_accept_key(struct slice key, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    unsigned char digest[CRYPTO_SHA1_SIZE];

    buf_add(&text, key);
    buf_add_text(&text, guid);
    crypto_sha1(buf_slice(&text), digest);
    crypto_base64_write(out, slice_of(digest, sizeof digest));
}

/* `count` bytes of `number`, the highest first. */
static void put_number(uint8_t *out, uint64_t number, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)(number >> 8 * (count - 1 - i));
}

size_t ws_frame_head(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t size)
{
    out[0] = (uint8_t)(0x80 | opcode);
    if (size < 126) {
        out[1] = (uint8_t)size;
        return 2;
    }
    if (size <= 0xFFFF) {
        out[1] = 126;
        put_number(out + 2, size, 2);
        return 4;
    }
    out[1] = 127;
    put_number(out + 2, size, 8);
    return 10;
}

struct slice ws_frame_payload(struct slice frame)
{
    const uint8_t code = (uint8_t)frame.at[1];

    return slice_from(frame, code == 127 ? 10 : code == 126 ? 4 : 2);
}

void ws_frame_add(struct buf *out, enum ws_opcode opcode, struct slice payload)
{
    uint8_t head[WS_HEAD_MAX];

    assert(opcode < WS_CLOSE || payload.size <= CONTROL_MAX);
    buf_add_bytes(out, head, ws_frame_head(head, opcode, payload.size));
    buf_add(out, payload);
}

/* Not more than fits, and no character cut in two. */
static struct slice cut_reason(struct slice reason)
{
    if (reason.size <= REASON_MAX)
        return reason;
    size_t size = REASON_MAX;
    while (size > 0 && ((uint8_t)reason.at[size] & 0xC0) == 0x80)
        size--;
    return slice_of(reason.at, size);
}

void ws_close_add(struct buf *out, unsigned code, struct slice reason)
{
    uint8_t payload[CONTROL_MAX];

    if (code == WS_CLOSE_NONE) {
        ws_frame_add(out, WS_CLOSE, SLICE(""));
        return;
    }
    reason = cut_reason(reason);
    put_number(payload, code, 2);
    if (reason.size > 0)
        memcpy(payload + 2, reason.at, reason.size);
    ws_frame_add(out, WS_CLOSE, slice_of(payload, 2 + reason.size));
}
