/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "change/table.h"
#include "encode/v1_columns.h"

static struct v1_columns *list(const char *a, const char *b, const char *c)
{
    const struct slice names[] = {slice_text(a), slice_text(b), slice_text(c)};

    return v1_columns_new(names, c ? 3 : b ? 2 : 1);
}

static void a_list_is_a_set(void **state)
{
    struct v1_columns *abc = list("c", "a", "b"), *ab = list("b", "a", "b"),
                      *c = list("c", NULL, NULL);

    (void)state;
    assert_int_equal(ab->count, 2);
    assert_false(v1_columns_equal(abc, ab));
    assert_false(v1_columns_equal(ab, c));
    v1_columns_unite(ab, c);
    assert_true(v1_columns_equal(abc, ab));
    v1_columns_unite(ab, abc);
    assert_true(v1_columns_equal(abc, ab));
    assert_true(v1_columns_have(abc, SLICE("a")) && v1_columns_have(abc, SLICE("c")));
    assert_false(v1_columns_have(abc, SLICE("")) || v1_columns_have(abc, SLICE("aa")) ||
                 v1_columns_have(abc, SLICE("d")));
    v1_columns_free(abc);
    v1_columns_free(ab);
    v1_columns_free(c);
    v1_columns_free(NULL);
}

/* Of columns a to d: which are written, as "a.c." */
static void assert_wanted(struct v1_columns *columns, const char *keys, const char *want)
{
    struct column_spec specs[4] = {{SLICE("a"), SLICE("text"), false},
                                   {SLICE("b"), SLICE("text"), false},
                                   {SLICE("c"), SLICE("text"), false},
                                   {SLICE("d"), SLICE("text"), false}};
    char got[5] = "....";

    for (size_t i = 0; i < 4; i++)
        specs[i].is_key = strchr(keys, specs[i].name.at[0]) != NULL;
    struct table *table = table_new(SLICE("s"), SLICE("t"), specs, 4);
    for (size_t round = 0; round < 2; round++) { /* worked out, then remembered */
        const bool *wanted = v1_columns_of(columns, table);
        for (size_t i = 0; i < 4; i++)
            got[i] = wanted[i] ? specs[i].name.at[0] : '.';
        assert_string_equal(got, want);
    }
    table_free(table);
}

static void keys_are_always_wanted(void **state)
{
    struct v1_columns *columns = list("b", "gone", NULL);

    (void)state;
    assert_wanted(columns, "", ".b..");
    assert_wanted(columns, "a", "ab..");
    assert_wanted(columns, "bd", ".b.d");
    assert_wanted(columns, "abcd", ".b..");
    v1_columns_unite(columns, columns);
    assert_wanted(columns, "a", "ab..");
    v1_columns_free(columns);
}

static void what_was_worked_out_does_not_outlive_a_union(void **state)
{
    const struct column_spec specs[] = {{SLICE("a"), SLICE("text"), false},
                                        {SLICE("b"), SLICE("text")}};
    struct table *table = table_new(SLICE("s"), SLICE("t"), specs, 2);
    struct v1_columns *a = list("a", NULL, NULL), *b = list("b", NULL, NULL);

    (void)state;
    assert_false(v1_columns_of(a, table)[1]);
    v1_columns_unite(a, b);
    assert_true(v1_columns_of(a, table)[1]);
    v1_columns_free(a);
    v1_columns_free(b);
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_a_set),
        cmocka_unit_test(keys_are_always_wanted),
        cmocka_unit_test(what_was_worked_out_does_not_outlive_a_union),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
