/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server: PGCDC_TEST_CONNINFO names it, as a superuser; it makes a schema of its own. */
#include "snapshot_server.h"

/* What one snapshot has told. */
struct taker {
    struct snapshot *snapshot;
    bool is_started, is_done, is_failed;
    bool waits; /* does not ask for more */
    uint32_t rows, chunks, columns;
    size_t largest; /* bytes of a chunk's values */
    char first[200];
    struct fault why;
};

static void on_started(void *arg, const struct visible *visible, lsn wal)
{
    struct taker *taker = arg;

    assert_false(taker->is_started);
    taker->is_started = true;
    assert_true(visible->xmax >= visible->xmin && visible->xmin > 0);
    assert_true(wal > 0);
    loop_stop(worker.loop);
}

static void on_rows(void *arg, const struct snapshot_rows *rows)
{
    struct taker *taker = arg;
    const uint32_t columns = rows->table->column_count;
    size_t size = 0;

    assert_true(taker->is_started && rows->count > 0);
    for (uint32_t i = 0; i < rows->count * columns; i++) {
        assert_true(rows->values[i].state == VALUE_TEXT || rows->values[i].state == VALUE_NULL);
        size += rows->values[i].size;
    }
    for (uint32_t i = 0; taker->rows == 0 && i < columns; i++) {
        struct buf text = BUF_INIT;
        buf_printf(&text, "%s%.*s=", taker->first, SLICE_ARG(rows->table->columns[i].name));
        if (rows->values[i].state == VALUE_NULL)
            buf_add_text(&text, "NULL");
        else
            buf_add(&text, value_slice(&rows->values[i]));
        (void)snprintf(taker->first, sizeof taker->first, "%s|", buf_text(&text));
        buf_release(&text);
    }
    taker->rows += rows->count;
    taker->chunks++;
    taker->columns = columns;
    taker->largest = size > taker->largest ? size : taker->largest;
    if (taker->waits)
        loop_stop(worker.loop);
    else
        snapshot_next(taker->snapshot);
}

static void on_done(void *arg)
{
    ((struct taker *)arg)->is_done = true;
    loop_stop(worker.loop);
}

static void on_failed(void *arg, const struct fault *why)
{
    struct taker *taker = arg;

    taker->is_failed = true;
    taker->why = *why;
    loop_stop(worker.loop);
}

static const struct snapshot_events events = {on_started, on_rows, on_done, on_failed};

static void begin(struct taker *taker, const struct table_shape *shape, const char *where,
                  const struct slice *select, uint32_t select_count)
{
    const struct snapshot_query query = {shape, select, select_count, slice_text(where)};

    taker->snapshot = snapshot_start(control.snapshots, worker.mailbox, &query, &events, taker);
}

static void wait_for_end(const struct taker *taker)
{
    while (!taker->is_done && !taker->is_failed)
        loop_run(worker.loop);
}

/* All of a table's rows at once. */
static struct taker take(const char *name, const char *where, const struct slice *select,
                         uint32_t select_count)
{
    struct taker taker = {0};
    struct table_shape *shape = describe(name);

    begin(&taker, shape, where, select, select_count);
    table_shape_free(shape);
    wait_for_end(&taker);
    return taker;
}

static void rows_come_in_chunks_when_asked_for(void **state)
{
    struct taker taker = {.waits = true};

    (void)state;
    start(0, 0);
    server_sql_do(&worker.server, "CREATE TABLE snap.t (id integer PRIMARY KEY, word text);"
                                  "INSERT INTO snap.t SELECT i, repeat('x', i % 500)"
                                  " FROM generate_series(1, 20000) i");
    struct table_shape *shape = describe("t");
    begin(&taker, shape, "", NULL, 0);
    while (taker.chunks == 0)
        loop_run(worker.loop);
    server_sql_do(&worker.server, "SELECT pg_sleep(0.2)");
    assert_int_equal(taker.chunks, 1);
    assert_false(taker.is_done);
    taker.waits = false;
    snapshot_next(taker.snapshot);
    wait_for_end(&taker);
    assert_true(taker.is_done);
    assert_int_equal(taker.rows, 20000);
    assert_true(taker.chunks > 30 && taker.chunks < 100);
    assert_true(taker.largest < SNAPSHOT_CHUNK_SIZE + 500);
    table_shape_free(shape);
    stop();
}

