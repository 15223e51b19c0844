/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_reader.h"

#include "unit.h"

/* What a reader says of a text, token by token: "{ n:a 1 s:x } ." or "... !again" at the end. */
static void add_token(struct buf *out, const struct json_token *token)
{
    static const char *const words[] = {
        "{", "}", "[", "]", "n:", "s:", "", "true", "false", "null", "."};

    buf_printf(out, "%s%s", out->size > 0 ? " " : "", words[token->kind]);
    buf_add(out, token->text);
    if (token->has_escape)
        buf_add_char(out, '\'');
}

static void read_all(struct slice text, struct buf *out)
{
    struct json_reader reader;
    struct json_token token;
    enum status status;

    json_reader_init(&reader, text, 8);
    while (!(status = json_next(&reader, &token))) {
        add_token(out, &token);
        if (token.kind == JSON_TOKEN_END)
            return;
    }
    buf_printf(out, "%s!%s", out->size > 0 ? " " : "",
               status == ERR_AGAIN ? "again" : (status == ERR_LIMIT ? "limit" : "parse"));
    assert_non_null(reader.why);
    assert_int_equal(json_next(&reader, &token), status);
}

static const struct text_case {
    const char *text, *want;
} tokens_cases[] = {
    {"{\"a\": [1.50, \"x\\n\"]}", "{ n:a [ 1.50 s:x\\n' ] } ."},
    {" \t\r\n null \n", "null ."},
    {"true", "true ."},
    {"false", "false ."},
    {"[]", "[ ] ."},
    {"{}", "{ } ."},
    {"[[],{}]", "[ [ ] { } ] ."},
    {"\"\"", "s: ."},
    {"123456789012345678901234567890123456789.10", "123456789012345678901234567890123456789.10 ."},
    {"-0", "-0 ."},
    {"1e400", "1e400 ."},
    {"1E+05", "1E+05 ."},
    {"[0,-1.5e-7]", "[ 0 -1.5e-7 ] ."},
    {"\"\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
     "s:\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t' ."},
    {"{\"a\":1,\"a\":2}", "{ n:a 1 n:a 2 } ."},
    {"\"0123456789abcdef0123456789\\\"abcdef\"", "s:0123456789abcdef0123456789\\\"abcdef' ."},
    {"\"\x7F\xC3\xA4\"", "s:\x7F\xC3\xA4 ."},
    /* cut */
    {"", "!again"},
    {" ", "!again"},
    {"[", "[ !again"},
    {"[1", "[ 1 !again"},
    {"[1,", "[ 1 !again"},
    {"{", "{ !again"},
    {"{\"a", "{ !again"},
    {"{\"a\"", "{ !again"},
    {"{\"a\":", "{ n:a !again"},
    {"{\"a\":1", "{ n:a 1 !again"},
    {"\"abc", "!again"},
    {"\"abc\\", "!again"},
    {"\"abc\\u12", "!again"},
    {"tru", "!again"},
    {"-", "!again"},
    {"1.", "!again"},
    {"1e", "!again"},
    {"1e+", "!again"},
    /* wrong */
    {"[1,]", "[ 1 !parse"},
    {"[,1]", "[ !parse"},
    {"[1 2]", "[ 1 !parse"},
    {"[1}", "[ 1 !parse"},
    {"{]", "{ !parse"},
    {"{\"a\":1]", "{ n:a 1 !parse"},
    {"{\"a\" 1}", "{ !parse"},
    {"{\"a\":}", "{ n:a !parse"},
    {"{\"a\":1,}", "{ n:a 1 !parse"},
    {"{a:1}", "{ !parse"},
    {"{1:1}", "{ !parse"},
    {"{'a':1}", "{ !parse"},
    {"]", "!parse"},
    {"1 2", "1 !parse"},
    {"{} {}", "{ } !parse"},
    {"null,", "null !parse"},
    {"nulll", "null !parse"},
    {"NULL", "!parse"},
    {"trux", "!parse"},
    {"NaN", "!parse"},
    {"Infinity", "!parse"},
    {"+1", "!parse"},
    {"01", "!parse"},
    {"-01", "!parse"},
    {"00", "!parse"},
    {".5", "!parse"},
    {"1.e5", "!parse"},
    {"1.5.5", "1.5 !parse"},
    {"0x10", "0 !parse"},
    {"--1", "!parse"},
    {"1e5e5", "1e5 !parse"},
    {"\"\n\"", "!parse"},
    {"\"\t\"", "!parse"},
    {"\"0123456789abcdef\x1F\"", "!parse"},
    {"\"\\x41\"", "!parse"},
    {"\"\\u12g4\"", "!parse"},
    {"\"\\'\"", "!parse"},
    {"/* c */ 1", "!parse"},
    {"// c", "!parse"},
    {"\xEF\xBB\xBF{}", "!parse"},
    {"\xC2\xA0 1", "!parse"},
    /* deep: eight brackets and no more */
    {"[[[[[[[[]]]]]]]]", "[ [ [ [ [ [ [ [ ] ] ] ] ] ] ] ] ."},
    {"[[[[[[[[[", "[ [ [ [ [ [ [ [ !limit"},
    {"{\"a\":{\"a\":[{\"a\":[{\"a\":[[{", "{ n:a { n:a [ { n:a [ { n:a [ [ !limit"},
};

