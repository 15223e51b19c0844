/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server: PGCDC_TEST_CONNINFO names it, as a role that may do anything. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/loop.h"
#include "sql/copy.h"
#include "sql/sql.h"

struct probe {
    struct loop *loop;
    struct sql *sql;
    struct timer *limit;
    int ups, downs, readables, answers;
    struct fault why;
    enum status status;
    char text[200]; /* first value of the last answer, or its message */
    char sqlstate[8];
    bool stops_at_answer;
};

static void on_up(void *arg)
{
    struct probe *probe = arg;

    probe->ups++;
    loop_stop(probe->loop);
}

static void on_down(void *arg, const struct fault *why)
{
    struct probe *probe = arg;

    probe->downs++;
    probe->why = *why;
    loop_stop(probe->loop);
}

static void on_readable(void *arg)
{
    struct probe *probe = arg;

    probe->readables++;
    loop_stop(probe->loop);
}

static void on_limit(void *arg)
{
    (void)arg;
    fail_msg("no answer within %d s", LIMIT_MS / 1000);
}

static const char *conninfo(void)
{
    const char *text = getenv("PGCDC_TEST_CONNINFO");

    if (!text)
        fail_msg("PGCDC_TEST_CONNINFO is not set");
    return text;
}

static void probe_init(struct probe *probe, const char *text, bool is_replication)
{
    const struct sql_config config = {text, "probe", is_replication};
    const struct sql_events events = {on_up, on_down, NULL, on_readable};

    *probe = (struct probe){.loop = loop_new(), .stops_at_answer = true};
    probe->limit = timer_new(probe->loop, on_limit, probe);
    timer_start(probe->limit, LIMIT_MS, 0);
    probe->sql = sql_new(probe->loop, &config, &events, probe);
    sql_connect(probe->sql);
    loop_run(probe->loop);
}

static void probe_release(struct probe *probe)
{
    sql_free(probe->sql);
    timer_free(probe->limit);
    loop_free(probe->loop);
}

static void on_answer(void *arg, const struct sql_answer *answer)
{
    struct probe *probe = arg;
    const bool has_value = answer->status == OK && answer->rows > 0;

    probe->answers++;
    probe->status = answer->status;
    if (has_value)
        (void)snprintf(probe->text, sizeof probe->text, "%.*s", SLICE_ARG(sql_value(answer, 0, 0)));
    else
        (void)snprintf(probe->text, sizeof probe->text, "%s", answer->message);
    (void)snprintf(probe->sqlstate, sizeof probe->sqlstate, "%s", answer->sqlstate);
    if (probe->stops_at_answer)
        loop_stop(probe->loop);
}

static void on_last_answer(void *arg, const struct sql_answer *answer)
{
    struct probe *probe = arg;

    assert_slice_is(sql_value(answer, 0, 0), "last");
    loop_stop(probe->loop);
}

static const char *ask(struct probe *probe, const char *text)
{
    sql_ask(probe->sql, text, NULL, 0, on_answer, probe);
    loop_run(probe->loop);
    return probe->text;
}

static void questions_are_answered_in_order(void **state)
{
    struct probe probe;

    (void)state;
    probe_init(&probe, conninfo(), false);
    assert_int_equal(probe.ups, 1);
    assert_true(sql_server_version(probe.sql) > 100000);

    probe.stops_at_answer = false;
    for (int i = 0; i < 100; i++)
        sql_ask(probe.sql, "SELECT $1::int4 + 1", (const char *[]){"41"}, 1, on_answer, &probe);
    assert_int_equal(sql_pending(probe.sql), 100);
    sql_ask(probe.sql, "SELECT 'forgotten'", NULL, 0, on_answer, &probe.limit);
    sql_forget(probe.sql, &probe.limit);
    sql_ask(probe.sql, "SELECT 'last'", NULL, 0, on_last_answer, &probe);
    loop_run(probe.loop);
    assert_int_equal(probe.answers, 100);
    assert_string_equal(probe.text, "42");
    assert_int_equal(sql_pending(probe.sql), 0);
    probe_release(&probe);
}

