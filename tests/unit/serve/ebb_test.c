/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "serve/ebb.h"

/* The first second in which it is over, or -1. */
static int second_of(const uint32_t *leave, int seconds)
{
    struct ebb ebb = {0};

    for (int i = 0; i < seconds; i++) {
        ebb.left += leave[i];
        if (ebb_is_over(&ebb))
            return i;
    }
    return -1;
}

static void it_is_over_when_few_leave_that_were_many(void **state)
{
    static const struct {
        uint32_t leave[8];
        int second;
    } cases[] = {
        {{900, 4000, 1100, 20, 3}, 3},
        {{0, 5000, 0}, 2},
        {{5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000}, -1}, /* they come and go */
        {{10, 10, 10, 10, 10, 10, 10, 10}, -1},                 /* too few */
        {{500, 0, 0, 499, 0, 0, 0, 0}, -1},
        {{500, 0, 0, 500, 0, 0, 0, 0}, 4}, /* their memory is the same, however slowly they go */
        {{5000, 500, 90, 80, 0}, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(second_of(cases[i].leave, 8), cases[i].second);
}

static void it_begins_anew_then(void **state)
{
    struct ebb ebb = {.left = 2000};

    (void)state;
    assert_false(ebb_is_over(&ebb));
    assert_true(ebb_is_over(&ebb));
    assert_false(ebb_is_over(&ebb));
    ebb.left += EBB_LEAST;
    assert_false(ebb_is_over(&ebb));
    assert_true(ebb_is_over(&ebb));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_over_when_few_leave_that_were_many),
        cmocka_unit_test(it_begins_anew_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
