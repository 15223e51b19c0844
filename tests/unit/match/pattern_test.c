/* SPDX-License-Identifier: Apache-2.0 */
/* like.c and the regular expressions; both are compared with PostgreSQL by filter_cases.py. */
#include "fixture.h"

#include "match/like.h"
#include "match/regex.h"

static void like_matches_whole_texts(void **state)
{
    static const struct {
        const char *text;
        const char *pattern;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "*", true},
        {"", "_", false},
        {"abc", "abc", true},
        {"abc", "ab", false},
        {"abc", "a%", true},
        {"abcbid", "%b_d", true},
        {"abc", "%%c", true},
        {"a%c", "a\\%c", true},
        {"abc", "a\\%c", false},
        {"a*c", "a\\*c", true},
        {"abc", "a\\*c", false},
        {"a\\c", "a\\\\c", true},
        {"\xC3\xA4", "_", true},
        {"\xC3\xA4", "__", false},
        {"x\xF0\x9F\x98\x80y", "x_y", true},
        {"aaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*a*b", true},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaa", "*a*a*a*a*a*a*a*b", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf pattern = BUF_INIT;
        assert_int_equal(like_pattern(slice_text(cases[i].pattern), &pattern, NULL), OK);
        if (like_matches(slice_text(cases[i].text), buf_slice(&pattern)) != cases[i].matches)
            fail_msg("%s like %s: not %d", cases[i].text, cases[i].pattern, cases[i].matches);
    }
    CLEANUP(buf_release) struct buf pattern = BUF_INIT;
    assert_int_equal(like_pattern(SLICE("a\\"), &pattern, NULL), ERR_INPUT);
}

static void expressions_match(void **state)
{
    static const struct {
        const char *text;
        const char *pattern;
        bool is_nocase;
        bool matches;
    } cases[] = {
        {"abc", "b", false, true},
        {"abc", "^b", false, false},
        {"abc\n", "c$", false, false},
        {"a\nb", "a.b", false, true},
        {"foo bar", "\\mbar\\M", false, true},
        {"foobar", "\\mbar", false, false},
        {"foobar", "\\Ybar", false, true},
        {"a.b", "***=a.b", false, true},
        {"axb", "***=a.b", false, false},
        {"ABC", "(?i)b", false, true},
        {"\xC3\x84", "\xC3\xA4", true, true},
        {"\xE2\x84\xAA", "k", true, false}, /* the Kelvin sign is no k to PostgreSQL */
        {"5", "[[:alpha:]]", false, false},
        {"\xC3\xA4", "^\\w$", false, true},
        {"x foo y bar z", "\\yx\\y.\\yfoo\\y.\\yy\\y.\\ybar\\y.\\yz\\y\\w*\\Y|\\mq\\M", false,
         false},
        {"x foo y bar z", "\\yx\\y.\\yfoo\\y.\\yy\\y.\\ybar\\y.\\yz\\y\\w*|\\mq\\M", false, true},
        {"b", "[^a-c]", true, false},
        {"B", "[a-c]", true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *regex = NULL;
        struct fault fault;
        if (regex_new(slice_text(cases[i].pattern), cases[i].is_nocase, false, &regex, &fault) !=
            OK)
            fail_msg("%s: %s", cases[i].pattern, fault.text);
        if (regex_matches(regex, slice_text(cases[i].text)) != cases[i].matches)
            fail_msg("%s on %s: not %d", cases[i].pattern, cases[i].text, cases[i].matches);
        regex_free(regex);
    }
}

static void what_may_mean_something_else_is_refused(void **state)
{
    static const char *const patterns[] = {
        "(a)\\1",  "(?n)a",   "(?x)a",  "(?#a)",    "(?P<n>a)", "(?>a)",   "\\Qa",
        "\\p{L}",  "a**",     "*a",     "(",        ")",        "[a",      "[z-a]",
        "[a-c-e]", "\\",      "a{256}", "***x",     "^*",       "[[.a.]]", "[[:nope:]]",
        "a{2}{3}", "\\uD800", "(?=a)+", "(?<=a+)b",
    };

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct regex *regex = NULL;
        struct fault fault = {0};
        if (regex_new(slice_text(patterns[i]), false, false, &regex, &fault) != ERR_INPUT)
            fail_msg("%s was taken", patterns[i]);
        assert_string_not_equal(fault.text, "");
    }
}

static void a_bomb_does_not_match_and_ends(void **state)
{
    static char text[200001];
    struct regex *regex = NULL;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    assert_int_equal(regex_new(SLICE("(a*)*(a*)*(a*)*b"), false, false, &regex, NULL), OK);
    assert_false(regex_matches(regex, slice_text(text)));
    regex_free(regex);
    assert_int_equal(regex_new(SLICE("((a{0,255}){0,255}){0,255}"), false, false, &regex, NULL),
                     ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_matches_whole_texts),
        cmocka_unit_test(expressions_match),
        cmocka_unit_test(what_may_mean_something_else_is_refused),
        cmocka_unit_test(a_bomb_does_not_match_and_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
