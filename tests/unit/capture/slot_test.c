/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/slot.h"

static struct slot_info good(void)
{
    return (struct slot_info){
        .exists = true, .is_logical = true, .is_here = true, .plugin = "pgoutput"};
}

static void test_judge(void **state)
{
    (void)state;
    struct slot_info infos[8];
    for (size_t i = 0; i < 8; i++)
        infos[i] = good();
    infos[1].exists = false;
    infos[2].is_logical = false;
    infos[3].is_here = false;
    infos[4].active_pid = 4711;
    infos[5].is_lost = true;
    (void)strcpy(infos[6].plugin, "wal2json");
    (void)strcpy(infos[7].plugin, "test_decoding");
    const struct {
        const char *plugin;
        enum slot_verdict want;
        const char *words;
    } cases[] = {
        {"pgoutput", SLOT_USABLE, ""},
        {NULL, SLOT_MISSING, "does not exist"},
        {NULL, SLOT_WRONG, "physical"},
        {NULL, SLOT_WRONG, "another database"},
        {NULL, SLOT_BUSY, "process 4711"},
        {NULL, SLOT_LOST, "wal_status"},
        {"pgoutput", SLOT_WRONG, "plugin wal2json, not pgoutput"},
        {NULL, SLOT_WRONG, "plugin test_decoding, not pgoutput or wal2json"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault fault = {0};
        assert_int_equal(slot_judge(&infos[i], "s", cases[i].plugin, &fault), cases[i].want);
        assert_non_null(strstr(fault.text, cases[i].words));
    }
    struct fault fault = {0};
    assert_int_equal(slot_judge(&infos[6], "s", NULL, &fault), SLOT_USABLE);
}

static void test_stuck(void **state)
{
    (void)state;
    const struct {
        const char *words;
        bool want;
    } cases[] = {
        {"publication \"pgcdc\" does not exist", true},
        {"invalid memory alloc request size 1073741824", true},
        {"out of memory", true},
        {"terminating connection due to administrator command", false},
        {"database \"pgcdc\" does not exist", false},
        {"publication", false},
        {"", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(slot_is_stuck(slice_text(cases[i].words)), cases[i].want);
}

static void test_too_early(void **state)
{
    (void)state;
    assert_true(
        slot_is_too_early(SLICE("could not map filenumber \"base/5/16389\" to relation OID")));
    assert_true(
        slot_is_too_early(SLICE("could not map filenode \"base/5/16389\" to relation OID")));
    assert_false(slot_is_too_early(SLICE("terminating connection due to administrator command")));
    assert_false(slot_is_too_early(SLICE("")));
}

static void test_names(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf one = BUF_INIT;
    CLEANUP(buf_release) struct buf two = BUF_INIT;

    slot_random_name(&one);
    slot_random_name(&two);
    assert_int_equal(one.size, 22);
    assert_true(slice_starts(buf_slice(&one), SLICE("pgcdc_")));
    assert_false(slice_equal(buf_slice(&one), buf_slice(&two)));
}

static void test_commands(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    slot_add_create(&out, "a\"b", "pgoutput", SLOT_TEMPORARY);
    assert_slice_is(buf_slice(&out), "CREATE_REPLICATION_SLOT \"a\"\"b\" TEMPORARY LOGICAL "
                                     "\"pgoutput\" NOEXPORT_SNAPSHOT");
    buf_reset(&out);
    slot_add_create(&out, "s", "wal2json", SLOT_DURABLE);
    assert_slice_is(buf_slice(&out),
                    "CREATE_REPLICATION_SLOT \"s\" LOGICAL \"wal2json\" NOEXPORT_SNAPSHOT");
    buf_reset(&out);
    slot_add_create(&out, "s", "pgoutput", SLOT_FAILOVER);
    assert_slice_is(buf_slice(&out), "CREATE_REPLICATION_SLOT \"s\" LOGICAL \"pgoutput\" "
                                     "(SNAPSHOT 'nothing', FAILOVER)");
    buf_reset(&out);
    slot_add_start(&out, "s", SLICE("\"proto_version\" '1'"));
    assert_slice_is(buf_slice(&out),
                    "START_REPLICATION SLOT \"s\" LOGICAL 0/0 (\"proto_version\" '1')");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),     cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_too_early), cmocka_unit_test(test_names),
        cmocka_unit_test(test_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
