/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "change/position.h"

/*
 * The frames inside COPY BOTH (PostgreSQL's documentation, "Streaming Replication Protocol").
 *
 *     from the server   'w' start(8) end(8) clock(8) payload...     a message of the plugin
 *                       'k' end(8) clock(8) reply(1)                keep-alive
 *     from us           'r' written(8) flushed(8) applied(8) clock(8) reply(1)     34 bytes
 *
 * Numbers are big-endian; clocks are microseconds since 2000-01-01 UTC.  Pure: bytes in, values
 * out.
 */
enum frame_kind { FRAME_DATA, FRAME_KEEPALIVE };

struct frame {
    enum frame_kind kind;
    lsn start;            /* data: the payload's own record */
    lsn end;              /* as far as the server has read its WAL */
    bool is_reply_wanted; /* keep-alive: the server will hang up if it does not hear from us */
    struct slice payload; /* data; borrowed as the message is */
};

#define STATUS_FRAME_SIZE 34

/* ERR_PARSE: neither of the two, or of a wrong size. */
MUST_CHECK enum status frame_parse(struct slice message, struct frame *out);

/*
 * `written`: as far as we have read.  `confirmed`: what may be forgotten (flushed and applied);
 * LSN_NONE says nothing about it, the slot stays where it is, and a server that shuts down waits
 * for `written` only (walsender.c, WalSndDone).  `wall_us`: since 1970.
 */
void status_frame_write(uint8_t out[STATUS_FRAME_SIZE], lsn written, lsn confirmed,
                        uint64_t wall_us);
