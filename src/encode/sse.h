/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "change/token.h"

/*
 * Events as EventSource reads them (HTML, section 9.2.6), appended to `out`:
 *
 *     id: 9f3c21d07a44be15-00000016b374d848-00000002
 *     data: {"kind":"insert","schema":"public",...}
 *     (an empty line)
 *
 * A message is one line by construction: in the plain protocol every line feed within a value is
 * written as \n.  The id comes back as Last-Event-ID.  Any thread.
 */
/* What stands before a message, and behind it. */
void encode_sse_begin(struct buf *out, struct token position);
void encode_sse_end(struct buf *out);
/* The subscription is live, and this is where it begins. */
void encode_sse_ready(struct buf *out, struct token position);
/* Something before this position is missing. */
void encode_sse_gap(struct buf *out, struct token position, struct slice reason);
/* A comment, so that a silent stream is known from a dead one. */
void encode_sse_alive(struct buf *out);
/* The same, and moves the client's Last-Event-ID without an event. */
void encode_sse_progress(struct buf *out, struct token position);
/* How long to wait before coming back after a lost connection. */
void encode_sse_retry(struct buf *out, uint32_t wait_ms);
