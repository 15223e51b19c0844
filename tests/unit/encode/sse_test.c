/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "encode/sse.h"

static const struct token here = {0x9f3c21d07a44be15, {0x16b3748, 2}};
#define TOKEN "9f3c21d07a44be15-00000000016b3748-00000002"

static void assert_event(struct buf *out, const char *want)
{
    assert_slice_is(buf_slice(out), want);
    buf_reset(out);
}

static void events(void **state)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    encode_sse_begin(&out, here);
    buf_add_text(&out, "{\"kind\":\"insert\"}");
    encode_sse_end(&out);
    assert_event(&out, "id: " TOKEN "\ndata: {\"kind\":\"insert\"}\n\n");
    encode_sse_ready(&out, here);
    assert_event(&out, "id: " TOKEN "\nevent: ready\ndata: {\"pos\":\"" TOKEN "\"}\n\n");
    /* a reason cannot end the line and begin an event of its own */
    encode_sse_gap(&out, here, SLICE("too \"old\"\n\nevent: ready\r"));
    assert_event(&out, "id: " TOKEN "\nevent: gap\ndata: {\"reason\":\"too \\\"old\\\"\\n\\n"
                       "event: ready\\r\",\"pos\":\"" TOKEN "\"}\n\n");
    encode_sse_alive(&out);
    assert_event(&out, ": \n\n");
    encode_sse_progress(&out, here);
    assert_event(&out, ": \nid: " TOKEN "\n\n");
    encode_sse_retry(&out, UINT32_MAX);
    assert_event(&out, "retry: 4294967295\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(events)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
