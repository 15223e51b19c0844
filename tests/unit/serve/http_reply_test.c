/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_reply.h"

#include "unit.h"

static void an_answer_has_its_length(void **state)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    http_reply(&out, 400, HTTP_TEXT, SLICE("missing the query params"), "", false);
    assert_slice_is(buf_slice(&out), "HTTP/1.1 400 Bad Request\r\n"
                                     "Content-Type: text/plain; charset=utf-8\r\n"
                                     "Content-Length: 24\r\n"
                                     "X-Content-Type-Options: nosniff\r\n"
                                     "Connection: close\r\n"
                                     "\r\n"
                                     "missing the query params");
}

static void head_leaves_out_the_body_only(void **state)
{
    CLEANUP(buf_release) struct buf get = BUF_INIT;
    CLEANUP(buf_release) struct buf head = BUF_INIT;

    (void)state;
    http_reply(&get, 503, HTTP_JSON, SLICE("{}"), "Retry-After: 2\r\n", true);
    http_reply_head(&head, 503, HTTP_JSON, SLICE("{}"), "Retry-After: 2\r\n", true);
    buf_add_text(&head, "{}");
    assert_true(slice_equal(buf_slice(&get), buf_slice(&head)));
    assert_non_null(strstr(buf_text(&get), "\r\nRetry-After: 2\r\n\r\n{}"));
    assert_non_null(strstr(buf_text(&get), "\r\nConnection: keep-alive\r\n"));
}

static void a_204_has_neither_type_nor_length(void **state)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    http_reply(&out, 204, HTTP_TEXT, SLICE("lost"), NULL, true);
    assert_slice_is(buf_slice(&out), "HTTP/1.1 204 No Content\r\n"
                                     "X-Content-Type-Options: nosniff\r\n"
                                     "Connection: keep-alive\r\n\r\n");
}

static void an_upgrade_says_accept(void **state)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    http_reply_upgrade(&out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", NULL);
    assert_slice_is(buf_slice(&out), "HTTP/1.1 101 Switching Protocols\r\n"
                                     "Upgrade: websocket\r\n"
                                     "Connection: Upgrade\r\n"
                                     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                     "\r\n");
}

static void every_code_in_use_has_a_reason(void **state)
{
    static const int codes[] = {101, 200, 204, 400, 401, 403, 404, 405, 408,
                                414, 417, 426, 429, 431, 500, 501, 503, 505};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_string_not_equal(http_reason(codes[i]), "Unknown");
    assert_string_equal(http_reason(299), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_its_length),
        cmocka_unit_test(head_leaves_out_the_body_only),
        cmocka_unit_test(a_204_has_neither_type_nor_length),
        cmocka_unit_test(an_upgrade_says_accept),
        cmocka_unit_test(every_code_in_use_has_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
