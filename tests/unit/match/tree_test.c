/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays and JSON: array.c, jsonb.c and json_text.c. */
#include "fixture.h"

#include "match/array.h"
#include "match/json_text.h"
#include "match/jsonb.h"

static void arrays_equal_and_contain(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool is_equal, contains;
    } cases[] = {
        {"{}", "{}", true, true},
        {"{1,2}", "{1,2}", true, true},
        {"{1,2}", "{2,1}", false, true},
        {"{1,2}", "{2,2,2}", false, true},
        {"{1.0,2}", "{1,2.00}", true, true},
        {"{1,NULL}", "{1,NULL}", true, false},
        {"{1,NULL}", "{1}", false, true},
        {"{{1,2},{3,4}}", "{1,2,3,4}", false, true},
        {"{{1,2},{3,4}}", "{{1,2},{3,4}}", true, true},
        {"[0:1]={1,2}", "{1,2}", false, true},
        {"[0:1]={1,2}", "[0:1]={1,2}", true, true},
        {"{1}", "{}", false, true},
        {"{}", "{1}", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(array_release) struct array a = {0};
        CLEANUP(array_release) struct array b = {0};
        assert_true(array_parse(VALUE_NUMERIC, slice_text(cases[i].a), &a));
        assert_true(array_parse(VALUE_NUMERIC, slice_text(cases[i].b), &b));
        if (array_equal(&a, &b) != cases[i].is_equal || array_contains(&a, &b) != cases[i].contains)
            fail_msg("%s and %s: not %d, %d", cases[i].a, cases[i].b, cases[i].is_equal,
                     cases[i].contains);
    }
}

static void elements_are_unescaped(void **state)
{
    CLEANUP(array_release) struct array array = {0};

    (void)state;
    assert_true(
        array_parse(VALUE_STRING, SLICE("{a,\"b,c\",\"d\\\"e\\\\\",\"NULL\",NULL,\"\"}"), &array));
    assert_int_equal(array.count, 6);
    assert_slice_is(array.items[1].scalar.text, "b,c");
    assert_slice_is(array.items[2].scalar.text, "d\"e\\");
    assert_slice_is(array.items[3].scalar.text, "NULL");
    assert_true(array.items[4].is_null);
    assert_slice_is(array.items[5].scalar.text, "");
}

static void broken_arrays_are_not_read(void **state)
{
    static const char *const cases[] = {
        "",      "{",      "}",       "{1",          "{1,}",
        "{1}x",  "1",      "{{1},2}", "{{1},{2,3}}", "{a}",
        "[0:1]", "[0={1}", "{\"1}",   "{\"1\\",      "{{{{{{{1}}}}}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct array array = {0};
        if (array_parse(VALUE_INTEGER, slice_text(cases[i]), &array)) {
            array_release(&array);
            if (strcmp(cases[i], "{{1},2}") != 0)
                fail_msg("%s was read", cases[i]);
        }
    }
}

static void jsonb_equals_and_contains(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool is_equal, contains;
    } cases[] = {
        {"1.0", "1.00", true, true},
        {"null", "null", true, true},
        {"null", "false", false, false},
        {"\"a\"", "\"\\u0061\"", true, true},
        {"{\"a\": 1, \"b\": [1, 2]}", "{\"b\": [2]}", false, true},
        {"{\"a\": 1}", "{\"a\": 1.0}", true, true},
        {"{\"a\": 1}", "{\"a\": \"1\"}", false, false},
        {"{\"a\": {}}", "{\"a\": []}", false, false},
        {"[1, [2, 3]]", "[1, 1, [2]]", false, true},
        {"[[1]]", "[1]", false, false},
        {"[\"x\", \"y\"]", "\"x\"", false, true},
        {"\"x\"", "[\"x\"]", false, false},
        {"[]", "[]", true, true},
        {"[]", "{}", false, false},
        {"[1]", "[]", false, true},
        {"[{\"a\": 1, \"b\": 2}]", "[{\"a\": 1}]", false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(jsonb_release) struct jsonb a = {0};
        CLEANUP(jsonb_release) struct jsonb b = {0};
        assert_true(jsonb_parse(slice_text(cases[i].a), &a));
        assert_true(jsonb_parse(slice_text(cases[i].b), &b));
        if (jsonb_equal(&a, &b) != cases[i].is_equal || jsonb_contains(&a, &b) != cases[i].contains)
            fail_msg("%s and %s: not %d, %d", cases[i].a, cases[i].b, cases[i].is_equal,
                     cases[i].contains);
    }
}

static void broken_json_is_not_read(void **state)
{
    static const char *const cases[] = {
        "",    "{",   "[1",  "[1,]",    "{\"a\"}",     "{\"a\":}", "{1:2}",
        "nul", "1 2", "\"a", "\"\\q\"", "\"\\ud800\"", "[1}",      "01x",
    };
    CLEANUP(buf_release) struct buf deep = BUF_INIT;
    struct jsonb value = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (jsonb_parse(slice_text(cases[i]), &value))
            fail_msg("%s was read", cases[i]);
    }
    for (int i = 0; i < 1000000; i++)
        buf_add_char(&deep, '[');
    assert_false(jsonb_parse(buf_slice(&deep), &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_equal_and_contain),   cmocka_unit_test(elements_are_unescaped),
        cmocka_unit_test(broken_arrays_are_not_read), cmocka_unit_test(jsonb_equals_and_contains),
        cmocka_unit_test(broken_json_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