static void errors_carry_the_servers_words(void **state)
{
    struct probe probe;

    (void)state;
    probe_init(&probe, conninfo(), false);
    assert_string_equal(ask(&probe, "SELECT * FROM nothing_there"),
                        "relation \"nothing_there\" does not exist");
    assert_int_equal(probe.status, ERR_REFUSED);
    assert_string_equal(probe.sqlstate, "42P01");
    assert_string_equal(ask(&probe, "SELECT 1; SELECT 1/0; SELECT 2"), "division by zero");
    assert_string_equal(ask(&probe, "SELECT 1; SELECT 2"), "2");
    assert_string_equal(ask(&probe, ""), "");
    assert_int_equal(probe.status, OK);
    probe_release(&probe);
}

static void a_lost_connection_is_told_and_can_be_made_anew(void **state)
{
    struct probe probe;

    (void)state;
    probe_init(&probe, conninfo(), false);
    probe.stops_at_answer = false;
    assert_non_null(ask(&probe, "SELECT pg_terminate_backend(pg_backend_pid())"));
    assert_int_equal(probe.status, ERR_CLOSED);
    assert_int_equal(probe.downs, 1);
    assert_non_null(strstr(probe.why.text, "terminating connection"));
    assert_null(strchr(probe.why.text, '\n'));

    probe.stops_at_answer = true;
    assert_string_equal(ask(&probe, "SELECT 1"), "the database is not connected");
    assert_int_equal(probe.status, ERR_CLOSED);

    sql_connect(probe.sql);
    loop_run(probe.loop);
    assert_int_equal(probe.ups, 2);
    assert_string_equal(ask(&probe, "SELECT 7"), "7");
    probe_release(&probe);
}

static void a_prepared_question_outlives_its_connection(void **state)
{
    static const char add[] = "SELECT $1::int4 + 1", wrong[] = "SELECT $1::int4 +";
    struct probe probe;

    (void)state;
    probe_init(&probe, conninfo(), false);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10; i++) {
            sql_ask_prepared(probe.sql, add, (const char *[]){i % 2 ? "x" : "41"}, 1, on_answer,
                             &probe);
            loop_run(probe.loop);
            assert_string_equal(probe.text,
                                i % 2 ? "invalid input syntax for type integer: \"x\"" : "42");
            sql_ask_prepared(probe.sql, wrong, (const char *[]){"41"}, 1, on_answer, &probe);
            loop_run(probe.loop);
            assert_string_equal(probe.sqlstate, "42601");
        }
        probe.stops_at_answer = false;
        (void)ask(&probe, "SELECT pg_terminate_backend(pg_backend_pid())");
        assert_int_equal(probe.status, ERR_CLOSED);
        probe.stops_at_answer = true;
        sql_connect(probe.sql);
        loop_run(probe.loop);
    }
    probe_release(&probe);
}

static void no_server_means_down_without_secrets(void **state)
{
    static const char *const cases[] = {
        "postgres://bob:hunter2@127.0.0.1:1/x",
        "host=/nowhere password=hunter2",
        "host=no-such-host.invalid password=hunter2",
        "host=db password='hunter2",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct probe probe;
        probe_init(&probe, cases[i], false);
        assert_int_equal(probe.ups, 0);
        assert_int_equal(probe.downs, 1);
        assert_null(strstr(probe.why.text, "hunter2"));
        assert_null(strchr(probe.why.text, '\n'));
        probe_release(&probe);
    }
}

static void hostile_settings_of_the_role_change_nothing(void **state)
{
    static const struct {
        const char *name, *hostile, *value;
    } cases[] = {
        {"search_path", "'nowhere'", "public"},
        {"\"DateStyle\"", "'German, DMY'", "ISO, DMY"},
        {"\"IntervalStyle\"", "'iso_8601'", "postgres"},
        {"\"TimeZone\"", "'Asia/Kolkata'", "UTC"},
        {"bytea_output", "'escape'", "hex"},
        {"extra_float_digits", "'-15'", "1"},
        {"standard_conforming_strings", "off", "on"},
        {"client_encoding", "'LATIN1'", "UTF8"},
        {"statement_timeout", "'10s'", "0"},
        {"lock_timeout", "'10s'", "0"},
        {"idle_session_timeout", "'10s'", "0"},
        {"idle_in_transaction_session_timeout", "'10s'", "0"},
        {"default_transaction_read_only", "on", "off"},
        {"row_security", "off", "on"},
    };
    struct probe probe;
    char text[300];

    (void)state;
    probe_init(&probe, conninfo(), false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text, sizeof text, "ALTER ROLE CURRENT_USER SET %s = %s", cases[i].name,
                       cases[i].hostile);
        assert_string_equal(ask(&probe, text), "");
    }
    setenv("PGTZ", "Asia/Tokyo", 1);
    setenv("PGDATESTYLE", "SQL", 1);
    for (int is_replication = 0; is_replication < 2; is_replication++) {
        struct probe other;
        probe_init(&other, conninfo(), is_replication);
        assert_int_equal(other.ups, 1);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            (void)snprintf(text, sizeof text, "SHOW %s", cases[i].name);
            const char *value = ask(&other, text);
            if (strncmp(cases[i].value, "ISO", 3) == 0)
                assert_memory_equal(value, "ISO", 3);
            else
                assert_string_equal(value, cases[i].value);
        }
        probe_release(&other);
    }
    unsetenv("PGTZ");
    unsetenv("PGDATESTYLE");
    assert_string_equal(ask(&probe, "ALTER ROLE CURRENT_USER RESET ALL"), "");
    probe_release(&probe);
}

