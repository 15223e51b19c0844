/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/history.h"
#include "change/token.h"

/* The example of the header: the journal ends with 0x5000 (check 0xA), settled 0x5400. */
static struct history broken_off(lsn confirmed)
{
    struct history history = {0};

    history_begin(&history, 7, 0x4000);
    assert_int_equal(history_judge(&history, (struct position){0x5000, 0, 0xA}), HISTORY_NEW);
    history_take(&history, (struct position){0x5000, 0, 0xA});
    history_complete(&history, 0x5000, 0x5080);
    assert_int_equal(history.settled, 0x507F);
    history_settle(&history, 0x5401);
    assert_int_equal(history.settled, 0x5400);
    assert_true(history_goes_on(&history, 7, confirmed));
    history_resume(&history, confirmed);
    return history;
}

static void what_comes_again_is_judged(void **state)
{
    const struct {
        struct position positions[3]; /* commit 0: no more */
        enum history_verdict want;    /* of the last */
    } cases[] = {
        {{{0x4800, 0, 0xC}}, HISTORY_REPEAT},
        {{{0x5000, 0, 0xA}}, HISTORY_REPEAT},
        {{{0x5000, 9, 0xA}}, HISTORY_REPEAT}, /* it was whole */
        {{{0x5000, 0, 0xB}}, HISTORY_BROKEN},
        {{{0x5200, 0, 0xC}}, HISTORY_BROKEN},
        {{{0x6000, 0, 0xC}}, HISTORY_BROKEN},
        {{{0x5000, 0, 0xA}, {0x5200, 0, 0xC}}, HISTORY_BROKEN},
        {{{0x5000, 0, 0xA}, {0x5401, 0, 0xC}}, HISTORY_NEW},
        {{{0x4800, 0, 0xA}, {0x5000, 0, 0xA}, {0x6000, 0, 0xC}}, HISTORY_NEW},
        {{{0x4800, 0, 0xA}, {0x4900, 0, 0xA}, {0x6000, 0, 0xC}}, HISTORY_BROKEN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct history history = broken_off(0x4400);
        enum history_verdict got = HISTORY_REPEAT;

        for (int j = 0; j < 3 && cases[i].positions[j].commit != 0; j++)
            got = history_judge(&history, cases[i].positions[j]);
        assert_int_equal(got, cases[i].want);
    }
}

static void nothing_comes_again_when_all_was_confirmed(void **state)
{
    struct history history = broken_off(0x5080);

    (void)state;
    assert_int_equal(history_judge(&history, (struct position){0x5401, 0, 0xC}), HISTORY_NEW);
}

static void a_transaction_in_part_goes_on(void **state)
{
    struct history history = {0};

    (void)state;
    history_begin(&history, 7, 0x4000);
    history_take(&history, (struct position){0x5000, 3, 0xA});
    assert_true(history_goes_on(&history, 7, 0x4001));
    history_resume(&history, 0x4001);
    assert_int_equal(history_judge(&history, (struct position){0x5000, 3, 0xA}), HISTORY_REPEAT);
    assert_int_equal(history_judge(&history, (struct position){0x5000, 4, 0xA}), HISTORY_NEW);
    assert_int_equal(history_judge(&history, (struct position){0x5000, 4, 0xB}), HISTORY_BROKEN);
}

static void a_hole_and_another_epoch_do_not_go_on(void **state)
{
    struct history history = broken_off(0x4400);
    const struct history none = {0};

    (void)state;
    assert_true(history_goes_on(&history, 7, 0x5401));
    assert_false(history_goes_on(&history, 7, 0x5402));
    assert_false(history_goes_on(&history, 8, 0x4400));
    assert_false(history_goes_on(&none, 7, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_again_is_judged),
        cmocka_unit_test(nothing_comes_again_when_all_was_confirmed),
        cmocka_unit_test(a_transaction_in_part_goes_on),
        cmocka_unit_test(a_hole_and_another_epoch_do_not_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
