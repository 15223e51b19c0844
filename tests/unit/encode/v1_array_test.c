/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "encode/v1_array.h"

static const struct {
    const char *type, *text, *want;
} cases[] = {
    {"integer[]", "{}", "[]"},
    {"integer[]", "{1}", "[1]"},
    {"integer[]", "{1,-2,NULL}", "[1,-2,null]"},
    {"integer[]", "{{1,2},{3,4}}", "[[1,2],[3,4]]"},
    {"integer[]", "{{{1},{2}}}", "[[[1],[2]]]"},
    {"integer[]", "[0:2]={1,2,3}", "[1,2,3]"},
    {"integer[]", "[-5:-4][2:3]={{1,2},{3,4}}", "[[1,2],[3,4]]"},
    {"bigint[]", "{-9223372036854775808}", "[-9223372036854775808]"},
    {"numeric(10,2)[]", "{1.50,NaN,0.00,Infinity,-Infinity}", "[1.50,null,0.00,null,null]"},
    {"double precision[]", "{1e+300,-0,1.5e-05}", "[1e+300,-0,1.5e-05]"},
    {"boolean[]", "{t,f,NULL}", "[true,false,null]"},
    {"bytea[]", "{\"\\\\xdead\",NULL,\"\\\\x\"}", "[\"dead\",null,\"\"]"},
    {"text[]", "{a,\"b c\",\"\",\"NULL\",NULL}", "[\"a\",\"b c\",\"\",\"NULL\",null]"},
    {"text[]", "{\"null\",\"{\",\"}\",\"a,b\"}", "[\"null\",\"{\",\"}\",\"a,b\"]"},
    {"text[]", "{\"q\\\"\",\"b\\\\\",\"\\\\\\\"\"}", "[\"q\\\"\",\"b\\\\\",\"\\\\\\\"\"]"},
    {"text[]", "{\"line\n\ttab\",\x01}", "[\"line\\n\\ttab\",\"\\u0001\"]"},
    {"text[]", "{\xc3\xa4,\xe2\x82\xac}", "[\"\xc3\xa4\",\"\xe2\x82\xac\"]"},
    {"character varying(10)[]", "{1,2}", "[\"1\",\"2\"]"},
    {"timestamp with time zone[]", "{\"2026-01-02 03:04:05+00\"}", "[\"2026-01-02 03:04:05+00\"]"},
    {"uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
     "[\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"]"},
    {"mood[]", "{sad,\"very sad\"}", "[\"sad\",\"very sad\"]"},
    {"jsonb[]", "{\"{\\\"a\\\": [1, \\\"x\\\\\\\\\\\"]}\",1.50,\"null\",NULL}",
     "[{\"a\": [1, \"x\\\\\"]},1.50,null,null]"},
    {"json[]", "{\"\\\"s\\\"\",true,[1,NULL}", "[\"s\",true,\"[1\",null]"}, /* not JSON: a string */
    {"json[]", "{\"[1,2]\",true}", "[[1,2],true]"},
    {"box[]", "{(1,1),(0,0);(2,2),(1,1)}", "[\"(1,1),(0,0)\",\"(2,2),(1,1)\"]"},
    {"public.geometry(Point,4326)[]", "{0101:0102}", "[\"0101\",\"0102\"]"},
    {"point[]", "{\"(1,2)\"}", "[\"(1,2)\"]"},
    {"\"x(y\"[]", "{a}", "[\"a\"]"},
    /* not arrays: strings of the whole text */
    {"integer[]", "", "\"\""},
    {"integer[]", "{", "\"{\""},
    {"integer[]", "{1", "\"{1\""},
    {"integer[]", "{1,", "\"{1,\""},
    {"integer[]", "{1,}", "\"{1,}\""},
    {"integer[]", "{,1}", "\"{,1}\""},
    {"integer[]", "{1}}", "\"{1}}\""},
    {"integer[]", "{1}x", "\"{1}x\""},
    {"integer[]", "{{1}", "\"{{1}\""},
    {"integer[]", "{{}}", "\"{{}}\""},
    {"integer[]", "1", "\"1\""},
    {"integer[]", "[0:1]", "\"[0:1]\""},
    {"integer[]", "[0:x]={1}", "\"[0:x]={1}\""},
    {"integer[]", "=", "\"=\""},
    {"integer[]", "{{{{{{{1}}}}}}}", "\"{{{{{{{1}}}}}}}\""}, /* seven dimensions */
    {"integer[]", "{1\"2}", "\"{1\\\"2}\""},
    {"text[]", "{\"a}", "\"{\\\"a}\""},
    {"text[]", "{\"a\\", "\"{\\\"a\\\\\""},
    {"text[]", "{\"a\\\"", "\"{\\\"a\\\\\\\"\""},
    {"text[]", "{\"a\"b}", "\"{\\\"a\\\"b}\""},
    {"text[]", "{a\\b}", "\"{a\\\\b}\""},
    {"text[]", "{a{b}", "\"{a{b}\""},
    /* an element that is no number, though its type says so, does not break the message */
    {"integer[]", "{1;2,\"1]\"}", "[\"1;2\",null]"},
    {"integer[]", "{0x11}", "[\"0x11\"]"},
};

static void arrays(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        const struct slice type = slice_text(cases[i].type);

        assert_true(is_array_type(type));
        encode_v1_array(&out, type, slice_text(cases[i].text));
        assert_slice_is(buf_slice(&out), cases[i].want);
    }
}

static void types_that_are_no_arrays(void **state)
{
    static const char *const types[] = {"int2vector", "oidvector", "[]", "text", "\"x[]\"", ""};

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        assert_false(is_array_type(slice_text(types[i])));
    assert_true(is_json_type(SLICE("json")) && is_json_type(SLICE("jsonb")));
    assert_false(is_json_type(SLICE("\"json\"")) || is_json_type(SLICE("public.json")) ||
                 is_json_type(SLICE("jsonpath")));
}

static const struct {
    const char *text, *want;
} documents[] = {
    {"{\"a\": [1.50, true]}", "{\"a\": [1.50, true]}"},
    {" 12345678901234567890123456789.10 ", " 12345678901234567890123456789.10 "},
    {"\"\\ud83d\\ude00\\u0000\"", "\"\\ud83d\\ude00\\u0000\""},
    {"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"}, /* json keeps both */
    {"\"\\ud800\"", "\"\\\"\\\\ud800\\\"\""},
    {"{\"\\udc00\":1}", "\"{\\\"\\\\udc00\\\":1}\""},
    {"", "\"\""},
    {"{", "\"{\""},
    {"1,\"pos\":2", "\"1,\\\"pos\\\":2\""},
};

static void json_is_embedded_where_it_is_sound(void **state)
{
    char deep[1200];
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        buf_reset(&out);
        encode_v1_json(&out, slice_text(documents[i].text));
        assert_slice_is(buf_slice(&out), documents[i].want);
    }
    memset(deep, '[', sizeof deep / 2);
    memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
    buf_reset(&out);
    encode_v1_json(&out, slice_of(deep, sizeof deep));
    assert_int_equal(out.size, sizeof deep + 2);
    assert_int_equal(out.at[0], '"');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays),
        cmocka_unit_test(types_that_are_no_arrays),
        cmocka_unit_test(json_is_embedded_where_it_is_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
