/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "change/token.h"

static void a_token_is_read_as_it_was_printed(void **state)
{
    static const struct token cases[] = {
        {0, {0, 0}},
        {0x9f3c21d07a44be15U, {0x16B374D848U, 2}},
        {UINT64_MAX, {UINT64_MAX, POSITION_ALL}},
        {0x9f3c21d07a44be15U, {0x16B374D848U, 2, 0x5d1c0f3a}},
        {UINT64_MAX, {UINT64_MAX, POSITION_ALL, UINT32_MAX}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        struct token got;
        token_print(&text, cases[i]);
        assert_int_equal(text.size, cases[i].position.check ? TOKEN_SIZE : TOKEN_SIZE - 9);
        assert_int_equal(token_parse(buf_slice(&text), &got), OK);
        assert_true(got.epoch == cases[i].epoch);
        assert_int_equal(position_compare(got.position, cases[i].position), 0);
        assert_int_equal(got.position.check, cases[i].position.check);
    }
}

static void tokens_of_one_epoch_are_ordered_as_text(void **state)
{
    static const struct position order[] = {{1, 5},         {0xFF, 0},     {0x100, 0},
                                            {0x100, 9},     {0x100, 0x10}, {0x100, POSITION_ALL},
                                            {1ULL << 40, 0}};
    CLEANUP(buf_release) struct buf before = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        token_print(&text, (struct token){7, order[i]});
        if (i > 0)
            assert_true(slice_compare(buf_slice(&before), buf_slice(&text)) < 0);
        buf_reset(&before);
        buf_add(&before, buf_slice(&text));
    }
}

static void anything_else_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "now",
        "9f3c21d07a44be15-00000016b374d848-0000000",
        "9f3c21d07a44be15-00000016b374d848-000000022",
        "9F3C21D07A44BE15-00000016b374d848-00000002",
        "9f3c21d07a44be15+00000016b374d848-00000002",
        "9f3c21d07a44be15-00000016b374d848_00000002",
        "9f3c21d07a44be1g-00000016b374d848-00000002",
        "-9f3c21d07a44be1-00000016b374d848-00000002",
        "9f3c21d07a44be15-00000016b374d848-00000002-",
        "9f3c21d07a44be15-00000016b374d848-00000002-5d1c0f3",
        "9f3c21d07a44be15-00000016b374d848-00000002-00000000",
        "9f3c21d07a44be15-00000016b374d848-00000002-5d1c0f3a0",
        "9f3c21d07a44be15-00000016b374d848-00000002+5d1c0f3a",
    };
    struct token token;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(token_parse(slice_text(cases[i]), &token), ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_read_as_it_was_printed),
        cmocka_unit_test(tokens_of_one_epoch_are_ordered_as_text),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
