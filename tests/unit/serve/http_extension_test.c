/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_extension.h"

#include "serve/http_parse.h"
#include "unit.h"

#define E "Sec-WebSocket-Extensions: "
#define PMD "permessage-deflate"
#define TAKEN E PMD "; server_no_context_takeover; client_no_context_takeover\r\n"
#define TAKEN_12                                                                                   \
    E PMD "; server_no_context_takeover; client_no_context_takeover; "                             \
          "server_max_window_bits=12\r\n"

/* The answer's header line; "" when nothing was taken, "400" when the header was refused. */
static void answer(const char *fields, struct buf *out)
{
    CLEANUP(buf_release) struct buf bytes = BUF_INIT;
    struct http_request request;
    struct http_refusal refusal = {0};
    struct http_extension extension;
    size_t size;

    buf_printf(&bytes, "GET /ws HTTP/1.1\r\nHost: h\r\n%s\r\n", fields);
    assert_int_equal(http_parse(buf_slice(&bytes), &request, &size, &refusal), OK);
    if (http_extension_choose(&request, &extension, &refusal) == OK)
        http_extension_answer(&extension, out);
    else
        buf_printf(out, "%d", refusal.code);
}

struct offer_case {
    const char *fields, *want;
};

static void check_all(const struct offer_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_release) struct buf got = BUF_INIT;

        answer(cases[i].fields, &got);
        if (!slice_is(buf_slice(&got), cases[i].want))
            fail_msg("%s: got \"%s\", want \"%s\"", cases[i].fields, buf_text(&got), cases[i].want);
    }
}

static void good_offers_are_taken(void **state)
{
    static const struct offer_case cases[] = {
        {E PMD "\r\n", TAKEN},
        {E PMD "; client_max_window_bits\r\n", TAKEN}, /* as browsers do */
        {E PMD ";client_max_window_bits=8\r\n", TAKEN},
        {E PMD "; client_max_window_bits=\"15\"\r\n", TAKEN},
        {E PMD "; server_no_context_takeover\r\n", TAKEN},
        {E PMD "; client_no_context_takeover; server_no_context_takeover\r\n", TAKEN},
        {E PMD "; server_max_window_bits=12; client_max_window_bits=12\r\n", TAKEN_12},
        {E PMD "; server_max_window_bits=15\r\n", TAKEN_12},
        {E PMD "; server_max_window_bits=\"1\\4\"\r\n", TAKEN_12},
        {E " \t" PMD "\t;\tserver_max_window_bits\t=\t13\r\n", TAKEN_12},
        {E "x-webkit-deflate-frame, " PMD "\r\n", TAKEN},
        {E "x-a; b=\"c\"; d, , " PMD ",\r\n", TAKEN},
        {E ",, " PMD "\r\n", TAKEN},
        {"sec-websocket-extensions: x-a\r\n" E PMD "\r\n", TAKEN},
        /* of several offers the first that can be kept */
        {E PMD "; server_max_window_bits=10, " PMD "\r\n", TAKEN},
        {E PMD "; server_max_window_bits=15, " PMD "\r\n", TAKEN_12},
        {E PMD "; what, " PMD "; server_max_window_bits=12\r\n", TAKEN_12},
        {E PMD "; what\r\n" E PMD "\r\n", TAKEN},
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

static void other_offers_are_declined(void **state)
{
    static const struct offer_case cases[] = {
        {"", ""},
        {E "\r\n", ""},
        {E ",\r\n", ""},
        {E "permessage-bzip2\r\n", ""},
        {E "permessage-deflate2\r\n", ""},
        {E PMD "; what\r\n", ""},
        {E PMD "; what=1\r\n", ""},
        {E PMD "; server_no_context_takeover=1\r\n", ""},
        {E PMD "; client_no_context_takeover=\"\\x\"\r\n", ""},
        {E PMD "; server_no_context_takeover; server_no_context_takeover\r\n", ""},
        {E PMD "; client_no_context_takeover; client_no_context_takeover\r\n", ""},
        {E PMD "; client_max_window_bits; client_max_window_bits=10\r\n", ""},
        {E PMD "; server_max_window_bits=12; server_max_window_bits=12\r\n", ""},
        {E PMD "; server_max_window_bits\r\n", ""},
        {E PMD "; server_max_window_bits=7\r\n", ""},
        {E PMD "; server_max_window_bits=8\r\n", ""}, /* a window that we do not have */
        {E PMD "; server_max_window_bits=11\r\n", ""},
        {E PMD "; server_max_window_bits=16\r\n", ""},
        {E PMD "; server_max_window_bits=012\r\n", ""},
        {E PMD "; server_max_window_bits=+12\r\n", ""},
        {E PMD "; server_max_window_bits=12a\r\n", ""},
        {E PMD "; server_max_window_bits=123456789012345678901234567890\r\n", ""},
        {E PMD "; client_max_window_bits=7\r\n", ""},
        {E PMD "; client_max_window_bits=16\r\n", ""},
        {E PMD "; client_max_window_bits=08\r\n", ""},
        {E PMD "; client_max_window_bits=0\r\n", ""},
        {E PMD "; Server_No_Context_Takeover\r\n", ""},
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

static void broken_headers_are_refused(void **state)
{
    static const struct offer_case cases[] = {
        {E ";\r\n", "400"},
        {E PMD ";\r\n", "400"},
        {E PMD " server_no_context_takeover\r\n", "400"},
        {E PMD "; ; server_no_context_takeover\r\n", "400"},
        {E PMD "; a=\r\n", "400"},
        {E PMD "; =12\r\n", "400"},
        {E PMD "; a=\"\"\r\n", "400"},
        {E PMD "; a=\"12\r\n", "400"},
        {E PMD "; a=\"1 2\"\r\n", "400"},
        {E PMD "; a=\"1\\\r\n", "400"},
        {E PMD "; a=\"1\"2\r\n", "400"},
        {E PMD "; a=1=2\r\n", "400"},
        {E "\"" PMD "\"\r\n", "400"},
        {E PMD "/1\r\n", "400"},
        {E PMD "\r\n" E "x y\r\n", "400"}, /* also behind an offer that was taken */
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_offers_are_taken),
        cmocka_unit_test(other_offers_are_declined),
        cmocka_unit_test(broken_headers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
