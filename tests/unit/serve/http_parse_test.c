/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_parse.h"

#include <stdlib.h>

#include "unit.h"

#define HOST "Host: h\r\n"

/* Parsed from a block of just its size, so that ASan sees a step beyond it. */
static enum status parse(struct slice bytes, struct http_request *request, size_t *size,
                         struct http_refusal *refusal, char **block)
{
    *block = malloc(bytes.size > 0 ? bytes.size : 1);
    assert_non_null(*block);
    if (bytes.size > 0)
        memcpy(*block, bytes.at, bytes.size);
    return http_parse(slice_of(*block, bytes.size), request, size, refusal);
}

/* The code it is refused with; 0: taken, -1: more bytes are wanted. */
static int code_of(struct slice bytes)
{
    struct http_request request;
    struct http_refusal refusal = {0};
    size_t size = 0;
    char *block;
    const enum status status = parse(bytes, &request, &size, &refusal, &block);

    free(block);
    if (status == ERR_AGAIN)
        return -1;
    if (status == OK)
        return 0;
    assert_true(refusal.text && refusal.text[0] && refusal.headers);
    assert_int_equal(status == ERR_LIMIT, refusal.code == 414 || refusal.code == 431);
    return refusal.code;
}

struct head_case {
    struct slice bytes;
    int code;
};

/* However much of a good head is here, the rest is waited for; a bad one is never taken. */
static void check(const struct head_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int code = code_of(cases[i].bytes);

        if (code != cases[i].code)
            fail_msg("case %zu: got %d, want %d: %.*s", i, code, cases[i].code,
                     SLICE_ARG(cases[i].bytes));
        for (size_t size = 0; size < cases[i].bytes.size; size++) {
            const int early = code_of(slice_of(cases[i].bytes.at, size));
            if (early != -1 && early != cases[i].code)
                fail_msg("case %zu: got %d after %zu bytes", i, early, size);
        }
    }
}