static void copy_both_streams(void **state)
{
    struct probe probe, writer;
    struct slice message;
    enum status status = ERR_AGAIN;
    bool is_found = false;

    (void)state;
    probe_init(&writer, conninfo(), false);
    probe_init(&probe, conninfo(), true);
    assert_string_equal(ask(&probe,
                            "CREATE_REPLICATION_SLOT sql_probe TEMPORARY LOGICAL test_decoding "
                            "NOEXPORT_SNAPSHOT"),
                        "sql_probe");
    ask(&writer, "SELECT pg_logical_emit_message(false, 'probe', 'hello there')");
    sql_ask(probe.sql, "START_REPLICATION SLOT sql_probe LOGICAL 0/0", NULL, 0, on_answer, &probe);
    loop_run(probe.loop);
    assert_int_equal(probe.status, OK);
    while (!is_found) {
        loop_run(probe.loop);
        assert_int_equal(probe.downs, 0);
        while ((status = sql_copy_read(probe.sql, &message)) == OK)
            is_found |= memmem(message.at, message.size, "hello there", 11) != NULL;
        assert_int_equal(status, ERR_AGAIN);
    }
    sql_copy_pause(probe.sql, true);
    ask(&writer, "SELECT pg_logical_emit_message(false, 'probe', 'and again')");
    sql_copy_pause(probe.sql, false);
    for (is_found = false; !is_found;) {
        loop_run(probe.loop);
        while (sql_copy_read(probe.sql, &message) == OK)
            is_found |= memmem(message.at, message.size, "and again", 9) != NULL;
    }
    char feedback[34] = {'r'};
    assert_int_equal(sql_copy_write(probe.sql, slice_of(feedback, sizeof feedback)), OK);
    ask(&writer, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots "
                 "WHERE slot_name = 'sql_probe'");
    while (probe.downs == 0) {
        loop_run(probe.loop);
        while ((status = sql_copy_read(probe.sql, &message)) == OK)
            continue;
    }
    assert_non_null(strstr(probe.why.text, "terminating connection"));
    probe_release(&probe);
    probe_release(&writer);
}

/* What still comes is read over, and at the end the slot is free. */
static void a_stream_is_ended_in_order(void **state)
{
    struct probe probe, writer;
    struct slice message;

    (void)state;
    probe_init(&writer, conninfo(), false);
    probe_init(&probe, conninfo(), true);
    ask(&writer, "SELECT pg_create_logical_replication_slot('sql_end', 'test_decoding')");
    ask(&writer, "SELECT pg_logical_emit_message(false, 'probe', repeat('x', 10000)) "
                 "FROM generate_series(1, 3000)");
    sql_ask(probe.sql, "START_REPLICATION SLOT sql_end LOGICAL 0/0", NULL, 0, on_answer, &probe);
    loop_run(probe.loop);
    assert_int_equal(probe.status, OK);
    sql_copy_pause(probe.sql, true);
    sql_copy_end(probe.sql);
    sql_copy_end(probe.sql);
    assert_int_equal(sql_copy_read(probe.sql, &message), ERR_CLOSED);
    assert_int_equal(sql_copy_write(probe.sql, SLICE("r")), ERR_CLOSED);
    while (probe.downs == 0)
        loop_run(probe.loop);
    assert_string_equal(probe.why.text, "the server has ended the stream");
    assert_string_equal(ask(&writer, "SELECT active FROM pg_replication_slots "
                                     "WHERE slot_name = 'sql_end'"),
                        "f");
    ask(&writer, "SELECT pg_drop_replication_slot('sql_end')");
    probe_release(&probe);
    probe_release(&writer);
}

