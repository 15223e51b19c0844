/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "auth/cookie.h"

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdeX0123456789abcdef0123456789abcdef"
#define USER "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
#define VALUE "{\"user_id\":\"" USER "\"}"
#define SIGNATURE "fwgDUpnOKxojztP+WeiTdmUm/MsuDCWi+SVno5qrcZg="
#define GOOD "SP-CKS=" SIGNATURE VALUE

static enum status verify(const char *secret, const char *const *fields, size_t count,
                          struct buf *out)
{
    struct slice slices[128];

    assert_true(count <= 128);
    for (size_t i = 0; i < count; i++)
        slices[i] = slice_text(fields[i]);
    return cookie_verify(slice_text(secret), SLICE(COOKIE_NAME), slices, count, out);
}

static void the_known_answers_verify(void **state)
{
    /* The key of the round trip test of the library that the original used (cookie 0.18). */
    static const unsigned char key[] = {
        89,  202, 200, 125, 230, 90,  197, 245, 166, 249, 34,  169, 135, 31,  20,  197,
        94,  154, 254, 79,  60,  26,  8,   143, 254, 24,  116, 138, 92,  225, 159, 60,
        157, 41,  135, 129, 31,  226, 196, 16,  198, 168, 134, 4,   42,  1,   196, 24,
        57,  103, 241, 147, 201, 185, 233, 10,  180, 170, 187, 89,  252, 137, 110, 107,
    };
    const struct slice field =
        SLICE("signed_with_ring014=3tdHXEQ2kf6fxC7dWzBGmpSLMtJenXLKrZ9cHkSsl1w=Tamper-proof");
    CLEANUP(buf_release) struct buf value = BUF_INIT;

    (void)state;
    assert_int_equal(
        cookie_verify(slice_of(key, sizeof key), SLICE("signed_with_ring014"), &field, 1, &value),
        OK);
    assert_slice_is(buf_slice(&value), "Tamper-proof");
    buf_reset(&value);
    assert_int_equal(verify(SECRET, (const char *[]){GOOD}, 1, &value), OK);
    assert_slice_is(buf_slice(&value), VALUE);
    buf_reset(&value);
    cookie_sign(SLICE(SECRET), SLICE(VALUE), &value);
    assert_slice_is(buf_slice(&value), SIGNATURE VALUE);
}

static void cookies_are_found_where_browsers_put_them(void **state)
{
    static const char *const cases[] = {
        GOOD,
        "a=b; " GOOD,
        GOOD "; a=b",
        ";; ;" GOOD ";;",
        "  SP-CKS \t=  " SIGNATURE VALUE "  ",
        "SP%2DCKS=" SIGNATURE VALUE,
        "SP-CKS=fwgDUpnOKxojztP+WeiTdmUm%2fMsuDCWi+SVno5qrcZg%3D%7B%22user_id%22:%22" USER "%22%7D",
        "SP-CKS=" SIGNATURE "%7b%22user_id%22%3a%22" USER "%22%7d",
        "SP-CKS=forged; " GOOD,
        GOOD "; SP-CKS=" SIGNATURE "{}", /* the later one does not verify */
        "noequals; " GOOD,
        "=x; " GOOD,
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf value = BUF_INIT;
        if (verify(SECRET, &cases[i], 1, &value) != OK)
            fail_msg("not verified: %s", cases[i]);
        assert_slice_is(buf_slice(&value), VALUE);
    }
}

static void anything_else_is_no_cookie(void **state)
{
    static const char *const cases[] = {
        "",
        ";",
        "=",
        "SP-CKS",
        "SP-CKS=",
        "SP-CKS=" VALUE,
        "sp-cks=" SIGNATURE VALUE, /* names keep their case */
        "SP-CKS2=" SIGNATURE VALUE,
        "XSP-CKS=" SIGNATURE VALUE,
        "SP-CKS=" SIGNATURE,                                         /* signs another value */
        "SP-CKS=fwgDUpnOKxojztP+WeiTdmUm/MsuDCWi+SVno5qrcZg",        /* 43 characters */
        "SP-CKS=fwgDUpnOKxojztP+WeiTdmUm/MsuDCWi+SVno5qrcZg" VALUE,  /* no padding */
        "SP-CKS=fwgDUpnOKxojztP-WeiTdmUm_MsuDCWi-SVno5qrcZg=" VALUE, /* URL-safe digits */
        "SP-CKS=fwgDUpnOKxojztP+WeiTdmUm/MsuDCWi+SVno5qrcZh=" VALUE, /* unused bits not zero */
        "SP-CKS=fwgDUpnOKxojztP+WeiTdmUm/MsuDCWi+SVno5qrcZ==" VALUE,
        "SP-CKS=fwgDUpnOKxojztP WeiTdmUm/MsuDCWi SVno5qrcZg=" VALUE, /* + read as a space */
        "SP-CKS=FwgDUpnOKxojztP+WeiTdmUm/MsuDCWi+SVno5qrcZg=" VALUE,
        "SP-CKS=" SIGNATURE "{\"user_id\":\"b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"}",
        "SP-CKS=" SIGNATURE VALUE "x",
        "SP-CKS=" SIGNATURE VALUE "%00",
        "SP-CKS=" SIGNATURE VALUE "%ff", /* not UTF-8 */
        "SP-CKS%ff=" SIGNATURE VALUE,
        "SP-CKS=fwgDUpnOKxojztP+WeiTdmUm/MsuDCWi+SVno5qrcZ%c3%a4" VALUE, /* across byte 44 */
        "SP-CKS=\"" SIGNATURE VALUE "\"", /* quotes are not taken off */
        "SP-CKS==" SIGNATURE VALUE,
        "SP-CKS=%" SIGNATURE VALUE,
        "SP-CKS=%4" SIGNATURE VALUE,
        GOOD "\x7F", /* the whole field is skipped */
        "caf\xC3\xA9=1; " GOOD,
        "a=\x01; " GOOD,
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf value = BUF_INIT;
        if (verify(SECRET, &cases[i], 1, &value) != ERR_NOT_FOUND)
            fail_msg("verified: %s", cases[i]);
        assert_int_equal(value.size, 0);
    }
    CLEANUP(buf_release) struct buf value = BUF_INIT;
    assert_int_equal(verify(OTHER, (const char *[]){GOOD}, 1, &value), ERR_NOT_FOUND);
    assert_int_equal(verify("0123456789abcdef0123456789abcdef", (const char *[]){GOOD}, 1, &value),
                     ERR_NOT_FOUND);
    assert_int_equal(verify("", (const char *[]){GOOD}, 1, &value), ERR_NOT_FOUND);
    assert_int_equal(verify(SECRET, NULL, 0, &value), ERR_NOT_FOUND);
}

