/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/json_writer.h"

static void strings_are_escaped(void **state)
{
    static const struct {
        struct slice text;
        const char *want;
    } cases[] = {
        {{NULL, 0}, "\"\""},
        {{"", 0}, "\"\""},
        {{"a", 1}, "\"a\""},
        {{"1234567", 7}, "\"1234567\""},
        {{"12345678", 8}, "\"12345678\""},
        {{"123456789", 9}, "\"123456789\""},
        {{"\"", 1}, "\"\\\"\""},
        {{"\\", 1}, "\"\\\\\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"\x01\x1f\x0b", 3}, "\"\\u0001\\u001f\\u000b\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
        {{"\x7f /", 3}, "\"\x7f /\""},
        {{"1234567\"", 8}, "\"1234567\\\"\""},
        {{"12345678\"", 9}, "\"12345678\\\"\""},
        {{"\"23456789abcdefg\\", 17}, "\"\\\"23456789abcdefg\\\\\""},
        {{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98", 9}, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98\""},
        {{"{\"a\": [1, 2]}", 13}, "\"{\\\"a\\\": [1, 2]}\""},
        {{"\"\"\"\"\"\"\"\"\"\"", 10}, "\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        json_add_string(&out, cases[i].text);
        assert_slice_is(buf_slice(&out), cases[i].want);
    }
}

/* Byte by byte, as RFC 8259 says it. */
static void add_slowly(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c >= 0x20)
            buf_add_char(out, (char)c);
        else if (c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t')
            buf_printf(out, "\\%c", "btn?fr"[c - '\b']);
        else
            buf_printf(out, "\\u%04x", c);
    }
}

/* Each byte at each place of a text of each length: no lane hides another. */
static void every_byte_at_every_place(void **state)
{
    CLEANUP(buf_release) struct buf got = BUF_INIT;
    CLEANUP(buf_release) struct buf want = BUF_INIT;
    char text[20];

    (void)state;
    for (unsigned around = 0; around < 2; around++) {
        for (unsigned c = 0; c < 256; c++) {
            for (size_t at = 0; at < sizeof text; at++) {
                memset(text, around ? '\xff' : '!', sizeof text);
                text[at] = (char)c;
                text[(at + 5) % sizeof text] = (char)(c ^ 1);
                buf_reset(&got);
                buf_reset(&want);
                json_add_escaped(&got, slice_of(text, sizeof text));
                add_slowly(&want, slice_of(text, sizeof text));
                assert_true(slice_equal(buf_slice(&got), buf_slice(&want)));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(every_byte_at_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