static void good_heads_are_taken(void **state)
{
    const struct head_case cases[] = {
        {SLICE("GET / HTTP/1.1\r\n" HOST "\r\n"), 0},
        {SLICE("GET / HTTP/1.0\r\n\r\n"), 0}, /* health checkers send no Host */
        {SLICE("GET / HTTP/1.1\r\nhOsT:h\r\n\r\n"), 0},
        {SLICE("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0},
        {SLICE("GET / HTTP/1.1\r\nHost: [::1]:8080\r\nEmpty:\r\nTab:\t x \t\r\n\r\n"), 0},
        {SLICE("POST /ping HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), 0},
        {SLICE("HEAD /ping HTTP/1.1\r\n" HOST "X: \xe4\xff\r\n\r\n"), 0},
        {SLICE("GET /ws?query=*:t%C3%A4:a.eq.%25 HTTP/1.1\r\n" HOST "\r\n"), 0},
        {SLICE("GET /ws?query=*:t\xC3\xA4:a.eq.{\"b|c\"} HTTP/1.1\r\n" HOST "\r\n"), 0},
        {SLICE("GET http://h/ws HTTP/1.1\r\n" HOST "\r\n"), 0},
        {SLICE("GET HTTPS://H?a HTTP/1.1\r\n" HOST "\r\n"), 0},
        {SLICE("DELETE /a/../b//c HTTP/1.1\r\n" HOST "\r\n"), 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(code_of(cases[i].bytes), 0);
        for (size_t size = 0; size < cases[i].bytes.size; size++)
            assert_int_equal(code_of(slice_of(cases[i].bytes.at, size)), -1);
    }
}

static void doubtful_lines_are_refused(void **state)
{
    const struct head_case cases[] = {
        {SLICE("GET / HTTP/1.1\nHost: h\n\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nHost: h\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "\n"), 400},
        {SLICE("GET / HTTP/1.1\rHost: h\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nA: b\rHost: h\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "A: b\r\rx: y\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "A: \0\r\n\r\n"), 400},
        {SLICE("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "A: \x7f\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nHost\t: h\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "a\"b: c\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "\xc3\xa4: c\r\n\r\n"), 400},
        {SLICE("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400},
    };

    (void)state;
    check(cases, sizeof cases / sizeof cases[0]);
}

static void wrong_request_lines_are_refused(void **state)
{
    const struct head_case cases[] = {
        {SLICE("GET /\r\n"), 400}, /* HTTP/0.9 */
        {SLICE("GET\r\n"), 400},
        {SLICE("GET  / HTTP/1.1\r\n"), 400},
        {SLICE("GET /  HTTP/1.1\r\n"), 400},
        {SLICE("GET / HTTP/1.1 \r\n"), 400},
        {SLICE("GET / a HTTP/1.1\r\n"), 400},
        {SLICE("GET\t/ HTTP/1.1\r\n"), 400},
        {SLICE("GET /\ta HTTP/1.1\r\n"), 400},
        {SLICE("GET / http/1.1\r\n"), 400},
        {SLICE("GET / HTTP/1.10\r\n"), 400},
        {SLICE("GET / HTTP/1\r\n"), 400},
        {SLICE("GET / ICY/1.1\r\n"), 400},
        {SLICE("GET / HTTP/1.2\r\n"), 505},
        {SLICE("GET / HTTP/2.0\r\n"), 505},
        {SLICE("GET / HTTP/0.9\r\n"), 505},
        {SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400},
        {SLICE("\x16\x03\x01\x02\x00\x01\x00"), 400},
        {SLICE("TRACE / HTTP/1.1\r\n"), 405},
        {SLICE("CONNECT h:80 HTTP/1.1\r\n"), 405},
        {SLICE("BREW /pot HTTP/1.1\r\n"), 501},
        {SLICE("get / HTTP/1.1\r\n"), 501},
        {SLICE("G\"T / HTTP/1.1\r\n"), 400},
    };

    (void)state;
    check(cases, sizeof cases / sizeof cases[0]);
}

static void hosts_bodies_and_targets_are_checked(void **state)
{
    const struct head_case cases[] = {
        {SLICE("GET / HTTP/1.1\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length: 0, 0\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length: +0\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length: 00000000000000000000\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"), 400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"),
         400},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n"), 417},
        {SLICE("GET ws HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET h:80 HTTP/1.1\r\n" HOST "\r\n"), 400}, /* authority form */
        {SLICE("GET http://other/ HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET http:///ws HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET ftp://h/ HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /#a HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /%00 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /?a=%00 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /?a=% HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /?a=%4 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /?a=%zz HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /?a=%+1 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /?a=%C0%80 HTTP/1.1\r\n" HOST "\r\n"), 400}, /* overlong */
        {SLICE("GET /?a=%ED%A0%80 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /?a=%C3&b=%A4 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {SLICE("GET /?a=\xff HTTP/1.1\r\n" HOST "\r\n"), 400},
    };

    (void)state;
    check(cases, sizeof cases / sizeof cases[0]);
}

static int code_of_large(const char *start, size_t count, const char *part, const char *end)
{
    CLEANUP(buf_release) struct buf bytes = BUF_INIT;

    buf_add_text(&bytes, start);
    for (size_t i = 0; i < count; i++)
        buf_add_text(&bytes, part);
    buf_add_text(&bytes, end);
    return code_of(buf_slice(&bytes));
}

static void sizes_are_limited(void **state)
{
    const char *line = "GET / HTTP/1.1\r\n", *end = " HTTP/1.1\r\n" HOST "\r\n";

    (void)state;
    assert_int_equal(code_of_large("GET /", HTTP_TARGET_MAX - 1, "a", end), 0);
    assert_int_equal(code_of_large("GET /", HTTP_TARGET_MAX, "a", end), 414);
    assert_int_equal(code_of_large("GET /", 65536, "a", ""), 414); /* without waiting for its end */
    assert_int_equal(code_of_large("GET / HTTP/1.1\r\n" HOST, 99, "a: b\r\n", "\r\n"), 0);
    assert_int_equal(code_of_large("GET / HTTP/1.1\r\n" HOST, 100, "a: b\r\n", "\r\n"), 431);
    assert_int_equal(code_of_large("GET / HTTP/1.1\r\n" HOST, 1000, "a: b\r\n", ""), 431);
    assert_int_equal(code_of_large("GET / HTTP/1.1\r\n" HOST "A: ", 8192, "a", ""), 431);
    assert_int_equal(code_of_large("GET / HTTP/1.1\r\n" HOST "A: ", 8192 - 12 - 4, "a", "\r\n\r\n"),
                     0);
    assert_int_equal(code_of_large("GET / HTTP/1.1\r\n" HOST "A: ", 8192 - 12 - 3, "a", "\r\n\r\n"),
                     431);
    assert_int_equal(code_of_large(line, 1000000, "A", ""), 431);
    assert_int_equal(code_of_large("", 1000000, "A", ""), 414);
    assert_int_equal(code_of_large("GET /?", 64, "a&", end), 0);
    assert_int_equal(code_of_large("GET /?", 65, "a&", end), 400);
    assert_int_equal(code_of_large("GET /?", 4000, "&", end), 0); /* empty ones do not count */
}

static void a_full_buffer_is_never_asked_for_more(void **state)
{
    (void)state;
    assert_int_not_equal(code_of_large("GET /", HTTP_HEAD_MAX - 5, "a", ""), -1);
    CLEANUP(buf_release) struct buf bytes = BUF_INIT;
    buf_add_text(&bytes, "OPTIONS /");
    for (size_t i = 0; i < HTTP_TARGET_MAX - 1; i++)
        buf_add_char(&bytes, 'a');
    buf_add_text(&bytes, " HTTP/1.1\r\nHost: ");
    while (bytes.size < HTTP_HEAD_MAX)
        buf_add_char(&bytes, 'h');
    assert_int_equal(code_of(buf_slice(&bytes)), 431);
}

static void a_request_is_taken_apart(void **state)
{
    const struct slice bytes = SLICE("GET /ws?query=*:t&x HTTP/1.1\r\n"
                                     "Host: example.org:80\r\n"
                                     "Cookie: a=1\r\n"
                                     "COOKIE:  b=2 \r\n"
                                     "Empty:\r\n"
                                     "Connection: keep-alive ,  Upgrade\r\n"
                                     "\r\nnext");
    struct http_request request;
    struct http_refusal refusal;
    struct slice value;
    size_t size, cursor = 0;
    char *block;

    (void)state;
    assert_int_equal(parse(bytes, &request, &size, &refusal, &block), OK);
    assert_int_equal(size, bytes.size - 4);
    assert_slice_is(request.method, "GET");
    assert_slice_is(request.path, "/ws");
    assert_slice_is(request.query, "query=*:t&x");
    assert_slice_is(request.host, "example.org:80");
    assert_false(request.is_head || request.is_http_1_0);
    assert_true(request.is_keep_alive);
    assert_int_equal(request.field_count, 5);
    assert_slice_is(http_header(&request, "cookie"), "a=1");
    assert_true(http_header_next(&request, "cookie", &cursor, &value));
    assert_true(http_header_next(&request, "cookie", &cursor, &value));
    assert_slice_is(value, "b=2");
    assert_false(http_header_next(&request, "cookie", &cursor, &value));
    assert_slice_is(http_header(&request, "empty"), "");
    assert_non_null(http_header(&request, "empty").at);
    assert_null(http_header(&request, "absent").at);
    assert_true(http_header_lists(&request, "connection", "upgrade"));
    assert_true(http_header_lists(&request, "connection", "keep-alive"));
    assert_false(http_header_lists(&request, "connection", "close"));
    assert_false(http_header_lists(&request, "connection", "keep"));
    free(block);
}

static void keep_alive_follows_version_and_connection(void **state)
{
    const struct {
        struct slice bytes;
        bool is_keep_alive;
    } cases[] = {
        {SLICE("GET / HTTP/1.1\r\n" HOST "\r\n"), true},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n"), false},
        {SLICE("GET / HTTP/1.1\r\n" HOST "Connection: a\r\nConnection: b,close\r\n\r\n"), false},
        {SLICE("GET / HTTP/1.0\r\n\r\n"), false},
        {SLICE("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request;
        struct http_refusal refusal;
        size_t size;

        assert_int_equal(http_parse(cases[i].bytes, &request, &size, &refusal), OK);
        assert_int_equal(request.is_keep_alive, cases[i].is_keep_alive);
    }
}

static void an_absolute_target_gives_its_path(void **state)
{
    const struct {
        struct slice bytes;
        const char *path, *query;
    } cases[] = {
        {SLICE("GET http://h/ws?a=http://x/ HTTP/1.1\r\n" HOST "\r\n"), "/ws", "a=http://x/"},
        {SLICE("GET http://h?a HTTP/1.1\r\n" HOST "\r\n"), "/", "a"},
        {SLICE("GET http://h HTTP/1.1\r\n" HOST "\r\n"), "/", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request;
        struct http_refusal refusal;
        size_t size;

        assert_int_equal(http_parse(cases[i].bytes, &request, &size, &refusal), OK);
        assert_slice_is(request.path, cases[i].path);
        assert_slice_is(request.query, cases[i].query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_heads_are_taken),
        cmocka_unit_test(doubtful_lines_are_refused),
        cmocka_unit_test(wrong_request_lines_are_refused),
        cmocka_unit_test(hosts_bodies_and_targets_are_checked),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(a_full_buffer_is_never_asked_for_more),
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(an_absolute_target_gives_its_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
