/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against a server: PGCDC_TEST_CONNINFO names it, as a superuser with wal_level=logical.
 *
 * The promise itself: the rows of a snapshot, and then the changes that it does not contain, give
 * the table as it is at the end; nothing is missing, and nothing comes twice (an insert of a row
 * that is there, or an update or delete of one that is not, fails the test).  A test_decoding slot
 * is the journal, and its changes are numbered: the number is the offset.
 */
#include "snapshot_server.h"

#include <limits.h>

#include "change/commits.h"
#include "change/position.h"

#define IDS 300
#define CHANGES_MAX 400000
#define SNAPSHOTS 60
#define WRITERS 4

enum kind { INSERT, UPDATE, DELETE };

struct event {
    enum kind kind;
    uint32_t xid;
    int id, old_id, n;
    lsn commit;
};

/* What is known of the table: n of each row, or GONE. */
#define GONE INT_MIN
struct picture {
    int n[IDS];
};

struct joiner {
    struct snapshot *snapshot;
    struct picture picture;
    uint64_t noted, from;
    lsn wal;
    struct visible visible;
    bool is_done;
    int rows;
};

static struct {
    struct server_sql reader; /* of the slot */
    struct event *events;     /* those of whole transactions up to `count` */
    uint64_t count;
    struct commits commits;
    struct joiner joiners[SNAPSHOTS];
    int done;
    struct sql *writers[WRITERS];
    int writing;
} storm;

static int number_behind(const char *text, const char *word)
{
    const char *at = text ? strstr(text, word) : NULL;

    return at ? atoi(at + strlen(word)) : GONE;
}

static void read_event(const char *line, uint32_t xid)
{
    static const char *const words[] = {"INSERT:", "UPDATE:", "DELETE:"};
    struct event *event = &storm.events[storm.count];
    const char *new_row = strstr(line, "new-tuple:");

    for (int kind = INSERT; kind <= DELETE; kind++) {
        if (!strstr(line, words[kind]))
            continue;
        assert_true(storm.count < CHANGES_MAX - 1);
        event->kind = (enum kind)kind;
        event->xid = xid;
        event->id = number_behind(new_row ? new_row : line, "id[integer]:");
        event->old_id = new_row ? number_behind(line, "id[integer]:") : event->id;
        event->n = number_behind(line, " n[integer]:");
        commits_note(&storm.commits, xid, storm.count++);
        return;
    }
}

/* lsn, xid, data: BEGIN, changes, COMMIT; the position of COMMIT is the end of its record. */
static void take_changes(void *arg, const struct sql_answer *answer)
{
    uint64_t xid = 0;
    uint64_t first = storm.count;

    (void)arg;
    for (int row = 0; row < answer->rows; row++) {
        const struct slice data = sql_value(answer, row, 2);
        CLEANUP(mem_free_at) char *line = mem_text_n(data.at, data.size);
        assert_int_equal(slice_to_u64(sql_value(answer, row, 1), UINT32_MAX, &xid), OK);
        if (strncmp(line, "COMMIT", 6) != 0) {
            read_event(line, (uint32_t)xid);
            continue;
        }
        lsn commit = 0;
        assert_int_equal(lsn_parse(sql_value(answer, row, 0), &commit), OK);
        for (; first < storm.count; first++)
            storm.events[first].commit = commit;
    }
}

static void read_slot(void)
{
    assert_true(server_sql_try(&storm.reader,
                               "SELECT * FROM pg_logical_slot_get_changes('snap', NULL, NULL)",
                               NULL, 0, take_changes, NULL));
}

static void on_started(void *arg, const struct visible *visible, lsn wal)
{
    struct joiner *joiner = arg;

    joiner->visible = visible_copy(visible);
    joiner->wal = wal;
    joiner->from = commits_first(&storm.commits, visible, joiner->noted);
}

