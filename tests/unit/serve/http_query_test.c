/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_query.h"

#include "serve/http_parse.h"
#include "unit.h"

static void parameters_come_decoded_and_in_order(void **state)
{
    static const struct {
        const char *query, *want;
    } cases[] = {
        {NULL, ""},
        {"", ""},
        {"&&&", ""},
        {"a", "a=;"},
        {"a=", "a=;"},
        {"=b", "=b;"},
        {"a=b=c", "a=b=c;"},
        {"query=*:t:a.eq.b:c", "query=*:t:a.eq.b:c;"},
        {"a=1&a=2&&b=3&", "a=1;a=2;b=3;"},
        {"a=b+c%2B%20d", "a=b c+ d;"},
        {"%61%3D=%26%3d%25", "a==&=%;"},
        {"a=%C3%a4", "a=\xC3\xA4;"},
    };
    CLEANUP(buf_release) struct buf name = BUF_INIT, value = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        struct http_query query = http_query_of(slice_text(cases[i].query));

        while (http_query_next(&query, &name, &value)) {
            buf_add(&got, buf_slice(&name));
            buf_add_char(&got, '=');
            buf_add(&got, buf_slice(&value));
            buf_add_char(&got, ';');
        }
        assert_slice_is(buf_slice(&got), cases[i].want);
    }
}

static void escapes_are_checked(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {
        {"", true},     {"%41", true},  {"%C3%A4", true}, {"\xC3%A4", true}, {"%", false},
        {"%4", false},  {"%4g", false}, {"%g4", false},   {"%00", false},    {"%FF", false},
        {"%C3", false}, {"a%", false},  {"%%20", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_refusal refusal;
        const enum status status = http_escapes_check(slice_text(cases[i].text), &refusal);

        assert_int_equal(status, cases[i].is_good ? OK : ERR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_come_decoded_and_in_order),
        cmocka_unit_test(escapes_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
