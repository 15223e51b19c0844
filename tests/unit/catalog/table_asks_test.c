/* SPDX-License-Identifier: Apache-2.0 */
/* Who is answered by which question; the pool is the test's. */
#include "unit.h"

#include "catalog/pool.h"
#include "catalog/table_asks.h"
#include "net/loop.h"
#include "sql/state.h"

static struct {
    struct sql sql; /* what connections there are: this one */
    bool is_up;
    int questions; /* put so far */
    sql_answer_fn *fn;
    void *arg; /* of the last one */
} server;

struct sql *pool_ask_prepared(struct pool *pool, const char *text, const char *const *params,
                              int count, sql_answer_fn *fn, void *arg)
{
    (void)pool, (void)text, (void)params;
    assert_int_equal(count, 3);
    if (!server.is_up)
        return NULL;
    server.questions++;
    server.fn = fn;
    server.arg = arg;
    return &server.sql;
}

static struct {
    struct table_asks asks;
    struct table_asker askers[5];
    char answered[20]; /* "ab": in which order */
    enum status status;
} world;

static void on_told(struct table_asker *asker, enum status status, struct table_shape *shape,
                    const char *message)
{
    assert_null(shape);
    assert_non_null(message);
    world.answered[strlen(world.answered)] = (char)('a' + (asker - world.askers));
    world.status = status;
}

static int set_up(void **state)
{
    (void)state;
    memset(&server, 0, sizeof server);
    memset(&world, 0, sizeof world);
    list_init(&server.sql.questions);
    server.is_up = true;
    world.asks = (struct table_asks){.loop = loop_new(), .fn = on_told};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(world.asks.questions.count, 0);
    table_asks_release(&world.asks);
    loop_free(world.asks.loop);
    return 0;
}

static void ask(const char *who)
{
    for (; *who != '\0'; who++)
        table_asks_add(&world.asks, &world.askers[*who - 'a'], SLICE("public"), SLICE("orders"));
}

static void leave(char who)
{
    table_asks_remove(&world.askers[who - 'a']);
}

static const char *answer(enum status status)
{
    const struct sql_answer answer = {.status = status, .message = "no"};

    memset(world.answered, 0, sizeof world.answered);
    server.fn(server.arg, &answer);
    return world.answered;
}

static void whoever_comes_later_waits_for_the_next_question(void **state)
{
    (void)state;
    ask("a");
    assert_int_equal(server.questions, 1);
    ask("bcd");
    assert_int_equal(server.questions, 1);
    assert_string_equal(answer(OK), "a");
    assert_int_equal(world.status, ERR_NOT_FOUND);
    assert_int_equal(server.questions, 2);
    ask("a");
    assert_string_equal(answer(ERR_REFUSED), "bcd");
    assert_int_equal(world.status, ERR_REFUSED);
    assert_string_equal(answer(OK), "a");
    assert_int_equal(server.questions, 3);
}

static void other_tables_have_questions_of_their_own(void **state)
{
    (void)state;
    ask("a");
    table_asks_add(&world.asks, &world.askers[1], SLICE("public"), SLICE("order"));
    table_asks_add(&world.asks, &world.askers[2], SLICE("publico"), SLICE("rders"));
    assert_int_equal(server.questions, 3);
    for (int i = 0; i < 3; i++)
        leave((char)('a' + i));
}

static void a_question_outlives_whom_it_was_put_for(void **state)
{
    (void)state;
    ask("ab");
    leave('a');
    leave('a');
    assert_string_equal(answer(OK), "");
    assert_string_equal(answer(OK), "b");
    ask("a");
    leave('a');
    assert_int_equal(world.asks.questions.count, 0);
}

static void a_lost_connection_answers_nobody(void **state)
{
    (void)state;
    ask("ab");
    server.is_up = false;
    assert_string_equal(answer(ERR_CLOSED), "");
    assert_null(table_asker_sql(&world.askers[0]));
    ask("c");
    assert_int_equal(server.questions, 1);
    server.is_up = true;
    table_asks_retry(&world.askers[1]);
    table_asks_retry(&world.askers[0]);
    assert_int_equal(server.questions, 2);
    assert_ptr_equal(table_asker_sql(&world.askers[2]), &server.sql);
    assert_string_equal(answer(OK), "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whoever_comes_later_waits_for_the_next_question, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_tables_have_questions_of_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_question_outlives_whom_it_was_put_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_connection_answers_nobody, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