/* A chunk that was sized by small rows must not hold many large ones. */
static void large_rows_behind_small_ones_stay_bounded(void **state)
{
    (void)state;
    start(0, 0);
    server_sql_do(&worker.server,
                  "CREATE TABLE snap.t (id integer PRIMARY KEY, word text);"
                  "INSERT INTO snap.t SELECT i, repeat('x', CASE WHEN i > 20000 THEN 1000000 ELSE 0"
                  " END) FROM generate_series(1, 20100) i");
    const struct taker taker = take("t", "", NULL, 0);
    assert_int_equal(taker.rows, 20100);
    assert_true(taker.largest < SNAPSHOT_CHUNK_SIZE + 1000100);
    stop();
}

static void values_are_as_the_stream_has_them(void **state)
{
    const struct slice select[] = {SLICE("flag"), SLICE("nothing")};

    (void)state;
    start(0, 0);
    server_sql_do(&worker.server,
                  "CREATE TABLE snap.\"a\"\"b\" (flag boolean, \"id x\" integer PRIMARY KEY,"
                  " code char(4), raw bytea, at timestamptz, f real, nothing text, dropped int);"
                  "ALTER TABLE snap.\"a\"\"b\" DROP COLUMN dropped;"
                  "INSERT INTO snap.\"a\"\"b\" VALUES (true, 7, 'ab', '\\xbeef',"
                  " '2026-01-02 03:04:05+02', 0.1, NULL), (false, 8, '', '', now(), 1, '')");
    struct taker taker = take("a\"b", "\"id x\" < 8", NULL, 0);
    assert_int_equal(taker.rows, 1);
    assert_string_equal(taker.first, "flag=t|id x=7|code=ab  |raw=\\xbeef|"
                                     "at=2026-01-02 01:04:05+00|f=0.1|nothing=NULL|");
    taker = take("a\"b", "(\"id x\" IN ('8'::integer))", select, 2);
    assert_int_equal(taker.rows, 1);
    assert_string_equal(taker.first, "flag=f|id x=8|nothing=|");
    taker = take("a\"b", "false", NULL, 0);
    assert_true(taker.is_done);
    assert_int_equal(taker.chunks, 0);
    server_sql_do(&worker.server, "CREATE TABLE snap.none (); ALTER TABLE snap.none REPLICA "
                                  "IDENTITY FULL; INSERT INTO snap.none DEFAULT VALUES");
    taker = take("none", "", NULL, 0);
    assert_int_equal(taker.rows, 1);
    assert_int_equal(taker.columns, 0);
    stop();
}

static void children_count_where_their_changes_do(void **state)
{
    (void)state;
    start(0, 0);
    server_sql_do(&worker.server,
                  "CREATE TABLE snap.p (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
                  "CREATE TABLE snap.p1 PARTITION OF snap.p FOR VALUES FROM (0) TO (10);"
                  "CREATE TABLE snap.p2 PARTITION OF snap.p FOR VALUES FROM (10) TO (20);"
                  "INSERT INTO snap.p SELECT generate_series(5, 14);"
                  "CREATE TABLE snap.parent (id integer PRIMARY KEY);"
                  "CREATE TABLE snap.child () INHERITS (snap.parent);"
                  "INSERT INTO snap.parent VALUES (1); INSERT INTO snap.child VALUES (2), (3)");
    assert_int_equal(take("p", "", NULL, 0).rows, 10);
    assert_int_equal(take("p1", "", NULL, 0).rows, 5);
    assert_int_equal(take("parent", "", NULL, 0).rows, 1);
    stop();
}

static void take_number(void *arg, const struct sql_answer *answer)
{
    uint64_t number = 0;

    assert_int_equal(slice_to_u64(sql_value(answer, 0, 0), UINT64_MAX, &number), OK);
    *(uint64_t *)arg = number;
}

static uint64_t number_of(const char *text)
{
    uint64_t number = 0;

    assert_true(server_sql_try(&worker.server, text, NULL, 0, take_number, &number));
    return number;
}

static void wait_until_nobody_reads(void)
{
    for (int i = 0; i < LIMIT_MS / 50; i++) {
        if (number_of("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcdc'"
                      " AND xact_start IS NOT NULL") == 0)
            return;
        server_sql_do(&worker.server, "SELECT pg_sleep(0.05)");
    }
    fail_msg("a transaction is left open");
}

