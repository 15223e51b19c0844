/* SPDX-License-Identifier: Apache-2.0 */
/* Many who ask for the same table, against a server. */
#include "control_server.h"

#include "base/metrics.h"

static int set_up(void **state)
{
    (void)state;
    execute("DROP SCHEMA IF EXISTS pgcdc_share CASCADE; CREATE SCHEMA pgcdc_share;"
            "CREATE TABLE pgcdc_share.grows (id int PRIMARY KEY)");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    execute("DROP SCHEMA pgcdc_share CASCADE");
    return 0;
}

/* Keeps the catalogue from being read, so that questions stay where they are. */
struct lock {
    struct loop *loop;
    struct sql *sql;
};

static struct lock lock_take(void)
{
    struct lock lock = {.loop = loop_new()};
    const struct sql_config config = {conninfo(), "holder", false};
    const struct sql_events events = {on_up, on_down, NULL, NULL};

    lock.sql = sql_new(lock.loop, &config, &events, lock.loop);
    sql_connect(lock.sql);
    loop_run(lock.loop);
    sql_ask(lock.sql, "BEGIN; LOCK TABLE pg_catalog.pg_index IN ACCESS EXCLUSIVE MODE", NULL, 0,
            on_done, lock.loop);
    loop_run(lock.loop);
    return lock;
}

static void lock_ask(struct lock *lock, const char *text)
{
    sql_ask(lock->sql, text, NULL, 0, on_done, lock->loop);
    loop_run(lock->loop);
}

static void lock_free(struct lock *lock)
{
    sql_free(lock->sql);
    loop_free(lock->loop);
}

static struct {
    int wanted, got, bad;
    enum status status;
    uint32_t columns;
} many;

static void on_one_of_many(void *arg, struct ask_answer *answer)
{
    (void)arg;
    if (answer->status != many.status ||
        (answer->shape && answer->shape->column_count != many.columns))
        many.bad++;
    if (++many.got == many.wanted)
        loop_stop(worker.loop);
}

static struct ask *ask_as_one_of_many(void)
{
    return control_ask_table(server.control, worker.mailbox, SLICE("pgcdc_share"), SLICE("grows"),
                             on_one_of_many, NULL);
}

static void nobody_is_told_what_was_before_he_asked(void **state)
{
    (void)state;
    start(conninfo(), NULL);
    ask_table("pgcdc_share", "grows");
    for (uint32_t columns = 2; columns < 20; columns++) {
        char text[100];
        /* Some whose questions are under way while the table changes. */
        many.got = many.bad = 0;
        many.wanted = 31;
        many.status = OK;
        many.columns = columns;
        for (int i = 0; i < 10; i++)
            ask_cancel(ask_as_one_of_many());
        (void)snprintf(text, sizeof text, "ALTER TABLE pgcdc_share.grows ADD c%u int", columns);
        execute(text);
        for (int i = 0; i < 31; i++)
            (void)ask_as_one_of_many();
        loop_run(worker.loop);
        assert_int_equal(many.bad, 0);
    }
    stop();
}

static void many_who_ask_cost_few_questions(void **state)
{
    (void)state;
    execute("DROP TABLE IF EXISTS pgcdc_share.grows;"
            "CREATE TABLE pgcdc_share.grows (id int PRIMARY KEY)");
    start(conninfo(), NULL);
    ask_table("pgcdc_share", "grows");
    struct lock lock = lock_take();
    many.got = many.bad = 0;
    many.wanted = 20000 - 5;
    many.status = OK;
    many.columns = 1;
    for (int i = 0; i < 20000; i++) {
        struct ask *ask = ask_as_one_of_many();
        if (i % 4000 == 0) /* the first one as well, for whom the question was put */
            ask_cancel(ask);
    }
    lock_ask(&lock, "SELECT pg_sleep(0.3)");
    lock_ask(&lock, "COMMIT");
    loop_run(worker.loop);
    assert_int_equal(many.bad, 0);
    lock_free(&lock);
    stop();
}

