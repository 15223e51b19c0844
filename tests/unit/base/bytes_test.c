/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

static void utf8_is_checked_as_rfc_3629_says(void **state)
{
    static const struct {
        const char *text;
        bool is_valid;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", true},
        {"\xC0\x80", false},         /* overlong NUL */
        {"\xE0\x80\x80", false},     /* overlong */
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xC3", false},             /* cut */
        {"\x80", false},             /* continuation alone */
        {"\xFF", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(slice_is_utf8(slice_text(cases[i].text)), cases[i].is_valid);
}

static void numbers_keep_to_their_limit(void **state)
{
    uint64_t number = 7;

    (void)state;
    assert_int_equal(slice_to_u64(SLICE("18446744073709551615"), UINT64_MAX, &number), OK);
    assert_true(number == UINT64_MAX);
    assert_int_equal(slice_to_u64(SLICE("18446744073709551616"), UINT64_MAX, &number), ERR_INPUT);
    assert_int_equal(slice_to_u64(SLICE("256"), 255, &number), ERR_INPUT);
    assert_int_equal(slice_to_u64(SLICE("9"), 5, &number), ERR_INPUT);
    assert_int_equal(slice_to_u64(SLICE("-1"), 255, &number), ERR_INPUT);
    assert_int_equal(slice_to_u64(SLICE(""), 255, &number), ERR_INPUT);
    assert_int_equal(slice_to_u64(SLICE("255"), 255, &number), OK);
    assert_int_equal(number, 255);
}

static void cut_takes_apart_at_the_first_mark(void **state)
{
    struct slice rest = SLICE("a:b:c");

    (void)state;
    assert_slice_is(slice_cut(&rest, ':'), "a");
    assert_slice_is(rest, "b:c");
    assert_slice_is(slice_cut(&rest, ':'), "b");
    assert_slice_is(slice_cut(&rest, ':'), "c");
    assert_null(rest.at);
}

static void a_buffer_grows_and_drops(void **state)
{
    CLEANUP(buf_release) struct buf buf = BUF_INIT;

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_printf(&buf, "%d,", i);
    buf_drop(&buf, 4);
    assert_memory_equal(buf.at, "2,3,4,", 6);
    assert_string_equal(buf_text(&buf) + buf.size - 4, "999,");
}

static void a_long_fault_is_cut_at_a_character(void **state)
{
    struct fault fault;
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 1; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA4", 2);
    text[sizeof text - 1] = '\0';
    assert_int_equal(fault_set(&fault, ERR_INPUT, "%s", text), ERR_INPUT);
    assert_true(slice_is_utf8(slice_text(fault.text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_checked_as_rfc_3629_says),
        cmocka_unit_test(numbers_keep_to_their_limit),
        cmocka_unit_test(cut_takes_apart_at_the_first_mark),
        cmocka_unit_test(a_buffer_grows_and_drops),
        cmocka_unit_test(a_long_fault_is_cut_at_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