static int number_of(const struct value *value)
{
    CLEANUP(mem_free_at) char *text = mem_text_n(value->text, value->size);

    return atoi(text);
}

static void on_rows(void *arg, const struct snapshot_rows *rows)
{
    struct joiner *joiner = arg;

    assert_int_equal(rows->table->column_count, 3);
    for (uint32_t i = 0; i < rows->count; i++) {
        const int id = number_of(&rows->values[(size_t)i * 3]);
        assert_int_equal(joiner->picture.n[id], GONE);
        joiner->picture.n[id] = number_of(&rows->values[(size_t)i * 3 + 1]);
        joiner->rows++;
    }
    snapshot_next(joiner->snapshot);
}

static void on_done(void *arg)
{
    ((struct joiner *)arg)->is_done = true;
    storm.done++;
    loop_stop(worker.loop);
}

static void on_failed(void *arg, const struct fault *why)
{
    (void)arg;
    fail_msg("%s", why->text);
}

static void join(struct joiner *joiner, const struct table_shape *shape)
{
    static const struct snapshot_events events = {on_started, on_rows, on_done, on_failed};
    const struct snapshot_query query = {shape, NULL, 0, {0}};

    for (int id = 0; id < IDS; id++)
        joiner->picture.n[id] = GONE;
    joiner->noted = storm.count;
    joiner->snapshot = snapshot_start(control.snapshots, worker.mailbox, &query, &events, joiner);
}

static void apply(struct picture *picture, const struct event *event)
{
    if (event->kind == INSERT && picture->n[event->id] != GONE)
        fail_msg("xid %u inserts %d again", event->xid, event->id);
    if (event->kind != INSERT && picture->n[event->old_id] == GONE)
        fail_msg("xid %u changes %d, which is missing", event->xid, event->old_id);
    picture->n[event->old_id] = GONE;
    if (event->kind != DELETE)
        picture->n[event->id] = event->n;
}

static void take_picture(void *arg, const struct sql_answer *answer)
{
    struct picture *picture = arg;

    for (int id = 0; id < IDS; id++)
        picture->n[id] = GONE;
    for (int row = 0; row < answer->rows; row++)
        picture->n[atoi(sql_value(answer, row, 0).at)] = atoi(sql_value(answer, row, 1).at);
}

static void judge(struct joiner *joiner, const struct picture *want)
{
    for (uint64_t i = joiner->from; i < storm.count; i++) {
        const struct event *event = &storm.events[i];
        const bool is_contained = visible_has(&joiner->visible, event->xid);
        if (is_contained && event->commit > joiner->wal)
            fail_msg("xid %u is contained, yet committed behind the position", event->xid);
        if (!is_contained)
            apply(&joiner->picture, event);
    }
    for (int id = 0; id < IDS; id++)
        assert_int_equal(joiner->picture.n[id], want->n[id]);
    visible_release(&joiner->visible);
}

