/* SPDX-License-Identifier: Apache-2.0 */
/* The frame reader on any bytes: it stays within them, keeps its limits, hands out only text that
 * is UTF-8 unless it is compressed, and says the same however the bytes are cut.  The first byte
 * chooses the cut, and whether compression was agreed on. */
#include "serve/websocket.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MAX_MESSAGE 300

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void note(struct buf *out, struct buf *message, const struct ws_event *event)
{
    if (event->kind == WS_EVENT_DATA) {
        buf_add(message, event->bytes);
        must(message->size <= MAX_MESSAGE + (event->is_deflated ? WS_DEFLATED_MORE : 0));
        if (!event->is_last)
            return;
        must(event->opcode != WS_TEXT || event->is_deflated || slice_is_utf8(buf_slice(message)));
        buf_printf(out, "%d %d %zu:", event->opcode, event->is_deflated, message->size);
        buf_add(out, buf_slice(message));
        buf_reset(message);
        return;
    }
    must(event->bytes.size <= 125);
    buf_printf(out, "%d %u %zu:", event->kind, event->code, event->bytes.size);
    buf_add(out, event->bytes);
}

static void read_in_pieces(struct slice bytes, size_t step, bool may_deflate, struct buf *out)
{
    CLEANUP(ws_reader_release) struct ws_reader reader;
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    struct ws_event event;

    ws_reader_init(&reader, MAX_MESSAGE);
    reader.may_deflate = may_deflate;
    while (bytes.size > 0) {
        const size_t size = bytes.size < step ? bytes.size : step;
        char *const block = malloc(size);
        struct ws_input input = {block, size};
        enum status status;

        must(block != NULL);
        memcpy(block, bytes.at, size);
        while ((status = ws_read(&reader, &input, &event)) == OK)
            note(out, &message, &event);
        must(input.size == 0 || status == ERR_INPUT);
        if (status == ERR_INPUT)
            buf_printf(out, "error %u", event.code);
        free(block);
        bytes = slice_from(bytes, size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    CLEANUP(buf_release) struct buf whole = BUF_INIT;
    CLEANUP(buf_release) struct buf pieces = BUF_INIT;

    if (size < 2)
        return 0;
    const bool may_deflate = bytes[0] & 0x10;
    read_in_pieces(slice_of(bytes + 1, size - 1), size, may_deflate, &whole);
    read_in_pieces(slice_of(bytes + 1, size - 1), 1 + bytes[0] % 16, may_deflate, &pieces);
    must(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
    return 0;
}
