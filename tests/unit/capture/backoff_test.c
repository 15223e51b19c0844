/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/backoff.h"

static void test_grows_to_the_limit(void **state)
{
    (void)state;
    struct random random;
    struct backoff backoff;
    const uint64_t most[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000};

    for (uint64_t seed = 0; seed < 200; seed++) {
        random_init(&random, seed);
        backoff_init(&backoff, random);
        for (size_t i = 0; i < sizeof most / sizeof most[0]; i++)
            assert_in_range(backoff_next_ms(&backoff), most[i] / 2, most[i]);
        backoff_reset(&backoff);
        assert_in_range(backoff_next_ms(&backoff), 50, 100);
    }
}

static void test_is_not_the_same_for_all(void **state)
{
    (void)state;
    struct random random;
    struct backoff one, two;
    int same = 0;

    random_init(&random, 1);
    backoff_init(&one, random);
    random_init(&random, 2);
    backoff_init(&two, random);
    for (int i = 0; i < 20; i++)
        same += backoff_next_ms(&one) == backoff_next_ms(&two);
    assert_true(same < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_to_the_limit),
        cmocka_unit_test(test_is_not_the_same_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
