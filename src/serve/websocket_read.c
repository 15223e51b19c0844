/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/websocket.h"

#include <string.h>

#include "base/mem.h"
#include "serve/utf8.h"

/*
 * A client's frame (RFC 6455 section 5.2), here "Hi" with the mask 01 02 03 04:
 *
 *     81           FIN, three reserved bits (RSV1: compressed, where agreed), opcode 1 (text)
 *     82           MASK, length 2      (126: the length is in the next 2 bytes, 127: next 8)
 *     01 02 03 04  the mask
 *     49 6B        'H' ^ 01, 'i' ^ 02
 *
 * The head is gathered byte by byte, and each byte judged as soon as it is here.  Then the payload:
 * of data, whatever is here is unmasked in place and handed on; of a control frame, nothing is
 * handed on before all of it is here.
 */
enum { IN_HEAD, IN_DATA, IN_CONTROL, DONE };

#define CONTROL_MAX 125

_Static_assert(sizeof(struct ws_reader) <= 48, "a reader is paid for once per client");

void ws_reader_init(struct ws_reader *reader, uint32_t max_message)
{
    *reader = (struct ws_reader){.max_message = max_message, .state = IN_HEAD};
}

void ws_reader_release(struct ws_reader *reader)
{
    if (!reader)
        return;
    mem_free(reader->control);
    *reader = (struct ws_reader){.state = DONE};
}

static enum status broken(struct ws_reader *reader, struct ws_event *event, unsigned code,
                          const char *reason)
{
    reader->state = DONE;
    *event = (struct ws_event){.code = code, .bytes = slice_text(reason)};
    return ERR_INPUT;
}

static enum status violated(struct ws_reader *reader, struct ws_event *event, const char *reason)
{
    return broken(reader, event, WS_CLOSE_PROTOCOL, reason);
}

static uint8_t opcode_of(const struct ws_reader *reader)
{
    return reader->head[0] & 0x0F;
}

static bool is_final(const struct ws_reader *reader)
{
    return (reader->head[0] & 0x80) != 0;
}

static bool has_rsv1(const struct ws_reader *reader)
{
    return (reader->head[0] & WS_RSV1) != 0;
}

static bool is_control(const struct ws_reader *reader)
{
    return opcode_of(reader) >= WS_CLOSE;
}

/* The head's first byte: FIN, reserved bits, opcode. */
static enum status check_first(struct ws_reader *reader, struct ws_event *event)
{
    const uint8_t opcode = opcode_of(reader);
    const uint8_t reserved = reader->head[0] & 0x70;

    if (reserved != 0 && (!reader->may_deflate || reserved != WS_RSV1))
        return violated(reader, event, "a reserved bit is set that was not agreed on");
    if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
        return violated(reader, event, "reserved opcode");
    if (is_control(reader) && !is_final(reader))
        return violated(reader, event, "a control frame is fragmented");
    if (opcode == WS_CONTINUATION && reader->message_opcode == 0)
        return violated(reader, event, "a continuation without a message to continue");
    if (opcode != WS_CONTINUATION && !is_control(reader) && reader->message_opcode != 0)
        return violated(reader, event, "a new message within a fragmented one");
    /* RFC 7692, section 6: of a message, only the first frame says that it is compressed. */
    if (reserved != 0 && (is_control(reader) || opcode == WS_CONTINUATION))
        return violated(reader, event, "a frame that cannot be compressed says it is");
    return OK;
}

/* The second: MASK and the short length. */
static enum status check_second(struct ws_reader *reader, struct ws_event *event)
{
    if (!(reader->head[1] & 0x80))
        return violated(reader, event, "a client's frame must be masked");
    if (is_control(reader) && (reader->head[1] & 0x7F) > CONTROL_MAX)
        return violated(reader, event, "a control frame is longer than 125 bytes");
    return OK;
}

/* Bytes of the length behind the second byte: 0, 2 or 8. */
static size_t length_size(const struct ws_reader *reader)
{
    const unsigned length = reader->head[1] & 0x7F;

    return length < 126 ? 0 : length == 126 ? 2 : 8;
}

static uint64_t length_of(const struct ws_reader *reader)
{
    const size_t size = length_size(reader);
    uint64_t length = 0;

    if (size == 0)
        return reader->head[1] & 0x7F;
    for (size_t i = 0; i < size; i++)
        length = length << 8 | reader->head[2 + i];
    return length;
}

static enum status check_length(struct ws_reader *reader, struct ws_event *event)
{
    const size_t size = length_size(reader);
    const uint64_t length = length_of(reader);
    const bool is_deflated = reader->message_opcode != 0 ? reader->is_deflated : has_rsv1(reader);
    const uint32_t max = reader->max_message + (is_deflated ? WS_DEFLATED_MORE : 0);

    if (length >> 63)
        return violated(reader, event, "the top bit of a length is set");
    if ((size == 2 && length < 126) || (size == 8 && length <= 0xFFFF))
        return violated(reader, event, "a length is not in its shortest form");
    if (!is_control(reader) && length > max - reader->message)
        return broken(reader, event, WS_CLOSE_TOO_BIG, "the message is too big");
    return OK;
}

/* All of the head is here: what comes now? */
static void begin_payload(struct ws_reader *reader)
{
    const uint8_t opcode = opcode_of(reader);

    reader->left = length_of(reader);
    reader->mask_at = 0;
    if (is_control(reader)) {
        reader->state = IN_CONTROL;
        reader->control_size = 0;
        return;
    }
    reader->state = IN_DATA;
    reader->message += (uint32_t)reader->left;
    if (opcode != WS_CONTINUATION) {
        reader->message_opcode = opcode;
        reader->is_deflated = has_rsv1(reader);
        reader->utf8 = UTF8_START;
    }
}

