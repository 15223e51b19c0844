/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "catalog/hypertable.h"

static void chunks_are_known_by_their_names(void **state)
{
    static const struct {
        const char *schema, *table;
        unsigned id;
    } cases[] = {
        {"_timescaledb_internal", "_hyper_1_2_chunk", 1},
        {"_timescaledb_internal", "_hyper_128_1_chunk", 128},
        {"_timescaledb_internal", "_hyper_2147483647_99999999999_chunk", 2147483647},
        {"_timescaledb_internal", "_hyper_2147483648_1_chunk", 0},
        {"_timescaledb_internal", "_hyper_0_1_chunk", 0},
        {"_timescaledb_internal", "_hyper__1_chunk", 0},
        {"_timescaledb_internal", "_hyper_1__chunk", 0},
        {"_timescaledb_internal", "_hyper_1_2", 0},
        {"_timescaledb_internal", "_hyper_1", 0},
        {"_timescaledb_internal", "_hyper_", 0},
        {"_timescaledb_internal", "_hyper_1_2_chunks", 0},
        {"_timescaledb_internal", "_hyper_-1_2_chunk", 0},
        {"_timescaledb_internal", "compress_hyper_1_2_chunk", 0},
        {"_timescaledb_internal", "", 0},
        {"public", "_hyper_1_2_chunk", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            hypertable_id_of_chunk(slice_text(cases[i].schema), slice_text(cases[i].table)),
            cases[i].id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_known_by_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
