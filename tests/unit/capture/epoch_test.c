/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/epoch.h"

#define FACT(text)                                                                                 \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static void each_fact_counts(void **state)
{
    static const struct epoch_facts cases[] = {
        {FACT("7299"), FACT("16384"), FACT("pgcdc"), FACT("pgoutput")},
        {FACT("7298"), FACT("16384"), FACT("pgcdc"), FACT("pgoutput")},
        {FACT("7299"), FACT("16385"), FACT("pgcdc"), FACT("pgoutput")},
        {FACT("7299"), FACT("16384"), FACT("pgcdd"), FACT("pgoutput")},
        {FACT("7299"), FACT("16384"), FACT("pgcdc"), FACT("wal2json 1")},
        {FACT("7299"), FACT("16384"), FACT("pgcdc"), FACT("wal2json 2")},
        /* The same letters, shared out otherwise. */
        {FACT("72991"), FACT("6384"), FACT("pgcdc"), FACT("pgoutput")},
        {FACT("729916384"), FACT(""), FACT("pgcdc"), FACT("pgoutput")},
    };
    const size_t count = sizeof cases / sizeof cases[0];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(epoch_of(&cases[i]) != 0);
        assert_true(epoch_of(&cases[i]) == epoch_of(&cases[i]));
        for (size_t j = 0; j < i; j++)
            assert_true(epoch_of(&cases[i]) != epoch_of(&cases[j]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_fact_counts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
