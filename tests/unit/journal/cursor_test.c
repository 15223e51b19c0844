/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/random.h"
#include "journal/cursor.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "journal/reader.h"

#define EPOCH 77U

/* Records without tables or rows: what counts here is their position. */
static enum status append(struct journal *journal, lsn commit, uint32_t index, size_t size)
{
    static char text[4096];
    const struct change change = {.kind = CHANGE_GAP,
                                  .reason = slice_of(text, size),
                                  .position = {commit, index},
                                  .xid = (uint32_t)commit};

    return journal_append(journal, &change);
}

static struct token token_at(lsn commit, uint32_t index)
{
    return (struct token){EPOCH, {commit, index}};
}

/* The position of the first change behind the token, or {0, 0} where there is none yet. */
static enum status find(struct journal_reader *reader, struct token token, struct position *out)
{
    struct fault fault;
    uint64_t offset;
    const enum status status = journal_find(reader, &token, &offset, &fault);

    *out = (struct position){0, 0};
    if (status != OK)
        return status;
    assert_int_equal(journal_cursor_open(reader, offset), OK);
    const struct change *change = journal_cursor_next(reader);
    if (change)
        *out = change->position;
    (void)journal_cursor_close(reader);
    return OK;
}

static void read_all(struct journal_reader *reader)
{
    while (journal_next(reader))
        continue;
    journal_done(reader);
}

static void every_kept_position_is_found(void **state)
{
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *reader = journal_reader_open(journal, NULL);
    struct random random;
    struct position got;
    struct journal_ledger ledger;

    (void)state;
    random_init(&random, 3);
    journal_begin_epoch(journal, EPOCH, 5, 0);
    for (lsn commit = 10; commit < 4000; commit += 10) {
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(append(journal, commit, i, random_below(&random, 300)), OK);
        journal_settle(journal, commit);
        journal_publish(journal);
        read_all(reader);
    }
    journal_read_ledger(journal, &ledger);
    assert_true(ledger.floor.commit > 10 && ledger.floor.commit < 3980);
    for (lsn commit = 10; commit < 3990; commit += 10) {
        const struct position whole = {commit, POSITION_ALL};
        const bool kept = position_compare(whole, ledger.floor) >= 0;
        assert_int_equal(find(reader, token_at(commit, POSITION_ALL), &got),
                         kept ? OK : ERR_NOT_FOUND);
        if (!kept)
            continue;
        assert_true(got.commit == commit + 10 && got.index == 0);
        if (position_compare((struct position){commit, 0}, ledger.floor) < 0)
            continue;
        assert_int_equal(find(reader, token_at(commit, 0), &got), OK);
        assert_true(got.commit == commit && got.index == 1);
    }
    assert_int_equal(find(reader, token_at(3990, 1), &got), OK);
    assert_true(got.commit == 3990 && got.index == 2);
    assert_int_equal(find(reader, token_at(3990, 2), &got), OK);
    assert_true(got.commit == 0);
    journal_reader_close(reader);
    journal_free(journal);
}

static void foreign_old_and_future_positions_are_told(void **state)
{
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *reader = journal_reader_open(journal, NULL);
    struct position got;

    (void)state;
    journal_begin_epoch(journal, EPOCH, 100, 0);
    assert_int_equal(find(reader, token_at(100, POSITION_ALL), &got), OK);
    assert_int_equal(find(reader, token_at(99, 0), &got), ERR_NOT_FOUND);
    assert_int_equal(find(reader, token_at(101, 0), &got), ERR_NOT_FOUND);
    journal_settle(journal, 150);
    journal_publish(journal);
    assert_int_equal(find(reader, token_at(150, POSITION_ALL), &got), OK);
    assert_int_equal(find(reader, (struct token){EPOCH + 1, {150, 0}}, &got), ERR_NOT_FOUND);

    /* A new epoch may count lower; what was before it is not found any more. */
    assert_int_equal(append(journal, 200, 0, 10), OK);
    journal_begin_epoch(journal, EPOCH + 1, 20, 0);
    assert_int_equal(append(journal, 30, 0, 10), OK);
    journal_settle(journal, 30);
    journal_publish(journal);
    read_all(reader);
    assert_int_equal(find(reader, token_at(150, 0), &got), ERR_NOT_FOUND);
    assert_int_equal(find(reader, (struct token){EPOCH + 1, {20, POSITION_ALL}}, &got), OK);
    assert_true(got.commit == 30);
    journal_reader_close(reader);
    journal_free(journal);
}

