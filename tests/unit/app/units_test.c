/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "app/units.h"

static void sizes_are_read_with_their_unit(void **state)
{
    static const struct {
        const char *text;
        enum status status;
        uint64_t bytes;
    } cases[] = {
        {"0", OK, 0},
        {"268435456", OK, 268435456},
        {"256MiB", OK, 268435456},
        {"256 mib", OK, 268435456},
        {"64MB", OK, 64000000},
        {"1GiB", OK, 1073741824},
        {"512kB", OK, 512000},
        {"512KiB", OK, 524288},
        {"16B", OK, 16},
        {"2tib", OK, 2199023255552},
        {"3TB", OK, 3000000000000},
        {"3GB", OK, 3000000000},
        {"18446744073709551615", OK, UINT64_MAX},
        {"18446744073709551616", ERR_LIMIT, 0},
        {"16777216TiB", ERR_LIMIT, 0},
        {"", ERR_INPUT, 0},
        {"MiB", ERR_INPUT, 0},
        {"-1", ERR_INPUT, 0},
        {"+1", ERR_INPUT, 0},
        {" 1", ERR_INPUT, 0},
        {"1.5GiB", ERR_INPUT, 0},
        {"1M", ERR_INPUT, 0},
        {"1MiBs", ERR_INPUT, 0},
        {"0x10", ERR_INPUT, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 0;
        if (units_read_size(slice_text(cases[i].text), &bytes) != cases[i].status ||
            bytes != cases[i].bytes)
            fail_msg("%s: %llu", cases[i].text, (unsigned long long)bytes);
    }
}

static void sizes_are_printed_without_a_rest(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0B"},
        {1000, "1000B"},
        {1024, "1KiB"},
        {1536, "1536B"},
        {268435456, "256MiB"},
        {(uint64_t)5 << 40, "5TiB"},
        {UINT64_MAX, "18446744073709551615B"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        units_print_size(&out, cases[i].bytes);
        assert_slice_is(buf_slice(&out), cases[i].text);
    }
}

static void times_are_read_with_their_unit(void **state)
{
    static const struct {
        const char *text;
        enum status status;
        uint64_t us;
    } cases[] = {
        {"0", OK, 0},
        {"0ms", OK, 0},
        {"0us", OK, 0},
        {"500us", OK, 500},
        {"0.5ms", OK, 500},
        {"0.5 MS", OK, 500},
        {"2ms", OK, 2000},
        {"2.125ms", OK, 2125},
        {"2.1255ms", OK, 2125},
        {"1s", OK, 1000000},
        {"0.000001s", OK, 1},
        {"1.5us", OK, 1},
        {"5", ERR_INPUT, 0},
        {"0.5", ERR_INPUT, 0},
        {"", ERR_INPUT, 0},
        {"ms", ERR_INPUT, 0},
        {".5ms", ERR_INPUT, 0},
        {"1.ms", ERR_INPUT, 0},
        {"1.5.5ms", ERR_INPUT, 0},
        {"-1ms", ERR_INPUT, 0},
        {"1min", ERR_INPUT, 0},
        {"1 m s", ERR_INPUT, 0},
        {"4294967296ms", ERR_INPUT, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t us = 0;
        const enum status status = units_read_time(slice_text(cases[i].text), &us);
        if (status != cases[i].status || us != cases[i].us)
            fail_msg("%s: %llu", cases[i].text, (unsigned long long)us);
    }
}

static void times_are_printed_without_a_rest(void **state)
{
    static const struct {
        uint64_t us;
        const char *text;
    } cases[] = {{0, "0ms"},    {1, "1us"},       {500, "500us"},
                 {2000, "2ms"}, {2500, "2500us"}, {3000000, "3s"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        units_print_time(&out, cases[i].us);
        assert_slice_is(buf_slice(&out), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_with_their_unit),
        cmocka_unit_test(sizes_are_printed_without_a_rest),
        cmocka_unit_test(times_are_read_with_their_unit),
        cmocka_unit_test(times_are_printed_without_a_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
