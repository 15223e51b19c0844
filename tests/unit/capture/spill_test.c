/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "capture/spill.h"
#include "spill_disk.h"

/* Message n of transaction x: its own numbers, then as many more bytes as told. */
static void make_message(struct buf *out, uint32_t xid, uint32_t n, size_t size)
{
    buf_reset(out);
    buf_printf(out, "%u/%u ", xid, n);
    while (out->size < size)
        buf_add_char(out, (char)('a' + out->size % 26));
}

static enum status add(struct spill *spill, uint32_t xid, uint32_t n, size_t size)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    struct spill_transaction *transaction = spill_find(spill, xid);
    struct fault fault = {0};

    make_message(&message, xid, n, size);
    if (!transaction)
        transaction = spill_begin(spill, xid);
    const struct spill_record record = {buf_slice(&message), n};
    const enum status status = spill_add(spill, transaction, &record, &fault);
    assert_int_equal(status == OK, fault.text[0] == '\0');
    return status;
}

/* Reads record n, again after each failure; false: there is none. */
static bool read_next(struct spill *spill, uint32_t xid, uint32_t n, size_t size)
{
    CLEANUP(buf_release) struct buf want = BUF_INIT;
    struct spill_transaction *transaction = spill_find(spill, xid);
    struct spill_record got;
    struct fault fault = {0};
    enum status status;

    while ((status = spill_read(spill, transaction, &got, &fault)) == ERR_AGAIN)
        assert_true(fault.text[0] != '\0');
    if (status == ERR_NOT_FOUND)
        return false;
    assert_int_equal(status, OK);
    make_message(&want, xid, n, size);
    assert_int_equal(got.note, n);
    assert_true(slice_equal(got.message, buf_slice(&want)));
    spill_advance(spill, transaction);
    return true;
}

static struct spill *spill_on(struct disk *disk, struct spill_files *files, size_t memory_max)
{
    *files = disk_files(disk);
    const struct spill_config config = {"/somewhere", memory_max, files};
    return spill_new(&config);
}

static const struct {
    const char *name;
    size_t memory_max, call_max;
    uint32_t transactions, messages;
    size_t size; /* of messages: up to this */
    bool has_file;
} shapes[] = {
    {"all in memory", (size_t)1 << 30, 0, 3, 2000, 500, false},
    {"most on disk", (size_t)1 << 20, 0, 3, 8000, 500, true},
    {"all on disk", 0, 0, 5, 3000, 500, true},
    {"a disk of small calls", (size_t)1 << 18, 1000, 2, 3000, 500, true},
    {"larger than a chunk", (size_t)1 << 20, 0, 2, 40, 300000, true},
    {"larger than memory", 1, 0, 2, 10, 600000, true},
    {"empty messages", 1, 0, 2, 30000, 0, true},
};

static size_t size_of(uint32_t n, size_t max)
{
    return max ? (n * 7919U) % max : 0;
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct disk disk = {.call_max = shapes[i].call_max};
        struct spill_files files;
        struct spill *spill = spill_on(&disk, &files, shapes[i].memory_max);

        for (uint32_t n = 0; n < shapes[i].messages; n++)
            for (uint32_t xid = 1; xid <= shapes[i].transactions; xid++) {
                assert_int_equal(add(spill, xid, n, size_of(n, shapes[i].size)), OK);
                assert_true(metrics_get(METRIC_SPILL_MEMORY) <=
                            shapes[i].memory_max + shapes[i].size + (size_t)SPILL_CHUNK);
            }
        if (shapes[i].has_file != (disk_open_count(&disk) > 0))
            fail_msg("%s: %d files", shapes[i].name, disk_open_count(&disk));
        for (uint32_t xid = 1; xid <= shapes[i].transactions; xid++) {
            for (uint32_t n = 0; n < shapes[i].messages; n++)
                assert_true(read_next(spill, xid, n, size_of(n, shapes[i].size)));
            assert_false(read_next(spill, xid, 0, 0));
            spill_drop(spill, spill_find(spill, xid));
            assert_null(spill_find(spill, xid));
        }
        assert_int_equal(disk_open_count(&disk), 0);
        assert_int_equal(metrics_get(METRIC_SPILL_MEMORY), 0);
        assert_int_equal(metrics_get(METRIC_SPILL_DISK), 0);
        spill_free(spill);
    }
}

