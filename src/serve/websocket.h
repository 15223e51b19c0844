/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

/*
 * The frames of RFC 6455, server's side, without I/O.
 *
 * Writing: a head, then the payload as it is (a server does not mask).
 * Reading: bytes in whatever pieces the network made, events out:
 *
 *     struct ws_input input = {bytes, size};
 *     while ((status = ws_read(&session->reader, &input, &event)) == OK)
 *         switch (event.kind) { ... }
 *     if (status == ERR_INPUT)
 *         ws_close_add(&out, event.code, event.bytes);        (then close the socket)
 */
enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_NONE = 1005, /* "no code": never in a frame */
    WS_CLOSE_NOT_UTF8 = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_ERROR = 1011,
    WS_CLOSE_RESTART = 1012,
    WS_CLOSE_GAP = 4010,  /* changes were lost: load anew */
    WS_CLOSE_SLOW = 4011, /* the client reads too slowly */
};

/* For the answer's Sec-WebSocket-Accept; 28 characters and a NUL. */
void websocket_accept_key(struct slice key, char out[29]);

#define WS_HEAD_MAX 10
#define WS_RSV1 0x40 /* in a head's first byte: the message is compressed (RFC 7692, section 6) */
/* Writes the head of an unfragmented frame and returns its size: 2, 4 or 10. */
size_t ws_frame_head(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t size);
/* What is behind the head of a whole frame that ws_frame_head began. */
struct slice ws_frame_payload(struct slice frame);
/* Appends a whole frame; a control frame's payload is at most 125 bytes. */
void ws_frame_add(struct buf *out, enum ws_opcode opcode, struct slice payload);
/* Appends a close frame.  The reason is cut to 123 bytes at a character's end; WS_CLOSE_NONE
 * gives one without a payload. */
void ws_close_add(struct buf *out, unsigned code, struct slice reason);

/*
 * The reader of one connection: 48 bytes, embedded.  It keeps no data payload: pieces are handed
 * on, unmasked in place, as they come, and compressed if they are (is_deflated).  Only a control
 * frame (125 bytes at most) that arrives in pieces is kept until it is whole, on the heap.
 *
 * Checked: everything that RFC 6455 lets a server check, as soon as the byte is here.  Text must
 * be UTF-8 across pieces and frames, unless it is compressed: that is for who inflates it; a
 * message of more than max_message bytes is refused when its frame's head says so (one that is
 * compressed may be WS_DEFLATED_MORE longer, since what cannot be made shorter becomes a little
 * longer).
 */
struct ws_reader {
    uint64_t left;        /* payload bytes of this frame still to come */
    uint8_t *control;     /* owned: the part of a control frame that is here, or NULL */
    uint32_t max_message; /* bytes */
    uint32_t message;     /* bytes of this message announced so far */
    uint8_t head[14];     /* of this frame; the last 4 used are the mask */
    uint8_t head_size;    /* bytes of it that are here */
    uint8_t mask_at;      /* 0 to 3: the mask's byte for the next payload byte */
    uint8_t state;
    uint8_t message_opcode; /* text or binary while a message is under way, else 0 */
    uint8_t utf8;           /* where the text's last piece ended, see utf8.h */
    uint8_t control_size;
    bool may_deflate; /* permessage-deflate was agreed on; set by who begins the reader */
    bool is_deflated; /* of the message that is under way */
};

#define WS_MAX_MESSAGE 65536
#define WS_DEFLATED_MORE 1024

enum ws_event_kind {
    WS_EVENT_DATA, /* a piece of a message; is_last with its last one (which may be empty) */
    WS_EVENT_PING, /* answer with a pong of the same bytes */
    WS_EVENT_PONG,
    WS_EVENT_CLOSE, /* with code (WS_CLOSE_NONE: none) and reason; nothing is read after it */
};

struct ws_event {
    enum ws_event_kind kind;
    enum ws_opcode opcode; /* of data: WS_TEXT or WS_BINARY */
    bool is_last;
    bool is_deflated;   /* of data: inflate it when it is whole (serve/deflate.h) */
    unsigned code;      /* of close, or what to close with after ERR_INPUT */
    struct slice bytes; /* borrowed until the next call; after ERR_INPUT a static reason */
};

struct ws_input { /* what has come and was not read yet; ws_read moves it on */
    char *at;
    size_t size;
};

void ws_reader_init(struct ws_reader *reader, uint32_t max_message);
void ws_reader_release(struct ws_reader *reader);
/*
 * OK: one event.  ERR_AGAIN: all input is read.  ERR_INPUT: the peer broke the protocol; event
 * holds the close code and a reason.  ERR_CLOSED: a close or an error was before; the input is
 * thrown away.
 */
MUST_CHECK enum status ws_read(struct ws_reader *reader, struct ws_input *input,
                               struct ws_event *event);
