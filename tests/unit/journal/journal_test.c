/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "base/random.h"
#include "journal/journal.h"
#include "journal/reader.h"
#include "net/loop.h"

/* Gaps serve as records of any size here: their reason is the text. */
static struct change text_change(struct slice text, uint32_t number)
{
    return (struct change){.kind = CHANGE_GAP, .reason = text, .xid = number};
}

static enum status append_size(struct journal *journal, size_t size, uint32_t number)
{
    static char text[1 << 20];
    const struct change change = text_change(slice_of(text, size), number);

    return journal_append(journal, &change);
}

static void test_append_then_publish(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *reader = journal_reader_open(journal, NULL);
    const struct change change = text_change(SLICE("hello"), 1);

    assert_int_equal(journal_append(journal, &change), OK);
    assert_null(journal_next(reader));
    assert_true(journal_sleep(reader));
    journal_publish(journal);
    assert_false(journal_sleep(reader));
    const struct change *got = journal_look_ahead(reader);
    assert_null(got); /* the writer was not asked since */
    got = journal_next(reader);
    assert_non_null(got);
    assert_slice_is(got->reason, "hello");
    assert_null(journal_next(reader));

    assert_int_equal(journal_read_by_all(journal), 0);
    journal_done(reader);
    assert_int_equal(journal_read_by_all(journal), journal_head(journal));
    assert_int_equal(journal_reader_offset(reader), journal_end(journal));
    journal_reader_close(reader);
    journal_free(journal);
}

/* What wake_signal comes down to, in the place of libuv's: counted, and handed on. */
static _Atomic int wakes;

int uv_async_send(uv_async_t *async)
{
    static int (*real)(uv_async_t *);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "uv_async_send");
    wakes++;
    return real(async);
}

static void ignore(void *arg)
{
    (void)arg;
}

static int wakes_by_a_publish(struct journal *journal)
{
    const int before = wakes;

    assert_int_equal(append_size(journal, 100, 1), OK);
    journal_publish(journal);
    return wakes - before;
}

static void test_only_who_sleeps_is_woken(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct loop *loop = loop_new();
    struct wake *wake = wake_new(loop, ignore, NULL);
    struct journal_reader *reader = journal_reader_open(journal, wake);

    assert_int_equal(wakes_by_a_publish(journal), 0); /* it is at work, and will look */
    assert_false(journal_sleep(reader));
    assert_int_equal(wakes_by_a_publish(journal), 0);
    while (journal_next(reader))
        continue;
    assert_true(journal_sleep(reader));
    assert_int_equal(wakes_by_a_publish(journal), 1);
    assert_int_equal(wakes_by_a_publish(journal), 0); /* it was woken once */

    const uint64_t far = journal_head(journal) + 500;
    assert_true(journal_sleep_until(reader, far));
    while (journal_end(journal) + 300 < far)
        assert_int_equal(wakes_by_a_publish(journal), 0);
    int count = 0;
    while (journal_end(journal) < far)
        count += wakes_by_a_publish(journal);
    assert_int_equal(count, 1);
    assert_false(journal_sleep_until(reader, far));
    assert_int_equal(wakes_by_a_publish(journal), 0);

    journal_reader_close(reader);
    assert_int_equal(wakes_by_a_publish(journal), 0);
    wake_free(wake);
    loop_free(loop);
    journal_free(journal);
}

static void test_reader_begins_at_head(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);

    assert_int_equal(append_size(journal, 10, 1), OK);
    journal_publish(journal);
    struct journal_reader *reader = journal_reader_open(journal, NULL);
    assert_null(journal_next(reader));
    assert_int_equal(append_size(journal, 10, 2), OK);
    journal_publish(journal);
    assert_int_equal(journal_next(reader)->xid, 2);
    assert_null(journal_look_ahead(reader));
    journal_reader_close(reader);
    journal_free(journal);
}

static void test_too_large(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);

    assert_int_equal(append_size(journal, JOURNAL_SIZE_MIN / 4, 1), ERR_LIMIT);
    assert_int_equal(journal_end(journal), 0);
    assert_int_equal(append_size(journal, JOURNAL_SIZE_MIN / 4 - 200, 1), OK);
    journal_free(journal);
}