static void who_leaves_ends_it(void **state)
{
    struct taker taker = {.waits = true};

    (void)state;
    start(1, 0);
    server_sql_do(&worker.server, "CREATE TABLE snap.t (id integer PRIMARY KEY, word text);"
                                  "INSERT INTO snap.t SELECT i, repeat('x', 1000)"
                                  " FROM generate_series(1, 20000) i");
    struct table_shape *shape = describe("t");

    begin(&taker, shape, "", NULL, 0); /* before it has begun */
    snapshot_cancel(taker.snapshot);
    begin(&taker, shape, "", NULL, 0); /* with a chunk in hand */
    while (taker.chunks == 0)
        loop_run(worker.loop);
    snapshot_cancel(taker.snapshot);
    wait_until_nobody_reads();

    struct taker slow = {0}; /* while PostgreSQL works and has nothing to send */
    begin(&slow, shape, "pg_sleep(10) IS NULL", NULL, 0);
    while (!slow.is_started)
        loop_run(worker.loop);
    snapshot_cancel(slow.snapshot);
    struct taker waiting = {0}; /* while it waits for its turn */
    begin(&waiting, shape, "", NULL, 0);
    snapshot_cancel(waiting.snapshot);
    wait_until_nobody_reads();
    assert_false(taker.is_done || taker.is_failed || slow.is_failed || waiting.is_started);

    taker = take("t", "", NULL, 0); /* the connection is made anew */
    assert_int_equal(taker.rows, 20000);
    taker = (struct taker){.waits = true};
    begin(&taker, shape, "", NULL, 0);
    while (taker.chunks == 0)
        loop_run(worker.loop);
    table_shape_free(shape);
    stop(); /* in the midst */
    snapshot_cancel(taker.snapshot);
}

static void only_so_many_run_and_wait(void **state)
{
    static struct taker takers[SNAPSHOTS_WAITING_MAX + 3];
    const size_t count = sizeof takers / sizeof takers[0];
    uint32_t done = 0;

    (void)state;
    memset(takers, 0, sizeof takers);
    start(1, 0);
    server_sql_do(&worker.server, "CREATE TABLE snap.t (id integer PRIMARY KEY, word text);"
                                  "INSERT INTO snap.t SELECT i, repeat('x', 1000)"
                                  " FROM generate_series(1, 200) i");
    struct table_shape *shape = describe("t");
    takers[0].waits = true;
    begin(&takers[0], shape, "", NULL, 0);
    while (takers[0].chunks == 0)
        loop_run(worker.loop);
    for (size_t i = 1; i < count; i++)
        begin(&takers[i], shape, "id < 5", NULL, 0);
    wait_for_end(&takers[count - 1]);
    assert_int_equal(takers[count - 1].why.status, ERR_LIMIT);
    assert_true(takers[count - 2].is_failed);
    assert_false(takers[1].is_started);
    takers[0].waits = false;
    snapshot_next(takers[0].snapshot);
    wait_for_end(&takers[count - 3]);
    for (size_t i = 0; i < count; i++)
        done += takers[i].is_done ? 1 : 0;
    assert_int_equal(done, count - 2);
    table_shape_free(shape);
    stop();
}

static void who_does_not_read_loses_it(void **state)
{
    struct taker taker = {.waits = true};

    (void)state;
    start(1, 1000);
    server_sql_do(&worker.server, "CREATE TABLE snap.t (id integer PRIMARY KEY, word text);"
                                  "INSERT INTO snap.t SELECT i, repeat('x', 1000)"
                                  " FROM generate_series(1, 20000) i");
    struct table_shape *shape = describe("t");
    begin(&taker, shape, "", NULL, 0);
    wait_for_end(&taker);
    assert_int_equal(taker.why.status, ERR_TIMEOUT);
    assert_string_equal(taker.why.text, "rows have not been read for 1 s");
    assert_int_equal(taker.chunks, 1);
    wait_until_nobody_reads();
    do /* again where the machine stood still for that second */
        taker = take("t", "", NULL, 0);
    while (taker.is_failed && taker.why.status == ERR_TIMEOUT);
    assert_int_equal(taker.rows, 20000);
    table_shape_free(shape);
    stop();
}

static void a_changed_table_is_refused(void **state)
{
    static const char *const changes[] = {
        "ALTER TABLE snap.t ADD COLUMN more integer",
        "ALTER TABLE snap.t DROP COLUMN word",
        "ALTER TABLE snap.t RENAME COLUMN word TO words",
        "ALTER TABLE snap.t ALTER COLUMN word TYPE varchar(9)",
        "ALTER TABLE snap.t REPLICA IDENTITY FULL",
        "DROP TABLE snap.t",
        "DROP TABLE snap.t; CREATE TABLE snap.t (word text)",
        "DROP TABLE snap.t; CREATE VIEW snap.t AS SELECT 1 AS id, '' AS word",
        "ALTER SCHEMA snap RENAME TO snap2",
    };

    (void)state;
    start(0, 0);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct taker taker = {0};
        server_sql_do(&worker.server, "DROP SCHEMA snap CASCADE; CREATE SCHEMA snap; CREATE TABLE "
                                      "snap.t (id integer PRIMARY KEY, word text)");
        struct table_shape *shape = describe("t");
        server_sql_do(&worker.server, changes[i]);
        begin(&taker, shape, "", NULL, 0);
        wait_for_end(&taker);
        table_shape_free(shape);
        if (taker.why.status != ERR_NOT_FOUND)
            fail_msg("%s: %s", changes[i], taker.is_done ? "was read" : taker.why.text);
    }
    server_sql_do(&worker.server, "ALTER SCHEMA snap2 RENAME TO snap");
    stop();
}

