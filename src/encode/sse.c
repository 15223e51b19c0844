/* SPDX-License-Identifier: Apache-2.0 */
#include "encode/sse.h"

#include <inttypes.h>

#include "base/json_writer.h"

static void add_id(struct buf *out, struct token position)
{
    buf_add(out, SLICE("id: "));
    token_print(out, position);
    buf_add_char(out, '\n');
}

void encode_sse_begin(struct buf *out, struct token position)
{
    add_id(out, position);
    buf_add(out, SLICE("data: "));
}

void encode_sse_end(struct buf *out)
{
    buf_add(out, SLICE("\n\n"));
}

void encode_sse_ready(struct buf *out, struct token position)
{
    add_id(out, position);
    buf_add(out, SLICE("event: ready\ndata: {\"pos\":\""));
    token_print(out, position);
    buf_add(out, SLICE("\"}\n\n"));
}

void encode_sse_gap(struct buf *out, struct token position, struct slice reason)
{
    add_id(out, position);
    buf_add(out, SLICE("event: gap\ndata: {\"reason\":"));
    json_add_string(out, reason);
    buf_add(out, SLICE(",\"pos\":\""));
    token_print(out, position);
    buf_add(out, SLICE("\"}\n\n"));
}

void encode_sse_alive(struct buf *out)
{
    buf_add(out, SLICE(": \n\n"));
}

void encode_sse_progress(struct buf *out, struct token position)
{
    buf_add(out, SLICE(": \n"));
    add_id(out, position);
    buf_add_char(out, '\n');
}

void encode_sse_retry(struct buf *out, uint32_t wait_ms)
{
    buf_printf(out, "retry: %" PRIu32 "\n\n", wait_ms);
}
