/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/wal2json_type.h"

#include "unit.h"

static const struct {
    const char *printed; /* in the type's place */
    const char *want;    /* format_type()'s text; NULL: unreadable */
} cases[] = {
    {"\"integer\"", "integer"},
    {"\"numeric(10,2)\"", "numeric(10,2)"},
    {"\"numeric(5,-2)\"", "numeric(5,-2)"},
    {"\"bit(3)\"", "bit(3)"},
    {"\"bit varying(5)\"", "bit varying(5)"},
    {"\"character varying\"", "character varying"},
    {"\"character(3)\"", "character(3)"},
    {"\"double precision[]\"", "double precision[]"},
    {"\"timestamp(3) without time zone\"", "timestamp(3) without time zone"},
    {"\"timestamp with time zone\"", "timestamp with time zone"},
    {"\"time(0) with time zone[]\"", "time(0) with time zone[]"},
    {"\"interval\"", "interval"},
    {"\"interval year to month\"", "interval year to month"},
    {"\"interval day to second(3)\"", "interval day to second(3)"},
    {"\"geometry(Point,4326)\"", "geometry(Point,4326)"},
    {"\"mood\"", "mood"},
    {"\"plain.kind\"", "plain.kind"},
    {"\"plain.\\\"Kind of\\\"\"", "plain.\"Kind of\""},
    {"\"plain.\\\"Kind of\\\"[]\"", "plain.\"Kind of\"[]"},
    {"\"plain.\\\"Kind of\\\"(3)\"", "plain.\"Kind of\"(3)"},
    {"\"\\\"My Type\\\"[]\"", "\"My Type\"[]"},
    {"\"\\\"\\\\\\\"[]\"", "\"\\\"[]"},
    {"\"\\\"quo\\\"\\\"te\\\"[]\"", "\"quo\"\"te\"[]"},
    /* bare */
    {"\"My Type\"", "\"My Type\""},
    {"\"char\"", "\"char\""},
    {"\"bit\"", "\"bit\""},
    {"\"order\"", "\"order\""},
    {"\"\xC3\xBC\"", "\"\xC3\xBC\""},
    {"\"1a\"", "\"1a\""},
    {"\"int\".kind", "\"int\".kind"},
    {"\"int\".\"Kind\"", "\"int\".\"Kind\""},
    {"\"int\".kind(3)", "\"int\".kind(3)"},
    {"\"My Type\"(4,2)", "\"My Type\"(4,2)"},
    {"\"quo\"\"te\"", "\"quo\"\"te\""},
    {"\"\"\"\"", "\"\"\"\""},
    {"\"\\\"", "\"\\\""},
    {"\"\\n\"", "\"\\n\""},
    {"\"a\\\"", "\"a\\\""},
    {"\"x\\\"\"\"", "\"x\\\"\"\""},
    {"\"a.\\\"\"b\\\"\"\"", "\"a.\\\"\"b\\\"\"\""},
    {"\"a.\\\"", "\"a.\\\""},
    {"\"new\nline\"", "\"new\nline\""},
    {"\"x\"\",\"\"value\"\":1},{\"", "\"x\"\",\"\"value\"\":1},{\""},
    {"\"\\\".\"\\\"", "\"\\\".\"\\\""},
    /* neither */
    {"", NULL},
    {"\"", NULL},
    {"integer", NULL},
    {"\"integer", NULL},
    {"\"a\"b", NULL},
    {"\"a\".\"b", NULL},
    {"\"a\"(3", NULL},
    {"null", NULL},
};

/* As it stands in both formats: what follows must not be taken for a part of it. */
static void types_are_repaired(void **state)
{
    static const char *const behind[] = {
        ",\"value\":\"a\"}",   ",\"\\\"]",      "]",
        "],\"columnvalues\":", ",\"integer\"]", ",\"\\\"x\\\"[]\"]"};

    (void)state;
    for (size_t i = 0; i < 6 * (sizeof cases / sizeof cases[0]); i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT, got = BUF_INIT;
        const size_t size = strlen(cases[i / 6].printed);
        buf_add_text(&text, cases[i / 6].printed);
        buf_add_text(&text, behind[i % 6]);
        const size_t got_size = wal2json_type_size(buf_slice(&text));
        if (!cases[i / 6].want) {
            if (got_size != 0 && got_size <= size)
                fail_msg("%s is read", buf_text(&text));
            continue;
        }
        if (got_size != size)
            fail_msg("%s has %zu bytes, not %zu", buf_text(&text), got_size, size);
        assert_int_equal(wal2json_type_text(slice_of(text.at, size), false, &got), OK);
        assert_slice_is(buf_slice(&got), cases[i / 6].want);
    }
}

static void values_tell_a_type_named_as_a_number(void **state)
{
    static const char *const names[] = {"integer", "boolean", "numeric(10,2)"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CLEANUP(buf_release) struct buf token = BUF_INIT, got = BUF_INIT;
        buf_printf(&token, "\"%s\"", names[i]);
        assert_int_equal(wal2json_type_text(buf_slice(&token), true, &got), OK);
        assert_slice_is(buf_slice(&got), buf_text(&token));
        buf_reset(&got);
        assert_int_equal(wal2json_type_text(buf_slice(&token), false, &got), OK);
        assert_slice_is(buf_slice(&got), names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_repaired),
        cmocka_unit_test(values_tell_a_type_named_as_a_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
