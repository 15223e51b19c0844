/* SPDX-License-Identifier: Apache-2.0 */
#include "match/rank.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

#define VALUES 60

static void integer_text(char *out, size_t size, struct random *random)
{
    (void)snprintf(out, size, "%lld", (long long)random_u64(random) >> random_below(random, 64));
}

/* Of any length before and behind the point, often alike in the first digits. */
static void numeric_text(char *out, size_t size, struct random *random)
{
    static const char *const special[] = {"NaN", "Infinity", "-Infinity", "0", "0.00", "-0.001"};
    const size_t count = sizeof special / sizeof special[0];
    const uint64_t chance = random_below(random, 30);
    size_t used = 0;

    if (chance < count) {
        (void)snprintf(out, size, "%s", special[chance]);
        return;
    }
    used += (size_t)snprintf(out, size, "%s", chance % 2 ? "-" : "");
    for (uint64_t part = 0; part < 2; part++) {
        const uint64_t digits = 1 + random_below(random, 20);
        used += (size_t)snprintf(out + used, size - used, "%s", part ? "." : "");
        for (uint64_t i = 0; i < digits; i++)
            out[used++] = (char)('0' + (random_below(random, 3) ? 0 : random_below(random, 10)));
    }
    out[used] = '\0';
}

static void real_text(char *out, size_t size, struct random *random)
{
    static const char *const special[] = {"NaN", "Infinity", "-Infinity", "0", "-0", "5e-324"};
    const uint64_t chance = random_below(random, 30);

    if (chance < sizeof special / sizeof special[0])
        (void)snprintf(out, size, "%s", special[chance]);
    else
        (void)snprintf(out, size, "%s%llue%d", chance % 2 ? "-" : "",
                       (unsigned long long)random_below(random, 1000),
                       (int)random_below(random, 30) - 15);
}

static void interval_text(char *out, size_t size, struct random *random)
{
    const bool is_long = random_below(random, 4) == 0;

    (void)snprintf(out, size, "%s%llu years %llu days %02llu:00:00",
                   random_below(random, 2) ? "-" : "",
                   (unsigned long long)random_below(random, is_long ? 100000000 : 3),
                   (unsigned long long)random_below(random, 300),
                   (unsigned long long)random_below(random, 24));
}

static void word_text(char *out, size_t size, struct random *random)
{
    const size_t count = random_below(random, size - 1 < 14 ? size - 1 : 14);

    for (size_t i = 0; i < count; i++)
        out[i] = (char)(random_below(random, 3) ? 'a' : "b\xc3\xa4z"[random_below(random, 4)]);
    out[count] = '\0';
}

static const struct rank_case {
    enum value_class class;
    void (*make)(char *out, size_t size, struct random *random);
} cases[] = {
    {VALUE_INTEGER, integer_text}, {VALUE_NUMERIC, numeric_text},   {VALUE_FLOAT, real_text},
    {VALUE_DOUBLE, real_text},     {VALUE_INTERVAL, interval_text}, {VALUE_STRING, word_text},
};

static void compare_all(enum value_class class, char texts[VALUES][64])
{
    struct scalar scalars[VALUES];

    for (int i = 0; i < VALUES; i++) {
        if (!scalar_parse(class, slice_text(texts[i]), &scalars[i]))
            fail_msg("%s is not read", texts[i]);
        for (int k = 0; k <= i; k++) {
            const int order = scalar_compare(class, &scalars[i], &scalars[k]);
            const int64_t a = scalar_rank(class, &scalars[i]), b = scalar_rank(class, &scalars[k]);
            if ((order < 0 && a > b) || (order > 0 && a < b) || (order == 0 && a != b))
                fail_msg("%s and %s compare as %d, but have the ranks %lld and %lld", texts[i],
                         texts[k], order, (long long)a, (long long)b);
        }
    }
}

static void ranks_order_as_values_do(void **state)
{
    static char texts[VALUES][64];
    struct random random;
    const char *given = getenv("PGCDC_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 0;

    (void)state;
    if (!given) {
        random_init_system(&random);
        seed = random_u64(&random);
    }
    print_message("# PGCDC_TEST_SEED=%llu\n", (unsigned long long)seed);
    random_init(&random, seed);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int round = 0; round < 50; round++) {
            for (int k = 0; k < VALUES; k++)
                cases[i].make(texts[k], sizeof texts[k], &random);
            compare_all(cases[i].class, texts);
        }
    }
}

static int64_t numeric_rank(const char *text)
{
    struct scalar scalar;

    assert_true(scalar_parse(VALUE_NUMERIC, slice_text(text), &scalar));
    return scalar_rank(VALUE_NUMERIC, &scalar);
}

/* Else every value would be a candidate for every range. */
static void what_differs_in_few_digits_has_ranks_of_its_own(void **state)
{
    static const char *const texts[] = {"-Infinity",
                                        "-1000000",
                                        "-999999.99",
                                        "-0.02",
                                        "-0.0199",
                                        "0",
                                        "0.0000000001",
                                        "0.1",
                                        "0.11",
                                        "1",
                                        "99.99",
                                        "100",
                                        "101",
                                        "99999999999.98",
                                        "99999999999.99",
                                        "100000000000",
                                        "Infinity",
                                        "NaN"};

    (void)state;
    for (size_t i = 1; i < sizeof texts / sizeof texts[0]; i++) {
        if (numeric_rank(texts[i - 1]) >= numeric_rank(texts[i]))
            fail_msg("%s has no lower rank than %s", texts[i - 1], texts[i]);
    }
    assert_int_equal(numeric_rank("1.50"), numeric_rank("01.5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_order_as_values_do),
        cmocka_unit_test(what_differs_in_few_digits_has_ranks_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