/* A restored copy of a database gives the same positions to other transactions. */
static void another_history_is_told(void **state)
{
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *reader = journal_reader_open(journal, NULL);
    const struct change change = {.kind = CHANGE_GAP, .position = {200, 0, 0xAAAA}};
    const struct {
        struct position position;
        enum status want;
    } cases[] = {
        {{100, POSITION_ALL, 0x1111}, OK}, /* of this journal, before the first change */
        {{100, POSITION_ALL, 0x2222}, ERR_NOT_FOUND},
        {{100, POSITION_ALL, 0}, ERR_NOT_FOUND},
        {{150, POSITION_ALL, 0x1111}, OK},
        {{150, 0, 0x2222}, ERR_NOT_FOUND}, /* a transaction that is not here */
        {{200, 0, 0xAAAA}, OK},
        {{200, 0, 0xBBBB}, ERR_NOT_FOUND},
        {{250, POSITION_ALL, 0xAAAA}, OK},
        {{250, POSITION_ALL, 0x1111}, ERR_NOT_FOUND},
        {{200, 0, 0}, ERR_NOT_FOUND},
    };
    struct journal_ledger ledger;
    struct position got;

    (void)state;
    journal_begin_epoch(journal, EPOCH, 100, 0x1111);
    journal_settle(journal, 150);
    journal_publish(journal);
    journal_read_ledger(journal, &ledger);
    assert_int_equal(ledger.check, 0x1111);
    assert_int_equal(journal_append(journal, &change), OK);
    journal_publish(journal);
    journal_read_ledger(journal, &ledger);
    assert_int_equal(ledger.check, 0x1111); /* 200 is not settled */
    journal_settle(journal, 300);
    journal_publish(journal);
    journal_read_ledger(journal, &ledger);
    assert_int_equal(ledger.check, 0xAAAA);
    read_all(reader);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(find(reader, (struct token){EPOCH, cases[i].position}, &got),
                         cases[i].want);
    journal_reader_close(reader);
    journal_free(journal);
}

static void a_place_that_is_overwritten_is_refused_and_holds_nothing_up(void **state)
{
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *reader = journal_reader_open(journal, NULL);

    (void)state;
    journal_begin_epoch(journal, EPOCH, 1, 0);
    for (lsn commit = 2; journal_tail(journal) == 0; commit++) {
        assert_int_equal(append(journal, commit, 0, 1000), OK);
        journal_publish(journal);
        read_all(reader);
    }
    assert_int_equal(journal_cursor_open(reader, 0), ERR_NOT_FOUND);

    /* An open cursor is what holds the writer up; a closed one is not. */
    const uint64_t tail = journal_tail(journal);
    assert_int_equal(journal_cursor_open(reader, tail), OK);
    lsn commit = 100000;
    while (append(journal, commit, 0, 1000) == OK) {
        commit++;
        journal_publish(journal);
        read_all(reader);
    }
    assert_int_equal(journal_tail(journal), tail);
    (void)journal_cursor_close(reader);
    assert_int_equal(append(journal, commit, 0, 1000), OK);
    assert_true(journal_tail(journal) > tail);
    journal_reader_close(reader);
    journal_free(journal);
}

/* ---- with threads ---- */

#define COMMITS 20000U

static _Atomic bool is_done;

static void *write_commits(void *arg)
{
    struct journal *journal = arg;

    for (lsn commit = 1; commit <= COMMITS; commit++) {
        while (append(journal, commit, 0, commit % 200) == ERR_AGAIN)
            continue;
        journal_settle(journal, commit);
        if (commit % 7 == 0)
            journal_publish(journal);
    }
    journal_publish(journal);
    atomic_store(&is_done, true);
    return NULL;
}

/* Goes on from a token as a client would: every commit behind it comes, once, in order, or the
 * place is said to be gone. */
static void follow(struct journal_reader *reader, lsn seen, uint64_t *followed)
{
    const struct token token = token_at(seen, 0);
    uint64_t offset;

    if (journal_find(reader, &token, &offset, NULL) != OK)
        return;
    if (journal_cursor_open(reader, offset) != OK)
        return;
    const struct change *change;
    for (int i = 0; i < 100 && (change = journal_cursor_next(reader)); i++) {
        assert_true(change->position.commit == seen + 1);
        assert_true(change->xid == (uint32_t)change->position.commit);
        seen++;
        (*followed)++;
    }
    (void)journal_cursor_close(reader);
}

static void *read_back(void *arg)
{
    struct journal_reader *reader = arg;
    struct random random;
    const struct change *change;
    uint64_t followed = 0;
    lsn newest = 0;

    random_init(&random, (uint64_t)(uintptr_t)reader);
    while (!atomic_load(&is_done) || newest < COMMITS) {
        for (int i = 0; i < 50 && (change = journal_next(reader)); i++)
            newest = change->position.commit;
        journal_done(reader);
        const lsn back = random_below(&random, 400);
        if (newest > back)
            follow(reader, newest - back, &followed);
    }
    assert_true(followed > 0);
    return NULL;
}

static void cursors_read_what_was_written_while_it_is_written(void **state)
{
    struct journal *journal = journal_new(JOURNAL_SIZE_MIN, NULL);
    struct journal_reader *readers[2];
    pthread_t threads[3];

    (void)state;
    journal_begin_epoch(journal, EPOCH, 0, 0);
    for (size_t i = 0; i < 2; i++) {
        readers[i] = journal_reader_open(journal, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, read_back, readers[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[2], NULL, write_commits, journal), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < 2; i++)
        journal_reader_close(readers[i]);
    journal_free(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kept_position_is_found),
        cmocka_unit_test(foreign_old_and_future_positions_are_told),
        cmocka_unit_test(another_history_is_told),
        cmocka_unit_test(a_place_that_is_overwritten_is_refused_and_holds_nothing_up),
        cmocka_unit_test(cursors_read_what_was_written_while_it_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