static void who_may_not_read_is_told_what_to_grant(void **state)
{
    CLEANUP(buf_release) struct buf conninfo = BUF_INIT;
    CLEANUP(buf_release) struct buf grant = BUF_INIT;
    struct taker taker = {0};

    (void)state;
    buf_printf(&conninfo, "%s user=snap_reader", server_conninfo());
    start_as(buf_text(&conninfo), 1, 0);
    server_sql_do(&worker.server, "DROP ROLE IF EXISTS snap_reader; CREATE ROLE snap_reader LOGIN;"
                                  "CREATE TABLE snap.t (id integer PRIMARY KEY, word text);"
                                  "INSERT INTO snap.t VALUES (1, 'a'), (2, 'b')");
    taker = take("t", "", NULL, 0);
    assert_int_equal(taker.why.status, ERR_DENIED);
    const char *words = strstr(taker.why.text, "GRANT ");
    assert_non_null(words);
    assert_string_equal(words, "GRANT USAGE ON SCHEMA \"snap\" TO \"snap_reader\"; "
                               "GRANT SELECT ON \"snap\".\"t\" TO \"snap_reader\"");
    server_sql_do(&worker.server, words);
    assert_int_equal(take("t", "", NULL, 0).rows, 2);

    server_sql_do(&worker.server, "ALTER TABLE snap.t ENABLE ROW LEVEL SECURITY;"
                                  "CREATE POLICY p ON snap.t USING (id = 1)");
    taker = take("t", "", NULL, 0);
    assert_int_equal(taker.why.status, ERR_DENIED);
    words = strstr(taker.why.text, "ALTER ROLE ");
    assert_non_null(words);
    server_sql_do(&worker.server, words);
    assert_int_equal(take("t", "", NULL, 0).rows, 2);
    server_sql_do(&worker.server, "DROP OWNED BY snap_reader; DROP ROLE snap_reader");
    stop();
}

static void refusals_and_lost_connections_are_told(void **state)
{
    struct taker taker = {.waits = true};

    (void)state;
    start(1, 0);
    server_sql_do(&worker.server, "CREATE TABLE snap.t (id integer PRIMARY KEY, word text);"
                                  "INSERT INTO snap.t SELECT i, repeat('x', 1000)"
                                  " FROM generate_series(1, 20000) i");
    taker = take("t", "1 / (id - 5000) < 100", NULL, 0);
    assert_int_equal(taker.why.status, ERR_REFUSED);
    assert_string_equal(taker.why.text, "division by zero");

    taker = (struct taker){.waits = true};
    struct table_shape *shape = describe("t");
    begin(&taker, shape, "", NULL, 0);
    while (taker.chunks == 0)
        loop_run(worker.loop);
    server_sql_do(&worker.server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE application_name = 'pgcdc'");
    taker.waits = false;
    snapshot_next(taker.snapshot);
    wait_for_end(&taker);
    assert_int_equal(taker.why.status, ERR_CLOSED);
    assert_int_equal(take("t", "", NULL, 0).rows, 20000);
    table_shape_free(shape);
    stop();

    start_as("host=/nowhere", 1, 0);
    server_sql_do(&worker.server, "CREATE TABLE snap.t (id integer PRIMARY KEY, word text)");
    taker = take("t", "", NULL, 0);
    assert_int_equal(taker.why.status, ERR_CLOSED);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_chunks_when_asked_for),
        cmocka_unit_test(large_rows_behind_small_ones_stay_bounded),
        cmocka_unit_test(values_are_as_the_stream_has_them),
        cmocka_unit_test(children_count_where_their_changes_do),
        cmocka_unit_test(who_leaves_ends_it),
        cmocka_unit_test(only_so_many_run_and_wait),
        cmocka_unit_test(who_does_not_read_loses_it),
        cmocka_unit_test(a_changed_table_is_refused),
        cmocka_unit_test(who_may_not_read_is_told_what_to_grant),
        cmocka_unit_test(refusals_and_lost_connections_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
