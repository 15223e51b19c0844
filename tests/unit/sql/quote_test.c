/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sql/quote.h"

static void text_becomes_sql(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *literal, *identifier;
    } cases[] = {
        {"", sizeof "" - 1, "''", "\"\""},
        {"plain", sizeof "plain" - 1, "'plain'", "\"plain\""},
        {"it's", sizeof "it's" - 1, "'it''s'", "\"it's\""},
        {"'; DROP TABLE t; --", sizeof "'; DROP TABLE t; --" - 1, "'''; DROP TABLE t; --'",
         "\"'; DROP TABLE t; --\""},
        {"a\\b", sizeof "a\\b" - 1, "E'a\\\\b'", "\"a\\b\""},
        {"\\'", sizeof "\\'" - 1, "E'\\\\'''", "\"\\'\""},
        {"a\"b", sizeof "a\"b" - 1, "'a\"b'", "\"a\"\"b\""},
        {"\xC3\xA4", sizeof "\xC3\xA4" - 1, "'\xC3\xA4'", "\"\xC3\xA4\""},
        {"cut\0off", sizeof "cut\0off" - 1, "'cut'", "\"cut\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct slice text = slice_of(cases[i].text, cases[i].size);
        CLEANUP(buf_release) struct buf literal = BUF_INIT;
        CLEANUP(buf_release) struct buf identifier = BUF_INIT;
        sql_quote_literal(&literal, text);
        sql_quote_identifier(&identifier, text);
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
