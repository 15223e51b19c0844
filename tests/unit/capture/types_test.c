/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/types.h"

static void names_are_asked_for_once(void **state)
{
    struct types *types = types_new();
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    struct slice name;

    (void)state;
    assert_int_equal(types_name(types, 1043, 14, &name), ERR_AGAIN);
    assert_int_equal(types_name(types, 1043, 14, &name), ERR_AGAIN);
    assert_int_equal(types_name(types, 4000000000U, -1, &name), ERR_AGAIN);
    assert_int_equal(types_wanted(types), 2);
    types_query(types, &sql);
    assert_slice_is(buf_slice(&sql),
                    "SELECT w.oid, w.modifier, pg_catalog.format_type(t.oid, w.modifier) FROM "
                    "(VALUES ('1043'::pg_catalog.oid,'14'::pg_catalog.int4),"
                    "('4000000000'::pg_catalog.oid,'-1'::pg_catalog.int4)) AS w (oid, modifier) "
                    "LEFT JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) w.oid");
    types_answer(types, 1043, 14, SLICE("character varying(10)"));
    types_answer(types, 23, -1, SLICE("integer")); /* not asked for */
    assert_int_equal(types_wanted(types), 1);
    assert_int_equal(types_name(types, 25, -1, &name), ERR_AGAIN); /* too late for this answer */
    types_answered(types);                                         /* without the other */
    assert_int_equal(types_wanted(types), 1);
    assert_int_equal(types_name(types, 25, -1, &name), ERR_AGAIN);
    assert_int_equal(types_name(types, 1043, 14, &name), OK);
    assert_slice_is(name, "character varying(10)");
    assert_int_equal(types_name(types, 4000000000U, -1, &name), OK);
    assert_slice_is(name, "oid 4000000000");
    assert_int_equal(types_name(types, 1043, -1, &name), ERR_AGAIN);
    types_free(types);
}

/* What a type that is gone is called, by what its Type message said. */
static void a_dropped_type_has_the_name_that_was_heard(void **state)
{
    static const struct {
        const char *schema, *name, *want;
    } cases[] = {
        {"public", "mood", "mood"},
        {"", "mood", "mood"},
        {"pg_catalog", "mood", "mood"},
        {"other", "mood", "other.mood"},
        {"Other", "my mood", "\"Other\".\"my mood\""},
        {"public", "quo\"te", "\"quo\"\"te\""},
        {"public", "_mood", "mood[]"},
        {"Other", "_my mood", "\"Other\".\"my mood\"[]"},
        {"public", "_", "_"},
        {"public", "1st", "\"1st\""},
        {"public", "", "\"\""},
        {"", "numeric", "\"numeric\""}, /* a domain over it, which is no number */
        {"public", "\xc3\xa4", "\"\xc3\xa4\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const struct slice gone[] = {{NULL, 0}, {"???", 3}};
        for (size_t j = 0; j < 2; j++) {
            struct types *types = types_new();
            struct slice name;

            types_heard(types, 20000, slice_text(cases[i].schema), slice_text(cases[i].name));
            assert_int_equal(types_name(types, 20000, -1, &name), ERR_AGAIN);
            types_answer(types, 20000, -1, gone[j]);
            assert_int_equal(types_name(types, 20000, -1, &name), OK);
            assert_slice_is(name, cases[i].want);
            types_free(types);
        }
    }
}

static void a_renamed_type_is_asked_for_again(void **state)
{
    struct types *types = types_new();
    struct slice name;

    (void)state;
    types_heard(types, 20000, SLICE("public"), SLICE("mood"));
    assert_int_equal(types_name(types, 20000, -1, &name), ERR_AGAIN);
    assert_int_equal(types_name(types, 20001, -1, &name), ERR_AGAIN);
    types_answer(types, 20000, -1, SLICE("mood"));
    types_answer(types, 20001, -1, SLICE("mood[]"));
    types_heard(types, 20000, SLICE("public"), SLICE("mood"));
    assert_int_equal(types_name(types, 20000, -1, &name), OK);
    types_heard(types, 20000, SLICE("public"), SLICE("temper"));
    assert_int_equal(types_name(types, 20000, -1, &name), ERR_AGAIN);
    assert_int_equal(types_name(types, 20001, -1, &name), OK);
    types_free(types);
}

static void a_reset_keeps_built_in_types(void **state)
{
    struct types *types = types_new();
    struct slice name;

    (void)state;
    assert_int_equal(types_name(types, 23, -1, &name), ERR_AGAIN);
    assert_int_equal(types_name(types, 20000, -1, &name), ERR_AGAIN);
    types_answer(types, 23, -1, SLICE("integer"));
    types_answer(types, 20000, -1, SLICE("mood"));
    assert_int_equal(types_name(types, 20001, -1, &name), ERR_AGAIN);
    types_reset(types);
    assert_int_equal(types_wanted(types), 0);
    assert_int_equal(types_name(types, 23, -1, &name), OK);
    assert_int_equal(types_name(types, 20000, -1, &name), ERR_AGAIN);
    types_free(types);
}

static void the_cache_is_bounded(void **state)
{
    struct types *types = types_new();
    struct slice name;

    (void)state;
    for (int32_t i = 0; i <= TYPES_MAX; i++) {
        assert_int_equal(types_name(types, 1043, i, &name), ERR_AGAIN);
        types_heard(types, (uint32_t)i, SLICE("public"), SLICE("t"));
    }
    assert_int_equal(types_wanted(types), 1);
    types_free(types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_asked_for_once),
        cmocka_unit_test(a_dropped_type_has_the_name_that_was_heard),
        cmocka_unit_test(a_renamed_type_is_asked_for_again),
        cmocka_unit_test(a_reset_keeps_built_in_types),
        cmocka_unit_test(the_cache_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
