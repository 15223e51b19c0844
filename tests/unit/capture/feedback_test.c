/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/feedback.h"

static int setup(void **state)
{
    static struct feedback feedback;

    feedback_init(&feedback, &(struct feedback_limits){.is_durable = false});
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

    feedback_reset(feedback, 0x4000, 0);
    feedback_commit(feedback, 400, 0x5000, 0);
    feedback_commit(feedback, 800, 0x5800, 0);
    feedback_commit(feedback, 1300, 0x6000, 0);
    assert_int_equal(feedback_confirm(feedback, 0, 0), 0x4000);
    assert_int_equal(feedback_confirm(feedback, 399, 0), 0x4000);
    assert_int_equal(feedback_confirm(feedback, 400, 0), 0x5000);
    assert_int_equal(feedback_confirm(feedback, 900, 0), 0x5800);
    assert_true(feedback_is_pending(feedback));
    assert_int_equal(feedback_confirm(feedback, 1300, 0), 0x6000);
    assert_false(feedback_is_pending(feedback));
}

static void test_keepalive_only_when_nothing_is_pending(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0x4000, 0);
    feedback_keepalive(feedback, 0x4800);
    assert_int_equal(feedback_confirm(feedback, 0, 0), 0x4800);

    feedback_begin(feedback, 0);
    feedback_keepalive(feedback, 0x7000); /* the transaction's commit lies before it */
    assert_int_equal(feedback_confirm(feedback, 100, 0), 0x4800);
    feedback_commit(feedback, 200, 0x6000, 0);
    assert_int_equal(feedback_confirm(feedback, 100, 0), 0x4800);
    feedback_keepalive(feedback, 0x7800);
    assert_int_equal(feedback_confirm(feedback, 100, 0), 0x4800);
    assert_int_equal(feedback_confirm(feedback, 200, 0), 0x7800);
}

static void test_never_goes_back(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0x4000, 0);
    feedback_commit(feedback, 10, 0x3000, 0); /* sent again after a crash of the server */
    feedback_keepalive(feedback, 0x3800);
    assert_int_equal(feedback_confirm(feedback, 10, 0), 0x4000);
}

static void test_reset_forgets(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0, 0);
    feedback_commit(feedback, 10, 0x3000, 0);
    feedback_begin(feedback, 0);
    feedback_reset(feedback, 0x2000, 0);
    assert_false(feedback_is_pending(feedback));
    assert_int_equal(feedback_confirm(feedback, 10, 0), 0x2000);
}

static void test_many_commits(void **state)
{
    struct feedback *feedback = *state;
    const uint64_t count = 3 * FEEDBACK_MAX + 17;

    feedback_reset(feedback, 0, 0);
    for (uint64_t i = 1; i <= count; i++)
        feedback_commit(feedback, i * 10, i * 100, 0);
    assert_true(feedback->count <= FEEDBACK_MAX);
    for (uint64_t i = 1; i < count; i++) {
        /* Never more than what was read. */
        assert_true(feedback_confirm(feedback, i * 10, 0) <= i * 100);
    }
    assert_int_equal(feedback_confirm(feedback, count * 10, 0), count * 100);
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

/* ---- a durable slot ---- */

#define MIB ((uint64_t)1 << 20)
#define HOUR_MS ((uint64_t)3600000)

static int setup_durable(void **state)
{
    static struct feedback feedback;

    feedback_init(&feedback, &(struct feedback_limits){.is_durable = true,
                                                       .journal_size = 1000,
                                                       .age_ms = HOUR_MS,
                                                       .wal = 100 * MIB});
    *state = &feedback;
    return 0;
}

static void test_holds_back_what_the_journal_has(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0x4000, 0);
    feedback_commit(feedback, 400, 0x5000, 0);
    feedback_commit(feedback, 800, 0x5800, 0);
    feedback_keepalive(feedback, 0x9000);
    assert_int_equal(feedback_confirm(feedback, 399, 9999), 0x4000);
    assert_int_equal(feedback_confirm(feedback, 400, 9999), 0x5000);
    assert_int_equal(feedback_confirm(feedback, 400, 60000), 0x5000);
}

