/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_parse.h"

#include "unit.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"

static int code_of(const char *line, const char *fields, struct http_refusal *refusal)
{
    CLEANUP(buf_release) struct buf bytes = BUF_INIT;
    struct http_request request;
    size_t size;

    buf_printf(&bytes, "%s\r\nHost: h\r\n%s\r\n", line, fields);
    assert_int_equal(http_parse(buf_slice(&bytes), &request, &size, refusal), OK);
    const enum status status = http_upgrade_check(&request, refusal);
    return status == OK ? 0 : refusal->code;
}

static void an_upgrade_is_checked(void **state)
{
    static const struct {
        const char *fields;
        int code;
    } cases[] = {
        {UPGRADE VERSION KEY, 0},
        {"connection: keep-alive, UPGRADE\r\nupgrade: WebSocket\r\n" VERSION KEY, 0},
        {"Connection: keep-alive\r\nConnection: upgrade\r\nUpgrade: h2c, websocket\r\n" VERSION KEY,
         0},
        {"", 426},
        {VERSION KEY, 426},
        {"Connection: Upgrade\r\n" VERSION KEY, 426},
        {"Upgrade: websocket\r\n" VERSION KEY, 426},
        {"Connection: keep-alive\r\nUpgrade: websocket\r\n" VERSION KEY, 426},
        {"Connection: Upgrade\r\nUpgrade: h2c\r\n" VERSION KEY, 426},
        {UPGRADE KEY, 426},
        {UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY, 426},
        {UPGRADE "Sec-WebSocket-Version: 12\r\n" KEY, 426},
        {UPGRADE "Sec-WebSocket-Version: 99\r\n" KEY, 426},
        {UPGRADE "Sec-WebSocket-Version: 8, 13\r\n" KEY, 426},
        {UPGRADE VERSION VERSION KEY, 426},
        {UPGRADE VERSION, 400},
        {UPGRADE VERSION KEY KEY, 400},
        {UPGRADE VERSION "Sec-WebSocket-Key:\r\n", 400},
        {UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==A\r\n", 400},
        {UPGRADE VERSION "Sec-WebSocket-Key: c2hvcnQ=\r\n", 400},
        {UPGRADE VERSION "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n", 400},
        {UPGRADE VERSION "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n", 400},
        {UPGRADE VERSION "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAAAA==\r\n", 400},
        {UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhb-BsZSBub25jZQ==\r\n", 400},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_refusal refusal = {0};
        const int code = code_of("GET /ws HTTP/1.1", cases[i].fields, &refusal);

        if (code != cases[i].code)
            fail_msg("case %zu: got %d, want %d", i, code, cases[i].code);
        if (code == 426)
            assert_non_null(strstr(refusal.headers, "Sec-WebSocket-Version: 13\r\n"));
    }
}

static void only_get_of_1_1_upgrades(void **state)
{
    struct http_refusal refusal;

    (void)state;
    assert_int_equal(code_of("POST /ws HTTP/1.1", UPGRADE VERSION KEY, &refusal), 405);
    assert_string_equal(refusal.headers, "Allow: GET\r\n");
    assert_int_equal(code_of("HEAD /ws HTTP/1.1", UPGRADE VERSION KEY, &refusal), 405);
    assert_int_equal(code_of("GET /ws HTTP/1.0", UPGRADE VERSION KEY, &refusal), 426);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upgrade_is_checked),
        cmocka_unit_test(only_get_of_1_1_upgrades),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
