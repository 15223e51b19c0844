/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/utf8.h"

#include "unit.h"

/* Every text of one to four bytes from the interesting ones, against the whole-text check. */
static void pieces_agree_with_the_whole(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                    0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                    0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    enum { COUNT = sizeof bytes };
    size_t good = 0;

    (void)state;
    for (size_t n = 0; n < (size_t)COUNT * COUNT * COUNT * COUNT; n++) {
        const uint8_t text[] = {bytes[n % COUNT], bytes[n / COUNT % COUNT],
                                bytes[n / COUNT / COUNT % COUNT], bytes[n / COUNT / COUNT / COUNT]};
        uint8_t by_byte = UTF8_START;

        for (size_t size = 1; size <= 4; size++) {
            by_byte = utf8_next(by_byte, slice_of(text + size - 1, 1));
            const bool want = slice_is_utf8(slice_of(text, size));
            assert_int_equal(by_byte == UTF8_START, want);
            assert_int_equal(utf8_next(UTF8_START, slice_of(text, size)), by_byte);
            good += want;
        }
    }
    assert_true(good > 1000);
}

static void bad_stays_bad(void **state)
{
    (void)state;
    assert_int_equal(utf8_next(UTF8_BAD, SLICE("fine")), UTF8_BAD);
    assert_int_equal(utf8_next(UTF8_START, SLICE("\xffine")), UTF8_BAD);
    assert_int_equal(utf8_next(UTF8_START, SLICE("")), UTF8_START);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_agree_with_the_whole),
        cmocka_unit_test(bad_stays_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
