/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "capture/said.h"

static void test_once_then_a_reminder(void **state)
{
    (void)state;
    struct said said = {0};
    const struct {
        uint64_t at_ms;
        const char *sentence;
        bool want;
    } cases[] = {
        {0, "refused", true},      {200, "refused", false},   {900, "starting", true},
        {1300, "refused", false},  {59999, "refused", false}, {60000, "refused", true},
        {60001, "refused", false}, {60900, "starting", true}, {61000, "", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(said_is_new(&said, cases[i].sentence, cases[i].at_ms), cases[i].want);
    said_reset(&said);
    assert_true(said_is_new(&said, "refused", 61001));
}

static void test_is_bounded(void **state)
{
    (void)state;
    struct said said = {0};
    char text[20];

    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        assert_true(said_is_new(&said, text, 0));
        assert_false(said_is_new(&said, text, 0));
    }
    assert_true(said_is_new(&said, "0", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_then_a_reminder),
        cmocka_unit_test(test_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