static void tokens_are_what_rfc_8259_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tokens_cases / sizeof tokens_cases[0]; i++) {
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        read_all(slice_text(tokens_cases[i].text), &got);
        if (strcmp(buf_text(&got), tokens_cases[i].want) != 0)
            fail_msg("%s\n gives %s\n, not %s", tokens_cases[i].text, buf_text(&got),
                     tokens_cases[i].want);
    }
}

static void a_nul_is_no_white_space_and_no_character(void **state)
{
    struct json_reader reader;
    struct json_token token;

    (void)state;
    json_reader_init(&reader, SLICE("\0001"), 8);
    assert_int_equal(json_next(&reader, &token), ERR_PARSE);
    json_reader_init(&reader, SLICE("\"a\0b\""), 8);
    assert_int_equal(json_next(&reader, &token), ERR_PARSE);
    json_reader_init(&reader, SLICE("\"a\\\0b\""), 8);
    assert_int_equal(json_next(&reader, &token), ERR_PARSE);
}

/* No document that is complete has a beginning that is complete, too, but for numbers. */
static void every_beginning_is_too_short(void **state)
{
    const struct slice whole = SLICE("{\"a\":[true,null,{\"b\\u00e4\":\"\\\\\"}],\"c\":-1.5e7}");

    (void)state;
    for (size_t size = 0; size < whole.size; size++) {
        struct json_reader reader;
        struct json_token token;
        enum status status;

        json_reader_init(&reader, slice_of(whole.at, size), 8);
        while (!(status = json_next(&reader, &token)))
            assert_int_not_equal(token.kind, JSON_TOKEN_END);
        assert_int_equal(status, ERR_AGAIN);
    }
}

static void strings_are_unescaped(void **state)
{
    static const struct text_case cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\\u00e4\\u20ac\\u0041", "\xC3\xA4\xE2\x82\xAC"
                                  "A"},
        {"\\ud83d\\uDE00!", "\xF0\x9F\x98\x80!"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\ud83d", NULL},
        {"\\ud83dx", NULL},
        {"\\ud83d\\n12345", NULL},
        {"\\ud83d\\ud83d", NULL},
        {"\\ude00", NULL},
        {"a\\ude00\\ud83d", NULL},
        {"\\u12", NULL},
        {"\\uzzzz", NULL},
        {"\\", NULL},
        {"\\x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        buf_add_text(&got, "<");
        const enum status status = json_unescape(slice_text(cases[i].text), &got);
        assert_int_equal(status, cases[i].want ? OK : ERR_PARSE);
        assert_slice_is(slice_from(buf_slice(&got), 1), cases[i].want ? cases[i].want : "");
    }
}

static void values_are_skipped_and_taken(void **state)
{
    struct json_reader reader;
    struct json_token token;

    (void)state;
    json_reader_init(&reader, SLICE("{\"a\":{\"b\":[1,{}]},\"c\":[@@,2],\"d\":3}"), 8);
    assert_int_equal(json_next(&reader, &token), OK);
    assert_int_equal(json_next(&reader, &token), OK);
    assert_slice_is(token.text, "a");
    assert_int_equal(json_skip(&reader), OK);
    assert_int_equal(json_next(&reader, &token), OK);
    assert_slice_is(token.text, "c");
    assert_int_equal(json_next(&reader, &token), OK);
    assert_int_equal(json_rest(&reader).at[0], '@');
    json_take(&reader, 2);
    assert_slice_is(slice_of(json_rest(&reader).at, 2), "2]");
    assert_int_equal(json_skip(&reader), OK);
    assert_int_equal(json_next(&reader, &token), OK);
    assert_int_equal(token.kind, JSON_TOKEN_ARRAY_END);
    assert_int_equal(json_skip(&reader), OK); /* "d" and its value */
    assert_int_equal(json_skip(&reader), ERR_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_what_rfc_8259_says),
        cmocka_unit_test(a_nul_is_no_white_space_and_no_character),
        cmocka_unit_test(every_beginning_is_too_short),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(values_are_skipped_and_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