static const char tables[] =
    "CREATE TABLE snap.storm (id integer PRIMARY KEY, n integer, pad text);"
    "ALTER TABLE snap.storm ALTER pad SET STORAGE PLAIN;"
    "INSERT INTO snap.storm SELECT i, 0, repeat('x', 2000) FROM generate_series(0, 299, 2) i;"
    /* One transaction: a few changes, some undone, some in subtransactions, one in four rolled
     * back; deadlocks are part of it. */
    "CREATE PROCEDURE snap.storm(rounds integer) LANGUAGE plpgsql AS $$"
    " DECLARE a integer; b integer; BEGIN"
    " SET deadlock_timeout = '20ms';"
    " FOR round IN 1..rounds LOOP"
    "  UPDATE snap.storm SET n = -n WHERE id = 2 * (random() * 100)::integer;"
    "  BEGIN"
    "   FOR step IN 1..1 + floor(random() * 4) LOOP"
    "    a := floor(random() * 300); b := floor(random() * 300);"
    "    CASE floor(random() * 6)"
    "     WHEN 0 THEN INSERT INTO snap.storm VALUES (a, b, repeat('y', 2000))"
    "      ON CONFLICT (id) DO UPDATE SET n = b;"
    "     WHEN 1 THEN UPDATE snap.storm SET n = n + 1 WHERE id = a;"
    "     WHEN 2 THEN DELETE FROM snap.storm WHERE id = a;"
    "     WHEN 3 THEN UPDATE snap.storm SET id = b WHERE id = a"
    "      AND NOT EXISTS (SELECT FROM snap.storm WHERE id = b);"
    "     WHEN 4 THEN"
    "      BEGIN DELETE FROM snap.storm WHERE id IN (a, b); RAISE EXCEPTION 'undone';"
    "      EXCEPTION WHEN raise_exception THEN NULL; END;"
    "     ELSE UPDATE snap.storm SET n = a WHERE id = b; PERFORM pg_sleep(random() / 300);"
    "    END CASE;"
    "   END LOOP;"
    "  EXCEPTION WHEN OTHERS THEN NULL; END;"
    "  IF random() < 0.25 THEN ROLLBACK; ELSE COMMIT; END IF;"
    " END LOOP; END $$";

static void on_storm_end(void *arg, const struct sql_answer *answer)
{
    (void)arg;
    if (answer->status != OK)
        fail_msg("%s", answer->message);
    storm.writing--;
}

static void on_writer_up(void *arg)
{
    struct sql **writer = arg;

    sql_ask(*writer, "CALL snap.storm(1500)", NULL, 0, on_storm_end, NULL);
}

static void storm_open(void)
{
    memset(&storm, 0, sizeof storm);
    storm.events = mem_array(CHANGES_MAX, sizeof *storm.events);
    start(0, 0);
    server_sql_do(&worker.server, "SELECT pg_drop_replication_slot(slot_name) FROM"
                                  " pg_replication_slots WHERE slot_name = 'snap'");
    server_sql_do(&worker.server, tables);
    server_sql_do(&worker.server,
                  "SELECT pg_create_logical_replication_slot('snap', 'test_decoding')");
    server_sql_open(&storm.reader);
}

static void storm_close(void)
{
    server_sql_do(&storm.reader, "SELECT pg_drop_replication_slot('snap')");
    server_sql_close(&storm.reader);
    stop();
    mem_free(storm.events);
}

static void on_tick(void *arg)
{
    (void)arg;
    loop_stop(worker.loop);
}

static void rows_and_changes_join_under_a_storm(void **state)
{
    const struct sql_config config = {server_conninfo(), "writer", false};
    const struct sql_events events = {on_writer_up, server_sql_on_down, NULL, NULL};
    struct picture want;
    int started = 0;

    (void)state;
    storm_open();
    struct timer *tick = timer_new(worker.loop, on_tick, NULL);
    struct table_shape *shape = describe("storm");
    for (int i = 0; i < WRITERS; i++) {
        storm.writers[i] = sql_new(worker.loop, &config, &events, &storm.writers[i]);
        sql_connect(storm.writers[i]);
    }
    storm.writing = WRITERS;
    timer_start(tick, 20, 20);
    while (storm.writing > 0 || storm.done < started) {
        timer_start(worker.limit, LIMIT_MS, 0);
        loop_run(worker.loop);
        read_slot();
        if (started < SNAPSHOTS && storm.writing > 0)
            join(&storm.joiners[started++], shape);
    }
    read_slot();
    assert_true(server_sql_try(&worker.server, "SELECT id, n FROM snap.storm", NULL, 0,
                               take_picture, &want));
    assert_true(started > 10 && storm.count > 1000);
    for (int i = 0; i < started; i++)
        judge(&storm.joiners[i], &want);
    for (int i = 0; i < WRITERS; i++)
        sql_free(storm.writers[i]);
    timer_free(tick);
    table_shape_free(shape);
    storm_close();
}

