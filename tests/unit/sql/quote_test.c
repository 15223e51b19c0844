/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sql/quote.h"

static void text_becomes_sql(void **state)
{
    static const struct {
        struct slice text;
        const char *literal, *identifier;
    } cases[] = {
        {SLICE(""), "''", "\"\""},
        {SLICE("plain"), "'plain'", "\"plain\""},
        {SLICE("it's"), "'it''s'", "\"it's\""},
        {SLICE("'; DROP TABLE t; --"), "'''; DROP TABLE t; --'", "\"'; DROP TABLE t; --\""},
        {SLICE("a\\b"), "E'a\\\\b'", "\"a\\b\""},
        {SLICE("\\'"), "E'\\\\'''", "\"\\'\""},
        {SLICE("a\"b"), "'a\"b'", "\"a\"\"b\""},
        {SLICE("\xC3\xA4"), "'\xC3\xA4'", "\"\xC3\xA4\""},
        {SLICE("cut\0off"), "'cut'", "\"cut\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf literal = BUF_INIT;
        CLEANUP(buf_release) struct buf identifier = BUF_INIT;
        sql_quote_literal(&literal, cases[i].text);
        sql_quote_identifier(&identifier, cases[i].text);
        assert_slice_is(buf_slice(&literal), cases[i].literal);
        assert_slice_is(buf_slice(&identifier), cases[i].identifier);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_sql),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