/* Moves head bytes in and judges each; OK with the state moved on, or ERR_AGAIN. */
static enum status read_head(struct ws_reader *reader, struct ws_input *input,
                             struct ws_event *event)
{
    while (input->size > 0) {
        enum status status = OK;

        reader->head[reader->head_size++] = (uint8_t)*input->at++;
        input->size--;
        if (reader->head_size == 1)
            status = check_first(reader, event);
        else if (reader->head_size == 2)
            status = check_second(reader, event);
        if (status == OK && reader->head_size >= 2 && reader->head_size == 2 + length_size(reader))
            status = check_length(reader, event);
        if (status != OK)
            return status;
        if (reader->head_size >= 2 && reader->head_size == 6 + length_size(reader)) {
            begin_payload(reader);
            return OK;
        }
    }
    return ERR_AGAIN;
}

/* Takes `size` bytes of payload off the input, unmasked in place. */
static struct slice take(struct ws_reader *reader, struct ws_input *input, size_t size)
{
    const uint8_t *mask = reader->head + 2 + length_size(reader);
    uint8_t *bytes = (uint8_t *)input->at;

    for (size_t i = 0; i < size; i++)
        bytes[i] ^= mask[(reader->mask_at + i) & 3];
    reader->mask_at = (uint8_t)((reader->mask_at + size) & 3);
    reader->left -= size;
    input->at += size;
    input->size -= size;
    return slice_of(bytes, size);
}

static void end_frame(struct ws_reader *reader)
{
    reader->state = IN_HEAD;
    reader->head_size = 0;
}

static enum status read_data(struct ws_reader *reader, struct ws_input *input,
                             struct ws_event *event)
{
    const size_t size = reader->left < input->size ? (size_t)reader->left : input->size;
    const struct slice piece = take(reader, input, size);
    const bool is_last = reader->left == 0 && is_final(reader);

    if (reader->message_opcode == WS_TEXT && !reader->is_deflated) {
        reader->utf8 = utf8_next(reader->utf8, piece);
        if (reader->utf8 == UTF8_BAD || (is_last && reader->utf8 != UTF8_START))
            return broken(reader, event, WS_CLOSE_NOT_UTF8, "text is not UTF-8");
    }
    *event = (struct ws_event){.kind = WS_EVENT_DATA,
                               .opcode = (enum ws_opcode)reader->message_opcode,
                               .is_last = is_last,
                               .is_deflated = reader->is_deflated,
                               .bytes = piece};
    if (reader->left == 0)
        end_frame(reader);
    if (is_last) {
        reader->message_opcode = 0;
        reader->message = 0;
    }
    return piece.size > 0 || is_last ? OK : ERR_AGAIN;
}

/* RFC 6455 section 7.4, with what IANA has registered since (1012 to 1014). */
static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum status end_close(struct ws_reader *reader, struct slice payload, struct ws_event *event)
{
    *event = (struct ws_event){.kind = WS_EVENT_CLOSE, .opcode = WS_CLOSE, .code = WS_CLOSE_NONE};
    reader->state = DONE;
    if (payload.size == 0)
        return OK;
    if (payload.size == 1)
        return violated(reader, event, "a close frame of 1 byte");
    event->code = (unsigned)(uint8_t)payload.at[0] << 8 | (uint8_t)payload.at[1];
    event->bytes = slice_from(payload, 2);
    if (!is_close_code(event->code))
        return violated(reader, event, "a close code that may not be sent");
    if (!slice_is_utf8(event->bytes))
        return broken(reader, event, WS_CLOSE_NOT_UTF8, "a close reason is not UTF-8");
    return OK;
}

static enum status end_control(struct ws_reader *reader, struct slice payload,
                               struct ws_event *event)
{
    const uint8_t opcode = opcode_of(reader);

    end_frame(reader);
    if (opcode == WS_CLOSE)
        return end_close(reader, payload, event);
    *event = (struct ws_event){.kind = opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG,
                               .opcode = (enum ws_opcode)opcode,
                               .is_last = true,
                               .bytes = payload};
    return OK;
}

static enum status read_control(struct ws_reader *reader, struct ws_input *input,
                                struct ws_event *event)
{
    if (reader->control_size == 0 && reader->left <= input->size)
        return end_control(reader, take(reader, input, (size_t)reader->left), event);

    const size_t size = reader->left < input->size ? (size_t)reader->left : input->size;
    const struct slice piece = take(reader, input, size);
    if (piece.size == 0)
        return ERR_AGAIN;
    if (!reader->control)
        reader->control = mem_new(CONTROL_MAX);
    memcpy(reader->control + reader->control_size, piece.at, piece.size);
    reader->control_size = (uint8_t)(reader->control_size + piece.size);
    if (reader->left > 0)
        return ERR_AGAIN;
    return end_control(reader, slice_of(reader->control, reader->control_size), event);
}

/* The kept part of a control frame was borrowed by the last event, and is free now. */
static void drop_control(struct ws_reader *reader)
{
    if (reader->control && reader->state != IN_CONTROL) {
        mem_free(reader->control);
        reader->control = NULL;
    }
}

enum status ws_read(struct ws_reader *reader, struct ws_input *input, struct ws_event *event)
{
    drop_control(reader);
    for (;;) {
        enum status status = ERR_CLOSED;

        switch (reader->state) {
        case IN_HEAD:
            status = read_head(reader, input, event);
            if (status == OK)
                continue;
            return status;
        case IN_DATA:
            status = read_data(reader, input, event);
            break;
        case IN_CONTROL:
            status = read_control(reader, input, event);
            break;
        default: /* DONE */
            input->size = 0;
            return ERR_CLOSED;
        }
        if (status != ERR_AGAIN || input->size == 0)
            return status;
    }
}
