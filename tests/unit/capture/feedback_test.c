/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/feedback.h"

static int setup(void **state)
{
    static struct feedback feedback;

    feedback_init(&feedback);
    *state = &feedback;
    return 0;
}

static int teardown(void **state)
{
    feedback_release(*state);
    return 0;
}

static void test_confirms_what_all_have_read(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0x4000);
    feedback_commit(feedback, 400, 0x5000);
    feedback_commit(feedback, 800, 0x5800);
    feedback_commit(feedback, 1300, 0x6000);
    assert_int_equal(feedback_confirm(feedback, 0), 0x4000);
    assert_int_equal(feedback_confirm(feedback, 399), 0x4000);
    assert_int_equal(feedback_confirm(feedback, 400), 0x5000);
    assert_int_equal(feedback_confirm(feedback, 900), 0x5800);
    assert_true(feedback_is_pending(feedback));
    assert_int_equal(feedback_confirm(feedback, 1300), 0x6000);
    assert_false(feedback_is_pending(feedback));
}

static void test_keepalive_only_when_nothing_is_pending(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0x4000);
    feedback_keepalive(feedback, 0x4800);
    assert_int_equal(feedback_confirm(feedback, 0), 0x4800);

    feedback_begin(feedback);
    feedback_keepalive(feedback, 0x7000); /* the transaction's commit lies before it */
    assert_int_equal(feedback_confirm(feedback, 100), 0x4800);
    feedback_commit(feedback, 200, 0x6000);
    assert_int_equal(feedback_confirm(feedback, 100), 0x4800);
    feedback_keepalive(feedback, 0x7800);
    assert_int_equal(feedback_confirm(feedback, 100), 0x4800);
    assert_int_equal(feedback_confirm(feedback, 200), 0x7800);
}

static void test_never_goes_back(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0x4000);
    feedback_commit(feedback, 10, 0x3000); /* sent again after a crash of the server */
    feedback_keepalive(feedback, 0x3800);
    assert_int_equal(feedback_confirm(feedback, 10), 0x4000);
}

static void test_reset_forgets(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0);
    feedback_commit(feedback, 10, 0x3000);
    feedback_begin(feedback);
    feedback_reset(feedback, 0x2000);
    assert_false(feedback_is_pending(feedback));
    assert_int_equal(feedback_confirm(feedback, 10), 0x2000);
}

static void test_many_commits(void **state)
{
    struct feedback *feedback = *state;
    const uint64_t count = 3 * FEEDBACK_MAX + 17;

    feedback_reset(feedback, 0);
    for (uint64_t i = 1; i <= count; i++)
        feedback_commit(feedback, i * 10, i * 100);
    assert_true(feedback->count <= FEEDBACK_MAX);
    for (uint64_t i = 1; i < count; i++) {
        /* Never more than what was read. */
        assert_true(feedback_confirm(feedback, i * 10) <= i * 100);
    }
    assert_int_equal(feedback_confirm(feedback, count * 10), count * 100);
}

static void test_interval(void **state)
{
    (void)state;
    const struct {
        uint64_t timeout, want;
    } cases[] = {{0, 10000}, {60000, 10000}, {5000, 1666}, {1000, 333}, {1, 50}, {30000, 10000}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(feedback_interval_ms(cases[i].timeout), cases[i].want);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_confirms_what_all_have_read),
        CASE(test_keepalive_only_when_nothing_is_pending),
        CASE(test_never_goes_back),
        CASE(test_reset_forgets),
        CASE(test_many_commits),
        cmocka_unit_test(test_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