static void a_full_disk_loses_nothing(void **state)
{
    struct disk disk = {.size = (size_t)1 << 20, .call_max = 5000};
    struct spill_files files;
    struct spill *spill = spill_on(&disk, &files, (size_t)1 << 20);
    uint32_t n = 0, added;

    (void)state;
    while (add(spill, 7, n, 1000) == OK)
        n++;
    assert_in_range(n, 1500, 2200);
    for (int i = 0; i < 5; i++)
        assert_int_equal(add(spill, 7, n, 1000), ERR_AGAIN);
    assert_true(metrics_get(METRIC_SPILL_MEMORY) <= (1 << 20));
    disk.size *= 2;
    for (added = n; added < n + 500; added++)
        assert_int_equal(add(spill, 7, added, 1000), OK);
    for (uint32_t i = 0; i < added; i++)
        assert_true(read_next(spill, 7, i, 1000));
    assert_false(read_next(spill, 7, 0, 0));
    spill_free(spill);
    assert_int_equal(disk_open_count(&disk), 0);
}

/* F22: each single call fails once, for every reason; the caller tries again. */
static void any_call_may_fail(void **state)
{
    static const int errors[] = {EIO, ENOSPC, EINTR, EMFILE, EDQUOT};
    bool has_failed = true;

    (void)state;
    for (int failing = 1; has_failed; failing++) {
        struct disk disk = {.failing = failing, .error = errors[failing % 5], .call_max = 50000};
        struct spill_files files;
        struct spill *spill = spill_on(&disk, &files, 0);

        for (uint32_t n = 0; n < 60; n++)
            for (uint32_t xid = 1; xid <= 2; xid++)
                if (add(spill, xid, n, n == 30 ? 200000 : 9000) != OK)
                    assert_int_equal(add(spill, xid, n, n == 30 ? 200000 : 9000), OK);
        for (uint32_t xid = 1; xid <= 2; xid++) {
            for (uint32_t n = 0; n < 60; n++)
                assert_true(read_next(spill, xid, n, n == 30 ? 200000 : 9000));
            assert_false(read_next(spill, xid, 0, 0));
        }
        has_failed = disk.call >= failing;
        spill_free(spill);
        assert_int_equal(disk_open_count(&disk), 0);
    }
}

static void a_damaged_file_is_refused(void **state)
{
    struct spill_record got;
    struct fault fault = {0};

    (void)state;
    for (int how = 0; how < 2; how++) {
        struct disk disk = {0};
        struct spill_files files;
        struct spill *spill = spill_on(&disk, &files, 0);

        for (uint32_t n = 0; n < 300; n++)
            assert_int_equal(add(spill, 1, n, 1000), OK);
        if (how == 0)
            disk.damage = disk.call + 1;
        else
            memset(disk.files[0].at, 0xff, 4);
        assert_int_equal(spill_read(spill, spill_find(spill, 1), &got, &fault), ERR_PARSE);
        assert_true(fault.text[0] != '\0');
        spill_free(spill);
    }
}

static void aborted_subtransactions_are_known(void **state)
{
    const struct spill_config config = {"/tmp", 0, NULL};
    struct spill *spill = spill_new(&config);
    struct spill_transaction *transaction = spill_begin(spill, 1);

    (void)state;
    assert_false(spill_is_aborted(transaction, 10));
    for (uint32_t xid = 3000; xid > 1000; xid -= 2)
        spill_abort(transaction, xid);
    spill_abort(transaction, 3000);
    for (uint32_t xid = 900; xid < 3100; xid++)
        assert_int_equal(spill_is_aborted(transaction, xid),
                         xid > 1000 && xid <= 3000 && xid % 2 == 0);
    spill_abort(transaction, 901);
    assert_true(spill_is_aborted(transaction, 901));
    spill_free(spill);
}

static void the_system_has_files_too(void **state)
{
    const struct spill_config config = {"/tmp", 0, NULL};
    const struct spill_config nowhere = {"/nonexistent/pgcdc", 0, NULL};
    struct spill *spill = spill_new(&config);
    struct fault fault = {0};

    (void)state;
    assert_int_equal(spill_check("/tmp", &fault), OK);
    assert_int_equal(spill_check("/nonexistent/pgcdc", &fault), ERR_SYSTEM);
    for (uint32_t n = 0; n < 1000; n++)
        assert_int_equal(add(spill, 5, n, 900), OK);
    for (uint32_t n = 0; n < 1000; n++)
        assert_true(read_next(spill, 5, n, 900));
    assert_false(read_next(spill, 5, 0, 0));
    spill_free(spill);

    spill = spill_new(&nowhere);
    for (uint32_t n = 0; n < 1000; n++)
        if (add(spill, 5, n, 900) != OK) {
            spill_free(spill);
            return;
        }
    fail_msg("a directory that is not there took it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_full_disk_loses_nothing),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(aborted_subtransactions_are_known),
        cmocka_unit_test(the_system_has_files_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
