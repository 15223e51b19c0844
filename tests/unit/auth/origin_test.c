/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "auth/origin.h"

static const char *const listed[] = {"https://app.example.com", "http://localhost:3000"};

static void origins_are_compared_as_browsers_write_them(void **state)
{
    static const struct {
        size_t listed;
        bool is_tls;
        const char *origin, *host;
        bool is_allowed;
    } cases[] = {
        {0, false, NULL, "example.com", true}, /* not a browser */
        {2, true, NULL, NULL, true},
        {0, true, "https://example.com", "example.com", true},
        {0, true, "https://Example.COM:443", "example.com", true},
        {0, true, "https://example.com", "example.com:443", true},
        {0, false, "http://example.com", "example.com:80", true},
        {0, false, "http://127.0.0.1:8080", "127.0.0.1:8080", true},
        {0, false, "http://[::1]:8080", "[::1]:8080", true},
        {0, false, "http://[::1]", "[::1]:80", true},
        {0, true, "http://example.com", "example.com", false},
        {0, false, "https://example.com", "example.com", false},
        {0, true, "https://example.com:444", "example.com", false},
        {0, true, "https://example.com.evil.org", "example.com", false},
        {0, true, "https://evil-example.com", "example.com", false},
        {0, true, "https://sub.example.com", "example.com", false},
        {0, true, "https://example.com", "", false},
        {0, true, "https://example.com", NULL, false},
        {0, true, "null", "null", false},
        {0, true, "", "example.com", false},
        {0, true, "https://", "", false},
        {0, true, "https://example.com/", "example.com", false},
        {0, true, "https://user@example.com", "user@example.com", false},
        {0, true, "https://example.com https://evil.org", "example.com", false},
        {0, true, "https://example.com:0", "example.com:0", false},
        {0, true, "https://example.com:65536", "example.com:65536", false},
        {0, true, "https://example.com:", "example.com:", false},
        {0, true, "https://[::1", "[::1", false},
        {0, true, "file://", "", false},
        {0, true, "ftp://example.com", "example.com", false},
        {2, false, "https://app.example.com", "api.example.com", true},
        {2, false, "https://app.example.com:443", NULL, true},
        {2, false, "http://localhost:3000", "api.example.com", true},
        {2, false, "http://localhost", "localhost", false},
        {2, false, "http://api.example.com", "api.example.com", false}, /* the list decides */
        {2, false, "null", "api.example.com", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct origin_rule rule = {listed, cases[i].listed, cases[i].is_tls};
        if (origin_is_allowed(&rule, slice_text(cases[i].origin), slice_text(cases[i].host)) !=
            cases[i].is_allowed)
            fail_msg("case %zu: %s at %s", i, cases[i].origin, cases[i].host);
    }
}

static void a_list_holds_origins_only(void **state)
{
    static const char *const good[] = {"https://a.example", "http://localhost:3000",
                                       "app://localhost", "http://[::1]:8080"};
    static const char *const bad[] = {"*",
                                      "",
                                      "null",
                                      "a.example",
                                      "https://a.example/",
                                      "https://a.example/x",
                                      "https://*.example com",
                                      "https://a.example:x",
                                      "://a",
                                      "ht tp://a",
                                      "https:a"};
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(origin_check(slice_text(good[i]), &fault), OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(origin_check(slice_text(bad[i]), &fault), ERR_INPUT);
        assert_non_null(strstr(fault.text, "https://app.example.com"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_are_compared_as_browsers_write_them),
        cmocka_unit_test(a_list_holds_origins_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