static void take_truth(void *arg, const struct sql_answer *answer)
{
    *(bool *)arg = slice_is(sql_value(answer, 0, 0), "t");
}

static void on_late(void *arg, const struct sql_answer *answer)
{
    (void)answer;
    *(bool *)arg = true;
}

/*
 * A commit that waits for a synchronous standby is in the WAL, decoded, and read by the worker;
 * but nobody sees its row.  The snapshot, taken after it was read, lacks it.
 */
static void a_commit_that_is_shown_late_is_not_lost(void **state)
{
    struct server_sql writer;
    struct picture want;
    bool is_shown = false;

    (void)state;
    storm_open();
    struct table_shape *shape = describe("storm");
    server_sql_open(&writer);
    server_sql_do(&worker.server, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    server_sql_do(&worker.server, "SELECT pg_reload_conf()");
    for (bool is_told = false; !is_told;) /* and the checkpointer, who tells those who commit */
        assert_true(server_sql_try(&writer,
                                   "CHECKPOINT; CHECKPOINT;"
                                   "SELECT current_setting('synchronous_standby_names') = 'nobody'",
                                   NULL, 0, take_truth, &is_told));
    sql_ask(writer.sql, "INSERT INTO snap.storm VALUES (1, 7)", NULL, 0, on_late, &is_shown);
    for (int i = 0; i < LIMIT_MS / 50 && storm.count == 0; i++) {
        server_sql_do(&worker.server, "SELECT pg_sleep(0.05)");
        read_slot();
    }
    assert_int_equal(storm.count, 1);

    join(&storm.joiners[0], shape);
    while (!storm.joiners[0].is_done)
        loop_run(worker.loop);
    server_sql_do(&worker.server, "ALTER SYSTEM RESET synchronous_standby_names");
    server_sql_do(&worker.server, "SELECT pg_reload_conf()");
    server_sql_do(&writer, "SELECT 1"); /* behind the insert */
    assert_true(is_shown);
    server_sql_do(&writer, "UPDATE snap.storm SET n = 8 WHERE id = 1");
    read_slot();
    assert_int_equal(storm.joiners[0].noted, 1);
    assert_int_equal(storm.joiners[0].from, 0);
    assert_int_equal(storm.joiners[0].picture.n[1], GONE);
    assert_true(server_sql_try(&worker.server, "SELECT id, n FROM snap.storm", NULL, 0,
                               take_picture, &want));
    judge(&storm.joiners[0], &want);
    assert_int_equal(want.n[1], 8);
    server_sql_close(&writer);
    table_shape_free(shape);
    storm_close();
}

/* The lock is had before the snapshot is taken, so a TRUNCATE waits, or is over. */
static void a_truncated_table_is_read_before_or_after(void **state)
{
    struct server_sql writer;
    bool is_shown = false;

    (void)state;
    storm_open();
    struct table_shape *shape = describe("storm");
    server_sql_open(&writer);
    server_sql_do(&writer, "BEGIN; TRUNCATE snap.storm; INSERT INTO snap.storm VALUES (3, 3)");
    join(&storm.joiners[0], shape);
    server_sql_do(&worker.server, "SELECT pg_sleep(0.2)"); /* it waits for the lock by now */
    sql_ask(writer.sql, "COMMIT", NULL, 0, on_late, &is_shown);
    server_sql_do(&writer, "SELECT 1");
    while (!storm.joiners[0].is_done)
        loop_run(worker.loop);
    assert_int_equal(storm.joiners[0].rows, 1);
    assert_int_equal(storm.joiners[0].picture.n[3], 3);
    visible_release(&storm.joiners[0].visible);
    server_sql_close(&writer);
    table_shape_free(shape);
    storm_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_changes_join_under_a_storm),
        cmocka_unit_test(a_commit_that_is_shown_late_is_not_lost),
        cmocka_unit_test(a_truncated_table_is_read_before_or_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
