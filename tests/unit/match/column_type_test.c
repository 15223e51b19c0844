/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "match/column_type.h"

static const struct {
    const char *type, *plain;
} plains[] = {
    {"", ""},
    {"integer", "integer"},
    {"numeric(10,2)", "numeric"},
    {"numeric", "numeric"},
    {"character varying(20)", "character varying"},
    {"character varying(20)[]", "character varying[]"},
    {"timestamp(3) with time zone", "timestamp with time zone"},
    {"timestamp(3) without time zone[]", "timestamp without time zone[]"},
    {"interval day to second(3)", "interval"},
    {"interval(3)", "interval"},
    {"interval year[]", "interval[]"},
    {"bit(4)", "bit"},
    {"\"bit\"", "bit"},
    {"\"bit\"[]", "bit[]"},
    {"bit varying(5)", "bit varying"},
    {"character(5)", "character"},
    {"bpchar", "character"},
    {"geometry(Point,4326)", "geometry"},
    {"\"my(type)\"", "\"my(type)\""},
    {"\"my\"\"(type)\"(3)[]", "\"my\"\"(type)\"[]"},
    {"s.\"interval day\"", "s.\"interval day\""},
    {"interval_of_mine", "interval_of_mine"},
    {"\"open", "\"open"},
};

static void modifiers_are_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plains / sizeof plains[0]; i++) {
        CLEANUP(buf_release) struct buf plain = BUF_INIT;
        buf_add_text(&plain, "x");
        column_type_plain(slice_text(plains[i].type), &plain);
        assert_string_equal(buf_text(&plain) + 1, plains[i].plain);
        assert_true(column_type_suits(plains[i].plain, slice_text(plains[i].type)));
    }
}

static const struct {
    const char *bound, *type;
    bool suits;
} pairs[] = {
    {"integer", "bigint", true},
    {"bigint", "smallint", true},
    {"numeric", "integer", true},
    {"integer", "numeric(10,0)", false},
    {"bigint", "oid", false},
    {"text", "character varying(3)", true},
    {"character varying", "text", true},
    {"text", "character(3)", false},
    {"text", "name", false},
    {"text", "text[]", false},
    {"timestamp without time zone", "timestamp with time zone", false},
    {"numeric", "double precision", false},
    {"mood", "s.mood", false},
};

static void a_type_suits_where_values_compare_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (column_type_suits(pairs[i].bound, slice_text(pairs[i].type)) != pairs[i].suits)
            fail_msg("%s, %s", pairs[i].bound, pairs[i].type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modifiers_are_left_out),
        cmocka_unit_test(a_type_suits_where_values_compare_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