static void many_are_told_when_time_is_up(void **state)
{
    (void)state;
    start(conninfo(), NULL);
    ask_table("pgcdc_share", "grows");
    struct lock lock = lock_take();
    many.got = many.bad = 0;
    many.wanted = 1000;
    many.status = ERR_TIMEOUT;
    for (int i = 0; i < 1000; i++)
        (void)ask_as_one_of_many();
    const uint64_t before = loop_now_ms(worker.loop);
    loop_run(worker.loop);
    assert_int_equal(many.bad, 0);
    assert_in_range(loop_now_ms(worker.loop) - before, 9500, LIMIT_MS);
    lock_ask(&lock, "COMMIT");
    lock_free(&lock);
    ask_table("pgcdc_share", "grows");
    assert_int_equal(worker.status, OK);
    stop();
}

/* Each has a number of its own; each 100th is none. */
static struct {
    int wanted, got, wrong;
} casting;

static void on_own_cast(void *arg, struct ask_answer *answer)
{
    const int number = (int)(intptr_t)arg;
    char want[20];

    (void)snprintf(want, sizeof want, "%d", number);
    if (number % 100 == 7)
        casting.wrong += answer->status != ERR_INPUT || answer->bad_index != 1 ||
                         !strstr(answer->message, "not a number");
    else
        casting.wrong += answer->status != OK || answer->count != 2 ||
                         !slice_is(answer->values[0], want) || !slice_is(answer->values[1], want);
    if (++casting.got == casting.wanted)
        loop_stop(worker.loop);
}

static void ask_own_cast(int number)
{
    char text[2][40];

    (void)snprintf(text[0], sizeof text[0], "00%d", number);
    (void)snprintf(text[1], sizeof text[1], number % 100 == 7 ? "not a number %d" : "+%d", number);
    const struct ask_cast casts[] = {{slice_text(text[0]), "integer"},
                                     {slice_text(text[1]), "bigint"}};
    (void)control_ask_casts(server.control, worker.mailbox, casts, 2, on_own_cast,
                            (void *)(intptr_t)number);
}

static void cast_all(int from, int count)
{
    casting.got = casting.wrong = 0;
    casting.wanted = count;
    for (int i = 0; i < count; i++)
        ask_own_cast(from + i);
    loop_run(worker.loop);
    assert_int_equal(casting.wrong, 0);
}

static void many_values_cost_few_questions(void **state)
{
    (void)state;
    start(conninfo(), NULL);
    ask_table("pgcdc_share", "grows");
    uint64_t before = metrics_get(METRIC_QUESTIONS);
    for (int i = 0; i < 50; i++)
        cast_all(1000 + i * 100 + 10, 90); /* none of them bad */
    assert_true(metrics_get(METRIC_QUESTIONS) - before <= 50 * 3);

    /* One that is no number spoils it for those with whom it was asked, and only for a moment. */
    before = metrics_get(METRIC_QUESTIONS);
    cast_all(100000, 200);
    assert_true(metrics_get(METRIC_QUESTIONS) - before > 2);
    cast_all(200000, 5000);
    stop();
}

static void who_shares_a_question_is_told_when_time_is_up(void **state)
{
    (void)state;
    start(conninfo(), NULL);
    ask_table("pgcdc_share", "grows");
    execute("CREATE FUNCTION pgcdc_share.slow(int) RETURNS boolean LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(CASE $1 WHEN 3 THEN 12 ELSE 0 END); RETURN true; END';"
            "CREATE DOMAIN pgcdc_share.lazy AS int CHECK (pgcdc_share.slow(VALUE))");
    many.got = many.bad = 0;
    many.wanted = 4;
    many.status = ERR_TIMEOUT;
    many.columns = 0;
    for (int i = 0; i < 4; i++) {
        const struct ask_cast cast = {SLICE("3"), "pgcdc_share.lazy"};
        (void)control_ask_casts(server.control, worker.mailbox, &cast, 1, on_one_of_many, NULL);
    }
    loop_run(worker.loop);
    assert_int_equal(many.bad, 0);
    cast_all(300010, 50);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_told_what_was_before_he_asked),
        cmocka_unit_test(many_who_ask_cost_few_questions),
        cmocka_unit_test(many_are_told_when_time_is_up),
        cmocka_unit_test(many_values_cost_few_questions),
        cmocka_unit_test(who_shares_a_question_is_told_when_time_is_up),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
