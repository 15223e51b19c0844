/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/metrics.h"
#include "catalog/snapshot_parts.h"
#include "catalog/snapshot_sql.h"
#include "catalog/tables.h"
#include "change/table.h"
#include "net/loop.h"
#include "sql/sql.h"

/*
 * One connection and the snapshot that runs on it:
 *
 *     free -> connecting -> begin -> describe -> rows -> (COMMIT) free
 *                                               ^   |
 *                                      asked next   a chunk is with the asker
 *
 * What ends early by PostgreSQL's refusal is rolled back and the connection goes on.  What ends
 * early by us (cancelled, too slow) is in the midst of sending, so the connection is closed: its
 * backend notices when it sends, or, from version 14 on, within a second.
 */
#define KEEP_MS 30000     /* a free connection */
#define BEGIN_MS 30000    /* connecting, the lock, the describing */
#define DIALS_MAX 5       /* a busy server may refuse a connection that it takes a moment later */
#define DIAL_AGAIN_MS 100 /* then twice as long each time */

struct lane {
    struct loop *loop;
    struct sql *sql;
    struct timer *timer;
    struct timer *redial;
    unsigned dials; /* for the snapshot at hand, that failed */
    struct lane_events events;
    uint32_t idle_ms;

    struct snapshot *now; /* a reference; NULL: free */
    uint64_t began_ms;
    struct visible visible; /* owned until the asker is told */
    lsn wal;
    bool has_children;
    bool is_begun;      /* it had a connection */
    bool is_reading;    /* past the beginning */
    bool is_with_asker; /* a chunk is */

    struct note *chunk; /* owned; what was gathered of the next one, or NULL */
    size_t value_capacity;
};

static void rest(struct lane *lane)
{
    struct snapshot *snapshot = lane->now;

    lane->now = NULL;
    lane->is_begun = lane->is_reading = lane->is_with_asker = false;
    lane->dials = 0;
    timer_stop(lane->redial);
    visible_release(&lane->visible);
    if (lane->chunk)
        note_free(lane->chunk);
    lane->chunk = NULL;
    snapshot->lane = NULL;
    snapshot_drop(snapshot);
    metrics_sub(METRIC_SNAPSHOTS_RUNNING, 1);
    timer_start(lane->timer, KEEP_MS, 0);
}

static void on_nothing(void *arg, const struct sql_answer *answer)
{
    (void)arg;
    (void)answer;
}

/* It ends by what we or others have found; the connection is in order, or down already. */
static void fail(struct lane *lane, const struct fault *why)
{
    note_fail(lane->now, why);
    rest(lane);
    if (sql_is_up(lane->sql))
        sql_ask(lane->sql, "ROLLBACK", NULL, 0, on_nothing, lane);
    lane->events.freed(lane->events.arg);
}

static void refuse(struct lane *lane, const struct sql_answer *answer)
{
    struct fault why;

    if (!lane->now || answer->status == ERR_CLOSED)
        return; /* on_down follows, or it is we who have closed it */
    snapshot_sql_fault(&why, answer, lane->now->table,
                       sql_parameter(lane->sql, "session_authorization"));
    fail(lane, &why);
}

/* ---- rows ---- */

static void keep_value(struct lane *lane, const struct sql_answer *answer, int column)
{
    const struct slice text = sql_value(answer, 0, column);
    struct note *chunk = lane->chunk;
    const size_t at = (size_t)chunk->row_count * lane->now->table->column_count + (size_t)column;

    if (sql_is_null(answer, 0, column)) {
        chunk->values[at] = (struct value){.state = VALUE_NULL};
        return;
    }
    buf_add(&chunk->bytes, text);
    chunk->values[at] = (struct value){NULL, (uint32_t)text.size, VALUE_TEXT};
}

static void make_room(struct lane *lane)
{
    const uint32_t columns = lane->now->table->column_count;

    if (!lane->chunk) {
        lane->chunk = note_new(lane->now, NOTE_ROWS);
        lane->value_capacity = 0;
    }
    const size_t wanted = ((size_t)lane->chunk->row_count + 1) * columns;
    if (wanted <= lane->value_capacity)
        return;
    lane->value_capacity = 2 * wanted;
    lane->chunk->values =
        mem_resize(lane->chunk->values, lane->value_capacity * sizeof(struct value));
}

