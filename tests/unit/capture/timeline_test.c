/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/timeline.h"

static void each_ancestor_was_left_somewhere(void **state)
{
    const struct slice history = SLICE("1\t0/3000158\tno recovery target specified\n"
                                       "\n"
                                       "# a line of the administrator\n"
                                       "12\t1/50000A0\tbefore 2026-11-23\t1\n"
                                       "13\tnowhere\t\n"
                                       "14");

    (void)state;
    assert_int_equal(timeline_left_at(history, SLICE("1")), 0x3000158);
    assert_int_equal(timeline_left_at(history, SLICE("12")), 0x1050000A0);
    assert_int_equal(timeline_left_at(history, SLICE("2")), LSN_NONE);
    assert_int_equal(timeline_left_at(history, SLICE("13")), LSN_NONE);
    assert_int_equal(timeline_left_at(history, SLICE("14")), LSN_NONE);
    assert_int_equal(timeline_left_at(SLICE(""), SLICE("1")), LSN_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_ancestor_was_left_somewhere)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
