/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "match/scalar.h"

static const char *const sign_words[] = {"<", "=", ">"};

/* "=" also means that both have one key, and nothing else does. */
static void values_compare_as_in_postgresql(void **state)
{
    static const struct {
        enum value_class class;
        const char *a;
        const char *sign;
        const char *b;
    } cases[] = {
        {VALUE_INTEGER, "-9223372036854775808", "<", "9223372036854775807"},
        {VALUE_INTEGER, "10", ">", "9"},
        {VALUE_NUMERIC, "1.0", "=", "1.00"},
        {VALUE_NUMERIC, "0", "=", "-0.00"},
        {VALUE_NUMERIC, "0.5", "=", "00.50"},
        {VALUE_NUMERIC, "10", ">", "9.99"},
        {VALUE_NUMERIC, "-10", "<", "-9.99"},
        {VALUE_NUMERIC, "0.1", ">", "0.09"},
        {VALUE_NUMERIC, "-0.1", "<", "0"},
        {VALUE_NUMERIC, "NaN", "=", "NaN"},
        {VALUE_NUMERIC, "NaN", ">", "Infinity"},
        {VALUE_NUMERIC, "Infinity", ">", "99999999999999999999999999999999999999999"},
        {VALUE_NUMERIC, "-Infinity", "<", "-99999999999999999999999999999999999999"},
        {VALUE_DOUBLE, "-0", "=", "0"},
        {VALUE_DOUBLE, "NaN", "=", "NaN"},
        {VALUE_DOUBLE, "NaN", ">", "Infinity"},
        {VALUE_DOUBLE, "1e+308", "<", "Infinity"},
        {VALUE_FLOAT, "0.1", "=", "0.100000001"},
        {VALUE_DOUBLE, "0.1", "<", "0.100000001"},
        {VALUE_BOOLEAN, "f", "<", "true"},
        {VALUE_BOOLEAN, "t", "=", "true"},
        {VALUE_STRING, "a", "<", "a "},
        {VALUE_STRING, "z", "<", "\xC3\xA4"},
        {VALUE_BPCHAR, "a", "=", "a   "},
        {VALUE_BPCHAR, "a", "<", "a b"},
        {VALUE_DATE, "2026-01-02", ">", "2025-12-31"},
        {VALUE_DATE, "0001-01-01", ">", "0001-12-31 BC"},
        {VALUE_DATE, "0044-03-15 BC", ">", "0045-03-15 BC"},
        {VALUE_DATE, "12345-01-01", ">", "9999-12-31"},
        {VALUE_DATE, "infinity", ">", "5874897-12-31"},
        {VALUE_DATE, "-infinity", "<", "4714-11-24 BC"},
        {VALUE_TIME, "24:00:00", ">", "23:59:59.999999"},
        {VALUE_TIME, "00:00:00.5", "=", "00:00:00.500"},
        {VALUE_TIMESTAMP, "2026-01-02 03:04:05+00", "=", "2026-01-02 03:04:05"},
        {VALUE_TIMESTAMP, "2026-01-02 03:04:05+02", "=", "2026-01-02 01:04:05+00"},
        {VALUE_TIMESTAMP, "2026-01-02 03:04:05-03:30", "=", "2026-01-02 06:34:05+00"},
        {VALUE_TIMESTAMP, "0044-03-15 12:00:00 BC", "<", "0044-03-15 12:00:00.000001 BC"},
        {VALUE_TIMESTAMP, "294276-12-31 23:59:59.999999", "<", "infinity"},
        {VALUE_INTERVAL, "1 mon", "=", "30 days"},
        {VALUE_INTERVAL, "1 day", "=", "24:00:00"},
        {VALUE_INTERVAL, "1 year", "<", "365 days"},
        {VALUE_INTERVAL, "-1 days +23:59:59", "<", "00:00:00"},
        {VALUE_INTERVAL, "-1 years -2 mons +3 days -04:05:06.789", "<", "-1 years"},
        {VALUE_INTERVAL, "178000000 years", ">", "2562047788:00:54.775807"},
        {VALUE_UUID, "00000000-0000-0000-0000-00000000000a", ">",
         "00000000-0000-0000-0000-000000000009"},
        {VALUE_BYTEA, "\\x", "<", "\\x00"},
        {VALUE_BYTEA, "\\xff", ">", "\\x0aff"},
        {VALUE_INET, "10.0.0.1/32", "=", "10.0.0.1"},
        {VALUE_INET, "::1/128", "=", "::1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf a_key = BUF_INIT;
        CLEANUP(buf_release) struct buf b_key = BUF_INIT;
        const enum value_class class = cases[i].class;
        struct scalar a, b;
        if (!scalar_parse(class, slice_text(cases[i].a), &a) ||
            !scalar_parse(class, slice_text(cases[i].b), &b))
            fail_msg("%s or %s cannot be read", cases[i].a, cases[i].b);
        const int order = scalar_compare(class, &a, &b);
        const char *sign = sign_words[(order > 0) - (order < 0) + 1];
        if (strcmp(sign, cases[i].sign) != 0)
            fail_msg("%s %s %s, not %s", cases[i].a, sign, cases[i].b, cases[i].sign);
        assert_int_equal((scalar_compare(class, &b, &a) > 0), order < 0);
        scalar_add_key(class, &a, &a_key);
        scalar_add_key(class, &b, &b_key);
        assert_int_equal(slice_equal(buf_slice(&a_key), buf_slice(&b_key)), order == 0);
    }
}

static void what_no_type_prints_is_not_read(void **state)
{
    static const struct {
        enum value_class class;
        const char *text;
    } cases[] = {
        {VALUE_INTEGER, ""},
        {VALUE_INTEGER, "-"},
        {VALUE_INTEGER, "1.0"},
        {VALUE_INTEGER, "9223372036854775808"},
        {VALUE_NUMERIC, ""},
        {VALUE_NUMERIC, "-"},
        {VALUE_NUMERIC, "."},
        {VALUE_NUMERIC, "1.2.3"},
        {VALUE_NUMERIC, "1e5"},
        {VALUE_NUMERIC, "--1"},
        {VALUE_DOUBLE, ""},
        {VALUE_DOUBLE, "1x"},
        {VALUE_BOOLEAN, "yes"},
        {VALUE_DATE, "2026-13-01"},
        {VALUE_DATE, "2026-01"},
        {VALUE_DATE, "99999999999999999999-01-01"},
        {VALUE_TIME, "12:00"},
        {VALUE_TIME, "12:61:00"},
        {VALUE_TIMESTAMP, "2026-01-02"},
        {VALUE_TIMESTAMP, "2026-01-02 03:04:05 PM"},
        {VALUE_INTERVAL, ""},
        {VALUE_INTERVAL, "1 fortnight"},
        {VALUE_INTERVAL, "1 day "},
        {VALUE_OPAQUE, "x"},
        {VALUE_JSONB, "1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scalar scalar;
        if (scalar_parse(cases[i].class, slice_text(cases[i].text), &scalar))
            fail_msg("\"%s\" was read", cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_compare_as_in_postgresql),
        cmocka_unit_test(what_no_type_prints_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
