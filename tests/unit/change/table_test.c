/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "change/position.h"
#include "change/table.h"

static void types_are_classed_by_their_printed_name(void **state)
{
    static const struct {
        const char *type;
        enum column_class want;
    } cases[] = {
        {"integer", COLUMN_NUMBER},
        {"numeric(10,2)", COLUMN_NUMBER},
        {"numeric", COLUMN_NUMBER},
        {"numeric[]", COLUMN_STRING},
        {"numeric(10,2)[]", COLUMN_STRING},
        {"boolean", COLUMN_BOOLEAN},
        {"boolean[]", COLUMN_STRING},
        {"bytea", COLUMN_BYTEA},
        {"public.\"integer\"", COLUMN_STRING},
        {"money", COLUMN_STRING},
        {"text", COLUMN_STRING},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(column_class_of_type(slice_text(cases[i].type)), cases[i].want);
}

static void a_table_knows_its_columns(void **state)
{
    const struct column_spec columns[] = {{SLICE("id"), SLICE("bigint"), true},
                                          {SLICE("a \"b\"\n"), SLICE("text"), false}};
    struct table *table = table_new(SLICE("public"), SLICE("t"), columns, 2);

    (void)state;
    assert_int_equal(table_find_column(table, SLICE("id")), 0);
    assert_int_equal(table_find_column(table, SLICE("none")), -1);
    assert_slice_is(table->columns[1].name_json, "\"a \\\"b\\\"\\n\"");
    assert_true(table_is(table, SLICE("public"), SLICE("t"), columns, 2));
    assert_false(table_is(table, SLICE("public"), SLICE("t"), columns, 1));
    table_free(table);
}

static void lsns_are_read_and_printed(void **state)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    lsn value;

    (void)state;
    assert_int_equal(lsn_parse(SLICE("16/B374D848"), &value), OK);
    assert_true(value == 0x16B374D848U);
    lsn_print(&text, value);
    assert_slice_is(buf_slice(&text), "16/B374D848");
    assert_int_equal(lsn_parse(SLICE("16"), &value), ERR_PARSE);
    assert_int_equal(lsn_parse(SLICE("/1"), &value), ERR_PARSE);
    assert_int_equal(lsn_parse(SLICE("1/123456789"), &value), ERR_PARSE);
    assert_int_equal(lsn_parse(SLICE("g/1"), &value), ERR_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_classed_by_their_printed_name),
        cmocka_unit_test(a_table_knows_its_columns),
        cmocka_unit_test(lsns_are_read_and_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