static void post_chunk(struct lane *lane)
{
    note_post_to_asker(lane->chunk);
    lane->chunk = NULL;
}

static void on_row(void *arg, const struct sql_answer *answer)
{
    struct lane *lane = arg;

    if (!lane->now)
        return;
    make_room(lane);
    for (int i = 0; i < answer->columns; i++)
        keep_value(lane, answer, i);

    struct note *chunk = lane->chunk;
    const size_t values = (size_t)++chunk->row_count * lane->now->table->column_count;
    if (chunk->bytes.size + values * sizeof(struct value) < SNAPSHOT_CHUNK_SIZE &&
        chunk->row_count < SNAPSHOT_CHUNK_ROWS)
        return;
    post_chunk(lane);
    lane->is_with_asker = true;
    sql_rows_pause(lane->sql, true);
    timer_start(lane->timer, lane->idle_ms, 0);
}

static void on_end(void *arg, const struct sql_answer *answer)
{
    struct lane *lane = arg;

    if (!lane->now || answer->status != OK) {
        refuse(lane, answer);
        return;
    }
    if (lane->chunk)
        post_chunk(lane);
    note_post_to_asker(note_new(lane->now, NOTE_DONE));
    rest(lane);
    sql_ask(lane->sql, "COMMIT", NULL, 0, on_nothing, lane);
    lane->events.freed(lane->events.arg);
}

/* ---- before the rows ---- */

static void ask_rows(struct lane *lane)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct note *note = note_new(lane->now, NOTE_STARTED);

    note->visible = lane->visible;
    note->wal = lane->wal;
    lane->visible = (struct visible){0};
    note_post_to_asker(note);
    lane->is_reading = true;
    timer_start(lane->timer, SNAPSHOT_LONGEST_MS, 0);
    snapshot_sql_rows(&text, lane->now->table, buf_slice(&lane->now->where), lane->has_children);
    sql_ask_rows(lane->sql, buf_text(&text), on_row, on_end, lane);
}

static void on_described(void *arg, const struct sql_answer *answer)
{
    struct lane *lane = arg;
    CLEANUP(buf_release) struct buf fingerprint = BUF_INIT;
    struct fault why;

    if (!lane->now || answer->status != OK) {
        refuse(lane, answer);
        return;
    }
    struct table_shape *shape = table_shape_of(answer);
    if (shape)
        snapshot_sql_fingerprint(&fingerprint, shape);
    table_shape_free(shape);
    if (slice_equal(buf_slice(&fingerprint), buf_slice(&lane->now->fingerprint))) {
        ask_rows(lane);
        return;
    }
    const struct table *table = lane->now->table;
    (void)fault_set(&why, ERR_NOT_FOUND, "table %.*s.%.*s has changed meanwhile, try again",
                    SLICE_ARG(table->schema), SLICE_ARG(table->name));
    fail(lane, &why);
}

static enum status read_begun(struct lane *lane, const struct sql_answer *answer,
                              struct fault *fault)
{
    if (answer->rows != 1)
        return fault_set(fault, ERR_REFUSED, "the server has not told its snapshot");
    if (sql_is_null(answer, 0, 1)) /* xip is empty there: GetSnapshotData() in recovery */
        return fault_set(fault, ERR_REFUSED,
                         "a standby does not tell which transactions are running, so there are no "
                         "snapshots from it");
    if (visible_parse(sql_value(answer, 0, 0), &lane->visible) != OK ||
        lsn_parse(sql_value(answer, 0, 1), &lane->wal) != OK)
        return fault_set(fault, ERR_REFUSED, "the server's snapshot cannot be read: \"%.*s\"",
                         SLICE_ARG(sql_value(answer, 0, 0)));
    lane->has_children = sql_is_true(answer, 0, 2);
    return OK;
}

static void on_begun(void *arg, const struct sql_answer *answer)
{
    struct lane *lane = arg;
    struct fault why;

    if (!lane->now || answer->status != OK) {
        refuse(lane, answer);
        return;
    }
    if (read_begun(lane, answer, &why) != OK) {
        fail(lane, &why);
        return;
    }
    const struct table *table = lane->now->table;
    CLEANUP(mem_free_at) char *schema = mem_text_n(table->schema.at, table->schema.size);
    CLEANUP(mem_free_at) char *name = mem_text_n(table->name.at, table->name.size);
    sql_ask(lane->sql, TABLE_QUESTION, (const char *[]){schema, name, NULL}, 3, on_described, lane);
}