static void test_age(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0x4000, 0);
    feedback_commit(feedback, 400, 0x5000, 1000);
    feedback_commit(feedback, 800, 0x5800, 10000);
    feedback_commit(feedback, 900, 0x5900, 20000);
    assert_int_equal(feedback_confirm(feedback, 0, HOUR_MS + 1000), 0x4000);
    assert_int_equal(feedback_confirm(feedback, 0, HOUR_MS + 1001), 0x5000);
    assert_int_equal(feedback_confirm(feedback, 0, HOUR_MS + 10001), 0x5800);
    /* The last one stays: it is the proof that nothing came behind it. */
    assert_int_equal(feedback_confirm(feedback, 0, 9 * HOUR_MS), 0x5800);
}

static void test_wal_limit(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0, 0);
    for (uint64_t i = 1; i <= 150; i++) {
        feedback_commit(feedback, i, i * MIB, i);
        const uint64_t want = i > 100 ? (i - 100) * MIB : 0;
        assert_int_equal(feedback_confirm(feedback, 0, i), want);
    }
    /* The server reads on in what is none of our business, and faster than 10 s. */
    feedback_keepalive(feedback, 260 * MIB);
    assert_int_equal(feedback_confirm(feedback, 0, 200), 260 * MIB);
}

static void test_idle(void **state)
{
    struct feedback *feedback = *state;

    feedback_reset(feedback, 0, 0);
    feedback_commit(feedback, 10, MIB, 5000);
    feedback_keepalive(feedback, 40 * MIB);
    assert_int_equal(feedback_confirm(feedback, 0, 14999), 0);
    assert_int_equal(feedback_confirm(feedback, 0, 15000), 40 * MIB);

    /* A transaction that takes long is no idleness. */
    feedback_commit(feedback, 15, 40 * MIB + 1, 16000);
    feedback_data(feedback, 90 * MIB, 29000);
    assert_int_equal(feedback_confirm(feedback, 0, 30000), 40 * MIB);
    feedback_reset(feedback, 40 * MIB, 30000);

    /* Little is held back, but the server keeps more than that. */
    feedback_commit(feedback, 20, 41 * MIB, 20000);
    feedback_keepalive(feedback, 42 * MIB);
    assert_int_equal(feedback_confirm(feedback, 0, 40000), 40 * MIB);
    feedback_retain(feedback, 33 * MIB);
    assert_int_equal(feedback_confirm(feedback, 0, 40000), 42 * MIB);

    /* Within a transaction nothing of it is confirmed. */
    feedback_begin(feedback, 50000);
    feedback_keepalive(feedback, 90 * MIB);
    assert_int_equal(feedback_confirm(feedback, 0, 99999), 42 * MIB);
}

static void test_close_commits_are_one_entry(void **state)
{
    struct feedback *feedback = *state;

    feedback->limits.journal_size = 100000; /* an entry spans up to 97 bytes */
    feedback_reset(feedback, 0, 0);
    for (uint64_t i = 1; i <= 100000; i++) {
        feedback_commit(feedback, i, i, i / 100);
        assert_true(feedback_confirm(feedback, i > 500 ? i - 500 : 0, i / 100) <= i);
    }
    assert_true(feedback->count < 10);
    assert_true(feedback->confirmed <= 99500 && feedback->confirmed > 99300);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#define DURABLE(test) cmocka_unit_test_setup_teardown(test, setup_durable, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_confirms_what_all_have_read),
        CASE(test_keepalive_only_when_nothing_is_pending),
        CASE(test_never_goes_back),
        CASE(test_reset_forgets),
        CASE(test_many_commits),
        DURABLE(test_holds_back_what_the_journal_has),
        DURABLE(test_age),
        DURABLE(test_wal_limit),
        DURABLE(test_idle),
        DURABLE(test_close_commits_are_one_entry),
        cmocka_unit_test(test_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