static void an_empty_value_can_be_signed(void **state)
{
    CLEANUP(buf_release) struct buf field = BUF_INIT;
    CLEANUP(buf_release) struct buf value = BUF_INIT;

    (void)state;
    buf_add_text(&field, "SP-CKS=");
    cookie_sign(SLICE(SECRET), SLICE(""), &field);
    const char *const text = buf_text(&field);
    assert_int_equal(verify(SECRET, &text, 1, &value), OK);
    assert_int_equal(value.size, 0);
    assert_int_equal(cookie_user(buf_slice(&value), &value), ERR_INPUT);
}

static void the_last_verified_one_wins(void **state)
{
    CLEANUP(buf_release) struct buf second = BUF_INIT;
    CLEANUP(buf_release) struct buf value = BUF_INIT;
    const char *fields[102];

    (void)state;
    buf_add_text(&second, "x=y; SP-CKS=");
    cookie_sign(SLICE(SECRET), SLICE("second"), &second);
    for (size_t i = 0; i < 100; i++)
        fields[i] = GOOD;
    fields[100] = buf_text(&second);
    fields[101] = "SP-CKS=" SIGNATURE "forged";
    buf_add_text(&value, "kept ");
    assert_int_equal(verify(SECRET, fields, 102, &value), OK);
    assert_slice_is(buf_slice(&value), "kept second");
}

static void users_are_read_from_json(void **state)
{
    static const char *const cases[] = {
        VALUE,
        "{\\\"user_id\\\":\\\"" USER "\\\"}",
        "\"{\\\"user_id\\\":\\\"" USER "\\\"}\"",
        " { \"a\" : [1], \"user_id\" : \"" USER "\" } ",
        "{\"user_id\":\"\\u0061"
        "0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf user = BUF_INIT;
        if (cookie_user(slice_text(cases[i]), &user) != OK)
            fail_msg("no user in %s", cases[i]);
        assert_slice_is(buf_slice(&user), USER);
    }
}

static void other_content_names_no_user(void **state)
{
    static const char *const cases[] = {
        "",
        "\"",
        "\"\"",
        "\\\"",
        "{",
        "{}",
        "[]",
        "null",
        "42",
        "Tamper-proof",
        USER,
        "\"" USER "\"",
        "{\"user_id\":null}",
        "{\"user_id\":7}",
        "{\"user_id\":\"\"}",
        "{\"user_id\":[\"" USER "\"]}",
        "{\"user_id\":\"a b\"}",
        "{\"user_id\":\"a\\u0000b\"}",
        "{\"user_id\":\"a\\nb\"}",
        "{\"user_id\":\"\\u00e4\"}",
        "{\"USER_ID\":\"a\"}",
        "{\"x\":{\"user_id\":\"a\"}}",
        "{\"user_id\":\"a\",\"user_id\":\"b\"}",
        VALUE VALUE,
        VALUE "x",
        "{\"user_id\":\"a\"",
        "{'user_id':'a'}",
        "\xFF",
    };
    char large[5000], nested[4000];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf user = BUF_INIT;
        if (cookie_user(slice_text(cases[i]), &user) != ERR_INPUT)
            fail_msg("a user in %s", cases[i]);
        assert_int_equal(user.size, 0);
    }
    CLEANUP(buf_release) struct buf user = BUF_INIT;
    memset(large, ' ', sizeof large);
    memcpy(large, VALUE, sizeof VALUE - 1);
    assert_int_equal(cookie_user(slice_of(large, sizeof large), &user), ERR_INPUT);
    memset(nested, '[', sizeof nested);
    assert_int_equal(cookie_user(slice_of(nested, sizeof nested), &user), ERR_INPUT);
    buf_add_text(&user, "{\"user_id\":\"");
    for (int i = 0; i <= COOKIE_USER_MAX; i++)
        buf_add_char(&user, 'u');
    buf_add_text(&user, "\"}");
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    assert_int_equal(cookie_user(buf_slice(&user), &out), ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_answers_verify),
        cmocka_unit_test(cookies_are_found_where_browsers_put_them),
        cmocka_unit_test(anything_else_is_no_cookie),
        cmocka_unit_test(an_empty_value_can_be_signed),
        cmocka_unit_test(the_last_verified_one_wins),
        cmocka_unit_test(users_are_read_from_json),
        cmocka_unit_test(other_content_names_no_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
