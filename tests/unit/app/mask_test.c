/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "app/mask.h"

static void passwords_are_masked(void **state)
{
    static const struct {
        const char *url, *masked;
    } cases[] = {
        {"postgres://u:pw@h/d", "postgres://u:***@h/d"},
        {"postgresql://u:pw@h:1,i:2/d?a=b", "postgresql://u:***@h:1,i:2/d?a=b"},
        {"postgres://:pw@h", "postgres://:***@h"},
        {"postgres://u:p:w@h", "postgres://u:***@h"},
        {"postgres://u:p@w@h/d", "postgres://u:***@h/d"},
        {"postgres://u:p/w@h/d", "postgres://u:***@h/d"},
        {"postgres://u:p?w@h/d", "postgres://u:***@h/d"},
        {"mysql://u:pw@h/d", "mysql://u:***@h/d"},
        {"postgres://h/d?user=u&password=pw&x=y", "postgres://h/d?user=u&password=***&x=y"},
        {"postgres://h/d?sslpassword=pw", "postgres://h/d?sslpassword=***"},
        {"postgres://h/d?pass%77ord=pw", "postgres://h/d?pass%77ord=***"},
        {"postgres://u:a@h?password=b", "postgres://u:***@h?password=***"},
        {"host=h password=pw dbname=d", "host=h password=*** dbname=d"},
        {"password='p w\\' x' host=h", "password=*** host=h"},
        {"PASSWORD = pw", "PASSWORD = ***"},
        {"password='cut", "password=***"},
        {"sslpassword=a\\ b user=u", "sslpassword=*** user=u"},
    };
    static const char *const harmless[] = {
        "",
        "postgres://h/d",
        "postgres://u@h:5432/d",
        "postgres://[::1]:5432/d",
        "host=h user=u",
        "postgres:///d?host=/run/x",
        "=",
        "a",
        "password=",
        "postgres://u:@h/d",
        "://",
        "a = ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        char in_place[100];
        assert_true(mask_url(slice_text(cases[i].url), &out));
        assert_slice_is(buf_slice(&out), cases[i].masked);
        memcpy(in_place, cases[i].url, strlen(cases[i].url) + 1);
        assert_true(mask_url_in_place(in_place));
        assert_int_equal(strlen(in_place), strlen(cases[i].url));
        assert_null(strstr(in_place, "pw"));
    }
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        if (mask_url(slice_text(harmless[i]), &out))
            fail_msg("%s became %s", harmless[i], buf_text(&out));
        assert_slice_is(buf_slice(&out), harmless[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passwords_are_masked)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