static void test_reader_in_the_way(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *reader = journal_reader_open(journal, NULL);
    uint32_t count = 0, seen = 0;

    while (append_size(journal, 100, count) == OK)
        count++;
    const uint64_t end = journal_end(journal);
    assert_in_range(end, JOURNAL_SIZE_MIN * 60 / 64, JOURNAL_SIZE_MIN);
    /* What was refused has published what was there, or nobody could ever let go of it. */
    assert_int_equal(journal_head(journal), end);
    assert_int_equal(append_size(journal, 100, count), ERR_AGAIN);
    assert_int_equal(journal_end(journal), end);

    const struct change *change, *ahead;
    uint32_t shown = 0;
    while ((change = journal_next(reader))) {
        assert_int_equal(change->xid, seen++);
        shown = shown < seen ? seen : shown; /* the first is known by reading it only */
        while (seen % 3 != 0 && (ahead = journal_look_ahead(reader)))
            assert_int_equal(ahead->xid, shown++);
        assert_true(shown - seen <= JOURNAL_AHEAD);
        assert_true(seen % 3 == 0 ||
                    shown == (seen + JOURNAL_AHEAD < count ? seen + JOURNAL_AHEAD : count));
    }
    assert_int_equal(seen, count);
    assert_int_equal(append_size(journal, 100, count), ERR_AGAIN); /* read, not let go */
    journal_done(reader);
    assert_int_equal(append_size(journal, 100, count), OK);
    assert_true(journal_tail(journal) > 0);
    journal_reader_close(reader);
    journal_free(journal);
}

static void test_no_reader_no_refusal(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct random random;

    random_init(&random, 1);
    for (uint32_t i = 0; i < 100000; i++) {
        assert_int_equal(append_size(journal, random_below(&random, 3000), i), OK);
        assert_true(journal_tail(journal) <= journal_end(journal));
        assert_true(journal_end(journal) - journal_tail(journal) <= journal_size(journal));
    }
    journal_free(journal);
}

/* Every size up to the largest, so that records lie across the seam at every place. */
static void test_all_sizes_wrap(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *reader = journal_reader_open(journal, NULL);
    char text[JOURNAL_SIZE_MIN / 4];

    for (size_t size = 0; size < sizeof text - 200; size += 7) {
        memset(text, (int)('a' + size % 26), size);
        const struct change change = text_change(slice_of(text, size), (uint32_t)size);
        assert_int_equal(journal_append(journal, &change), OK);
        journal_publish(journal);
        const struct change *got = journal_next(reader);
        assert_int_equal(got->xid, size);
        assert_true(slice_equal(got->reason, change.reason));
        journal_done(reader);
    }
    journal_reader_close(reader);
    journal_free(journal);
}

static void test_retired_table_lives_as_long_as_its_changes(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *reader = journal_reader_open(journal, NULL);
    struct table *table = table_new(SLICE("public"), SLICE("orders"), NULL, 0);
    const struct change change = {.kind = CHANGE_TRUNCATE, .table = table};

    assert_int_equal(journal_append(journal, &change), OK);
    journal_retire(journal, table);
    journal_retire(journal, NULL);
    while (append_size(journal, 100, 0) == OK)
        continue;
    /* ASan sees to it that this is still there, and that it is freed in the end. */
    assert_slice_is(journal_next(reader)->table->name, "orders");
    while (journal_next(reader))
        continue;
    journal_done(reader);
    for (int i = 0; i < 2000; i++) {
        while (journal_next(reader))
            continue;
        journal_done(reader);
        assert_int_equal(append_size(journal, 100, 0), OK);
        journal_publish(journal);
    }
    journal_reader_close(reader);
    journal_free(journal);
}

static void test_many_readers(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *readers[JOURNAL_MAX_READERS];

    for (int i = 0; i < JOURNAL_MAX_READERS; i++)
        assert_non_null(readers[i] = journal_reader_open(journal, NULL));
    assert_null(journal_reader_open(journal, NULL));
    journal_reader_close(readers[7]);
    assert_ptr_equal(journal_reader_open(journal, NULL), readers[7]);
    for (int i = 0; i < JOURNAL_MAX_READERS; i++)
        journal_reader_close(readers[i]);
    journal_free(journal);
}

/* ---- threads: one writer and three readers, each in a loop of its own, in a small ring ---- */

#define THREAD_READERS 3

static uint32_t record_total(void)
{
    const char *text = getenv("JOURNAL_TEST_RECORDS");
    return text ? (uint32_t)atoi(text) : 1000000;
}

struct reading {
    struct journal *journal;
    struct journal_reader *reader;
    struct loop *loop;
    struct wake *wake;
    uint32_t next, total, wrong;
    struct random random;
    pthread_t thread;
};

struct writing {
    struct journal *journal;
    struct loop *loop;
    struct wake *wake;
    uint32_t next, total, refused;
    struct random random;
};

