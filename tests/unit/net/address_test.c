/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include "unit.h"

static void addresses_are_read_and_printed(void **state)
{
    static const struct {
        const char *text, *printed;
        bool is_loopback;
    } cases[] = {
        {"0.0.0.0:8080", "0.0.0.0:8080", false},
        {":8080", "0.0.0.0:8080", false},
        {"127.0.0.1:1", "127.0.0.1:1", true},
        {"127.9.8.7:65535", "127.9.8.7:65535", true},
        {"10.1.2.3:0", "10.1.2.3:0", false},
        {"[::]:8080", "[::]:8080", false},
        {"[::1]:8080", "[::1]:8080", true},
        {"[2001:db8::1]:80", "[2001:db8::1]:80", false},
        {"[::ffff:127.0.0.1]:80", "127.0.0.1:80", true},
        {"[::ffff:10.0.0.1]:80", "10.0.0.1:80", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf printed = BUF_INIT;
        struct address address;
        struct fault fault;

        if (address_parse(cases[i].text, &address, &fault) != OK)
            fail_msg("%s", fault.text);
        address_print(&printed, &address);
        assert_slice_is(buf_slice(&printed), cases[i].printed);
        assert_int_equal(address_is_loopback(&address), cases[i].is_loopback);
    }
}

static void localhost_is_this_machine(void **state)
{
    struct address address;

    (void)state;
    assert_int_equal(address_parse("localhost:8080", &address, NULL), OK);
    assert_true(address_is_loopback(&address));
    assert_int_equal(address_port(&address), 8080);
}

static void other_texts_are_refused_with_words(void **state)
{
    static const char *const cases[] = {
        "",         "8080",          ":",           "0.0.0.0",
        "0.0.0.0:", "0.0.0.0:65536", "0.0.0.0:-1",  "0.0.0.0:http",
        "::1:8080", "[::1]",         "[::1]8080",   "[127.0.0.1]:80",
        "[]:80",    "[::1:80",       "0.0.0.0:80 ", "no.such.host.invalid:80",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address address;
        struct fault fault = {0};

        if (address_parse(cases[i], &address, &fault) != ERR_CONFIG)
            fail_msg("taken: \"%s\"", cases[i]);
        assert_non_null(strstr(fault.text, cases[i]));
    }
}

static void other_families_are_refused(void **state)
{
    const struct sockaddr_storage local = {.ss_family = AF_UNIX};
    struct address address;

    (void)state;
    assert_int_equal(address_from(&local, &address), ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_printed),
        cmocka_unit_test(localhost_is_this_machine),
        cmocka_unit_test(other_texts_are_refused_with_words),
        cmocka_unit_test(other_families_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