static void begin(struct lane *lane)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    lane->is_begun = true;
    snapshot_sql_begin(&text, lane->now->table, sql_server_version(lane->sql));
    sql_ask(lane->sql, buf_text(&text), NULL, 0, on_begun, lane);
}

/* ---- the connection ---- */

static void on_up(void *arg)
{
    struct lane *lane = arg;

    /* Where the server's system cannot do that, it says so, and it is left. */
    if (sql_server_version(lane->sql) >= 140000)
        sql_ask(lane->sql, "SET client_connection_check_interval = '1s'", NULL, 0, on_nothing,
                lane);
    if (lane->now)
        begin(lane);
}

static void on_redial(void *arg)
{
    struct lane *lane = arg;

    if (lane->now)
        sql_connect(lane->sql);
}

static void on_down(void *arg, const struct fault *why)
{
    struct lane *lane = arg;
    struct fault fault;

    if (!lane->now)
        return;
    if (!lane->is_begun && lane->dials < DIALS_MAX) {
        timer_start(lane->redial, (uint64_t)DIAL_AGAIN_MS << lane->dials++, 0);
        return;
    }
    (void)fault_set(&fault, ERR_CLOSED, "the database is not connected: %s", why->text);
    fail(lane, &fault);
}

/* Ends it in the midst of what the server is doing. */
static void cut(struct lane *lane)
{
    rest(lane);
    sql_disconnect(lane->sql);
    lane->events.freed(lane->events.arg);
}

static void on_timer(void *arg)
{
    struct lane *lane = arg;
    struct fault why;

    if (!lane->now) {
        sql_disconnect(lane->sql);
        return;
    }
    if (lane->is_with_asker)
        (void)fault_set(&why, ERR_TIMEOUT, "rows have not been read for %u s",
                        (unsigned)(lane->idle_ms / 1000));
    else if (!lane->is_reading)
        (void)fault_set(&why, ERR_TIMEOUT, "the snapshot could not begin within %d s",
                        BEGIN_MS / 1000);
    else
        (void)fault_set(&why, ERR_TIMEOUT, "the snapshot took longer than %d s",
                        (int)SNAPSHOT_LONGEST_MS / 1000);
    note_fail(lane->now, &why);
    cut(lane);
}

struct lane *lane_new(struct loop *loop, const struct snapshots_config *config,
                      const struct lane_events *events)
{
    const struct sql_config of_sql = {config->conninfo, NULL, false};
    const struct sql_events sql_events = {on_up, on_down, NULL, NULL};
    struct lane *lane = mem_new(sizeof *lane);

    lane->loop = loop;
    lane->events = *events;
    lane->idle_ms = config->idle_ms > 0 ? config->idle_ms : SNAPSHOT_IDLE_MS;
    lane->sql = sql_new(loop, &of_sql, &sql_events, lane);
    lane->timer = timer_new(loop, on_timer, lane);
    lane->redial = timer_new(loop, on_redial, lane);
    return lane;
}

void lane_free(struct lane *lane)
{
    if (!lane)
        return;
    if (lane->now) {
        lane->now->office = NULL;
        rest(lane);
    }
    sql_free(lane->sql);
    timer_free(lane->timer);
    timer_free(lane->redial);
    mem_free(lane);
}

bool lane_is_free(const struct lane *lane)
{
    return !lane->now;
}

void lane_run(struct lane *lane, struct snapshot *snapshot)
{
    lane->now = snapshot;
    snapshot->lane = lane;
    lane->began_ms = loop_now_ms(lane->loop);
    metrics_add(METRIC_SNAPSHOTS_RUNNING, 1);
    timer_start(lane->timer, BEGIN_MS, 0);
    if (sql_is_up(lane->sql))
        begin(lane);
    else
        sql_connect(lane->sql);
}

void lane_next(struct lane *lane)
{
    const uint64_t age_ms = loop_now_ms(lane->loop) - lane->began_ms;

    if (!lane->is_with_asker)
        return;
    lane->is_with_asker = false;
    timer_start(lane->timer, age_ms < SNAPSHOT_LONGEST_MS ? SNAPSHOT_LONGEST_MS - age_ms : 0, 0);
    sql_rows_pause(lane->sql, false);
}

void lane_cancel(struct lane *lane)
{
    cut(lane);
}