/* The content follows from the number, so that a reader knows what it must be. */
static size_t fill_text(char *text, uint32_t number)
{
    const size_t size = number * 2654435761U % 300;

    memset(text, (int)(number & 0x7F), size);
    return size;
}

static void check_change(struct reading *reading, const struct change *change)
{
    char text[300];
    const size_t size = fill_text(text, reading->next);

    if (change->xid != reading->next || !slice_equal(change->reason, slice_of(text, size)))
        reading->wrong++;
    reading->next++;
}

static void on_reader_wake(void *arg)
{
    struct reading *reading = arg;
    const struct change *change;

    do {
        uint64_t budget = 1 + random_below(&reading->random, 100);
        while (budget-- > 0 && (change = journal_next(reading->reader)))
            check_change(reading, change);
        journal_done(reading->reader);
    } while (!journal_sleep(reading->reader));
    if (reading->next == reading->total)
        loop_stop(reading->loop);
}

static void *reader_main(void *arg)
{
    struct reading *reading = arg;

    wake_signal(reading->wake);
    loop_run(reading->loop);
    journal_reader_close(reading->reader);
    wake_free(reading->wake);
    loop_free(reading->loop);
    return NULL;
}

static void on_writer_wake(void *arg)
{
    struct writing *writing = arg;
    char text[300];

    for (uint64_t i = 0; writing->next < writing->total; i++) {
        const size_t size = fill_text(text, writing->next);
        const struct change change = text_change(slice_of(text, size), writing->next);
        if (journal_append(writing->journal, &change) != OK) {
            writing->refused++;
            return;
        }
        writing->next++;
        if (random_below(&writing->random, 50) == 0)
            journal_publish(writing->journal);
    }
    journal_publish(writing->journal);
    loop_stop(writing->loop);
}

static void start_reader(struct reading *reading, struct journal *journal, uint32_t total)
{
    *reading = (struct reading){.journal = journal, .total = total};
    reading->loop = loop_new();
    reading->wake = wake_new(reading->loop, on_reader_wake, reading);
    reading->reader = journal_reader_open(journal, reading->wake);
    random_init(&reading->random, (uint64_t)(uintptr_t)reading);
    pthread_create(&reading->thread, NULL, reader_main, reading);
}

/* A reader that comes and goes all the time; it holds nobody up and reads whole records. */
struct visiting {
    struct journal *journal;
    _Atomic bool *is_over;
    uint32_t wrong;
};

static void *visitor_main(void *arg)
{
    struct visiting *visiting = arg;

    while (!*visiting->is_over) {
        struct journal_reader *reader = journal_reader_open(visiting->journal, NULL);
        const struct change *change = journal_next(reader);
        if (change) {
            struct reading reading = {.next = change->xid};
            check_change(&reading, change);
            visiting->wrong += reading.wrong;
        }
        journal_reader_close(reader);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct reading readings[THREAD_READERS];
    struct writing writing = {.journal = journal, .total = record_total()};
    _Atomic bool is_over = false;
    struct visiting visiting = {journal, &is_over, 0};
    pthread_t visitor;

    writing.loop = loop_new();
    writing.wake = wake_new(writing.loop, on_writer_wake, &writing);
    random_init(&writing.random, 7);
    journal_on_room(journal, writing.wake);
    for (int i = 0; i < THREAD_READERS; i++)
        start_reader(&readings[i], journal, writing.total);
    pthread_create(&visitor, NULL, visitor_main, &visiting);
    wake_signal(writing.wake);
    loop_run(writing.loop);
    journal_on_room(journal, NULL);
    wake_free(writing.wake);
    loop_free(writing.loop);

    for (int i = 0; i < THREAD_READERS; i++) {
        pthread_join(readings[i].thread, NULL);
        assert_int_equal(readings[i].next, writing.total);
        assert_int_equal(readings[i].wrong, 0);
    }
    is_over = true;
    pthread_join(visitor, NULL);
    assert_int_equal(visiting.wrong, 0);
    assert_true(writing.refused > 0);
    journal_free(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_then_publish),
        cmocka_unit_test(test_only_who_sleeps_is_woken),
        cmocka_unit_test(test_reader_begins_at_head),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_reader_in_the_way),
        cmocka_unit_test(test_no_reader_no_refusal),
        cmocka_unit_test(test_all_sizes_wrap),
        cmocka_unit_test(test_retired_table_lives_as_long_as_its_changes),
        cmocka_unit_test(test_many_readers),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