/* Rows of 100 kB, taken a few at a time. */
static struct {
    struct probe probe;
    int rows, rows_while_paused;
    bool is_paused, is_done;
    enum status status;
    size_t bytes;
} taker;

static void on_row(void *arg, const struct sql_answer *answer)
{
    assert_ptr_equal(arg, &taker);
    assert_int_equal(answer->rows, 1);
    taker.rows++;
    taker.bytes += sql_value(answer, 0, 1).size;
    taker.rows_while_paused += taker.is_paused ? 1 : 0;
    if (taker.rows % 3 == 0) {
        taker.is_paused = true;
        sql_rows_pause(taker.probe.sql, true);
        loop_stop(taker.probe.loop);
    }
}

static void on_rows_end(void *arg, const struct sql_answer *answer)
{
    (void)arg;
    taker.is_done = true;
    taker.status = answer->status;
    assert_int_equal(answer->rows, 0);
    loop_stop(taker.probe.loop);
}

static void take_rows(const char *text)
{
    taker.rows = taker.rows_while_paused = 0;
    taker.is_done = false;
    sql_ask_rows(taker.probe.sql, text, on_row, on_rows_end, &taker);
    loop_run(taker.probe.loop);
    for (int i = 0; i < 10000 && !taker.is_done; i++) {
        taker.is_paused = false;
        sql_rows_pause(taker.probe.sql, false);
        loop_run(taker.probe.loop);
    }
}

static void rows_come_one_by_one(void **state)
{
    (void)state;
    probe_init(&taker.probe, conninfo(), false);
    take_rows("SELECT i, repeat('x', 100000) FROM generate_series(1, 1000) i");
    assert_int_equal(taker.rows, 1000);
    assert_int_equal(taker.bytes, 100000000);
    assert_int_equal(taker.rows_while_paused, 0);
    assert_int_equal(taker.status, OK);
    take_rows("SELECT 1, 'x' WHERE false");
    assert_int_equal(taker.rows, 0);
    take_rows("SELECT 1 / (5 - i), 'x' FROM generate_series(1, 10) i");
    assert_int_equal(taker.rows, 4);
    assert_int_equal(taker.status, ERR_REFUSED);
    assert_string_equal(ask(&taker.probe, "SELECT 'well'"), "well");

    sql_ask_rows(taker.probe.sql, "SELECT i, 'x' FROM generate_series(1, 10) i", on_row,
                 on_rows_end, &taker);
    loop_run(taker.probe.loop);
    taker.is_done = false;
    sql_disconnect(taker.probe.sql); /* while it is paused */
    assert_true(taker.is_done);
    assert_int_equal(taker.status, ERR_CLOSED);
    probe_release(&taker.probe);
}

static void on_up_free(void *arg)
{
    struct probe *probe = arg;

    sql_free(probe->sql);
    probe->sql = NULL;
    loop_stop(probe->loop);
}

static void it_may_be_freed_at_any_time(void **state)
{
    const struct sql_events events = {on_up_free, on_down, NULL, NULL};
    const struct sql_config config = {conninfo(), NULL, false};
    struct probe probe = {.loop = loop_new()};

    (void)state;
    probe.sql = sql_new(probe.loop, &config, &events, &probe);
    sql_connect(probe.sql);
    sql_free(probe.sql); /* while it is dialled */
    probe.sql = sql_new(probe.loop, &config, &events, &probe);
    sql_connect(probe.sql);
    loop_run(probe.loop);
    assert_null(probe.sql);
    loop_free(probe.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_answered_in_order),
        cmocka_unit_test(errors_carry_the_servers_words),
        cmocka_unit_test(a_lost_connection_is_told_and_can_be_made_anew),
        cmocka_unit_test(a_prepared_question_outlives_its_connection),
        cmocka_unit_test(no_server_means_down_without_secrets),
        cmocka_unit_test(hostile_settings_of_the_role_change_nothing),
        cmocka_unit_test(copy_both_streams),
        cmocka_unit_test(a_stream_is_ended_in_order),
        cmocka_unit_test(rows_come_one_by_one),
        cmocka_unit_test(it_may_be_freed_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
