/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against a server: PGCDC_TEST_CONNINFO names it.  A filter and the WHERE that is made of it must
 * say the same of every row: all operators with all operands on every column, then random brackets
 * of those (the seed is printed by a failure, with the filter).
 */
#include "server_sql.h"

#include "base/mem.h"
#include "catalog/tables.h"
#include "change/table.h"
#include "match/filter.h"
#include "match/filter_sql.h"
#include "match/query.h"

#define ROWS 80
#define COLUMNS_MAX 40
#define TREES 600
#define LIST_MAX 16
#define CONDITIONS_MAX 8000

static const struct {
    const char *name, *type;
    const char *values[LIST_MAX], *operands[LIST_MAX]; /* NULL at the end */
    const char *path;                                  /* behind the name in the filter */
} columns[] = {
    {"i", "integer", {"0", "1", "-1", "100", "2147483647"}, {"0", "007", "-1", "1.5", "x"}, ""},
    {"big", "bigint", {"9223372036854775807", "5", "0"}, {"9223372036854775807", "4"}, ""},
    {"num",
     "numeric",
     {"0", "1.50", "-1.5", "NaN", "Infinity", "1e40"},
     {"1.5", "NaN", "-0.0", "1e2", "1e40"},
     ""},
    {"pos", "snapf.positive", {"1.5", "20"}, {"1.500", "-1", "20"}, ""},
    {"r", "real", {"0.1", "-0", "NaN", "3.4e38"}, {"0.1", "0", "NaN"}, ""},
    {"d", "double precision", {"0.1", "0.30000000000000004", "-Infinity"}, {"0.3", "0.1"}, ""},
    {"b", "boolean", {"t", "f"}, {"true", "no", "false", "unknown", "null"}, ""},
    {"t",
     "text",
     {"", "a", "A", "it's", "a\\b", "a%b", "a*b", "ä", "Ä", "a  ", "x\ny", "\"q\""},
     {"a", "it's", "a\\\\b", "a*", "*b", "A_b", "%ä%", "", "^a.*b$", "[[:alpha:]]", "\\d", "null",
      "a\\", "(", "x.y"},
     ""},
    {"tc", "text COLLATE \"C\"", {"a", "B", "ä", ""}, {"a", "Z", "ä"}, ""},
    {"vc", "varchar(10)", {"a", "a ", "abc"}, {"a", "a ", "abcdefghijklmnop", "a*"}, ""},
    {"c", "char(5)", {"a", "ab", "", " a"}, {"a", "a   ", "a*", "ab   ", "^a$"}, ""},
    {"odd \"n", "name", {"a", "abc"}, {"a", "a%", "^ab"}, ""},
    {"ch", "\"char\"", {"a", "b", ""}, {"a", "b", "", "a%", "^a"}, ""},
    {"mood", "snapf.\"Mood\"", {"sad", "ok"}, {"ok", "glad", "sad"}, ""},
    {"u",
     "uuid",
     {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
     {"A0EEBC999C0B4EF8BB6D6BB9BD380A11", "ffffffff-ffff-ffff-ffff-ffffffffffff", "x"},
     ""},
    {"y", "bytea", {"", "\\x00", "\\xdeadbeef"}, {"\\\\xDEADBEEF", "abc", ""}, ""},
    {"da", "date", {"2026-01-02", "0044-03-15 BC", "infinity"}, {"Jan 2 2026", "infinity"}, ""},
    {"ti", "time", {"12:34:56.789", "24:00:00"}, {"24:00", "12:34:56.79"}, ""},
    {"ts",
     "timestamp",
     {"2026-01-02 03:04:05.6", "-infinity"},
     {"2026-01-02T03:04:05.60", "epoch"},
     ""},
    {"tz",
     "timestamptz",
     {"2026-01-02 03:04:05+05:30", "infinity"},
     {"2026-01-01 21:34:05 UTC", "2026-01-01 21:34:05"},
     ""},
    {"iv", "interval", {"1 month", "30 days", "-1 day", "0"}, {"P1M", "720:00:00", "0"}, ""},
    {"ip", "inet", {"10.0.0.1", "10.0.0.0/8", "::1"}, {"10.0.0.1/32", "0:0::1"}, ""},
    {"bi", "bit(3)", {"101", "000"}, {"101", "1"}, ""},
    {"rg", "int4range", {"[1,5)", "empty"}, {"[1,4]", "empty"}, ""},
    {"ia",
     "integer[]",
     {"{}", "{1,2}", "{2,1}", "{NULL}", "{1,NULL}", "[0:1]={1,2}"},
     {"{1,2}", "{}", "{1}", "{NULL}", "{1,2,3}", "x"},
     ""},
    {"ta", "text[]", {"{a,b}", "{\"a,b\"}", "{NULL}"}, {"{b,a}", "{\"a,b\"}", "{a}"}, ""},
    {"va", "varchar(3)[]", {"{a,b}", "{abc}"}, {"{a}", "{abc}", "{abcd,abc}"}, ""},
    {"ca", "char(3)[]", {"{a,b}", "{abc}"}, {"{a,b}", "{abcd}"}, ""},
    {"j",
     "jsonb",
     {"1.0", "null", "\"a\"", "[1,2]", "{\"a\":1}", "{\"a\":{\"b\":[1,{\"c\":\"x\"}]}}", "[]"},
     {"1", "null", "{\"a\":1.0}", "[1]", "{}", "nope"},
     ""},
    {"j2",
     "jsonb",
     {"{\"a\":1}", "{\"a\":\"it's\"}", "{\"a\":null}", "[1]", "{\"a\":{\"b\":7}}"},
     {"1", "it's", "null", "*s", "^1"},
     "->>a"},
    {"j3", "jsonb", {"[1,2]", "[[3],\"x\"]", "{\"-1\":5}", "7"}, {"2", "\"x\"", "7", "5"}, "->-1"},
    {"j4",
     "json",
     {"{\"a\":{\"it's\":\"x\"}}", "{\"a\":[1,\"y\"]}", "null"},
     {"x", "y", "null"},
     "->a->>it's"},
    {"j5", "json", {"[1,{\"k\":\"y\"}]", "[2]", "5"}, {"y", "null"}, "->1->>k"},
    {"pt", "point", {"(1,2)"}, {"(1,2)", "null"}, ""},
    {"co", "snapf.pair", {"(,)", "(1,2)"}, {"null", "(1,2)"}, ""},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static struct {
    struct server_sql server;
    struct table_shape *shape;
    struct table *table;
    struct value rows[ROWS][COLUMNS_MAX];
    int row_count;
    char *conditions[CONDITIONS_MAX]; /* those that were taken */
    int condition_count, refused;
    uint64_t seed;
} test;

static uint32_t chance(uint32_t below)
{
    test.seed = test.seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(test.seed >> 33) % below;
}

static uint32_t count_of(const char *const *list)
{
    uint32_t count = 0;

    while (list[count])
        count++;
    return count;
}

/* ---- the table ---- */

static void add_quoted(struct buf *out, const char *name)
{
    buf_add_char(out, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_add_char(out, '"');
        buf_add_char(out, *name);
    }
    buf_add_char(out, '"');
}

static void make_table(void)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    buf_add_text(&text, "DROP SCHEMA IF EXISTS snapf CASCADE; CREATE SCHEMA snapf;"
                        "CREATE TYPE snapf.\"Mood\" AS ENUM ('sad', 'ok', 'happy');"
                        "CREATE TYPE snapf.pair AS (a integer, b integer);"
                        "CREATE DOMAIN snapf.positive AS numeric(10,2) CHECK (VALUE > 0);"
                        "CREATE TABLE snapf.t (id integer PRIMARY KEY");
    for (size_t i = 0; i < COLUMNS; i++) {
        buf_add_text(&text, ", ");
        add_quoted(&text, columns[i].name);
        buf_printf(&text, " %s", columns[i].type);
    }
    buf_add_char(&text, ')');
    server_sql_do(&test.server, buf_text(&text));
}

static void insert_row(int id)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const char *params[COLUMNS_MAX];

    buf_printf(&text, "INSERT INTO snapf.t VALUES (%d", id);
    for (size_t i = 0; i < COLUMNS; i++) {
        const uint32_t count = count_of(columns[i].values);
        /* Each value once, in order, then at random; one in eight is NULL. */
        params[i] = (uint32_t)id < count ? columns[i].values[id]
                    : chance(8) == 0     ? NULL
                                         : columns[i].values[chance(count)];
        buf_printf(&text, ", $%zu", i + 1);
    }
    buf_add_char(&text, ')');
    if (!server_sql_try(&test.server, buf_text(&text), params, (int)COLUMNS, NULL, NULL))
        fail_msg("%s", test.server.refused.text);
}

static void take_shape(void *arg, const struct sql_answer *answer)
{
    (void)arg;
    test.shape = table_shape_of(answer);
}

static void take_rows(void *arg, const struct sql_answer *answer)
{
    (void)arg;
    test.row_count = answer->rows;
    for (int row = 0; row < answer->rows; row++) {
        for (int i = 0; i < answer->columns; i++) {
            const struct slice text = sql_value(answer, row, i);
            struct value *value = &test.rows[row][i];
            *value = (struct value){.state = VALUE_NULL};
            if (!sql_is_null(answer, row, i))
                *value = value_of(slice_of(mem_text_n(text.at, text.size), text.size));
        }
    }
}

static int set_up(void **state)
{
    struct column_spec specs[COLUMNS_MAX];

    (void)state;
    test.seed = 7;
    server_sql_open(&test.server);
    make_table();
    for (int id = 0; id < ROWS; id++)
        insert_row(id);
    assert_true(server_sql_try(&test.server, TABLE_QUESTION,
                               (const char *[]){"snapf", "t", "pgcdc"}, 3, take_shape, NULL));
    assert_int_equal(test.shape->column_count, COLUMNS + 1);
    for (uint32_t i = 0; i < test.shape->column_count; i++)
        specs[i] = (struct column_spec){slice_text(test.shape->columns[i].name),
                                        slice_text(test.shape->columns[i].type), i == 0};
    test.table = table_new(SLICE("snapf"), SLICE("t"), specs, test.shape->column_count);
    assert_true(server_sql_try(&test.server, "SELECT * FROM snapf.t ORDER BY id", NULL, 0,
                               take_rows, NULL));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_sql_do(&test.server, "DROP SCHEMA snapf CASCADE");
    server_sql_close(&test.server);
    for (int row = 0; row < test.row_count; row++) {
        for (size_t i = 0; i <= COLUMNS; i++)
            mem_free((void *)(uintptr_t)test.rows[row][i].text);
    }
    for (int i = 0; i < test.condition_count; i++)
        mem_free(test.conditions[i]);
    table_free(test.table);
    table_shape_free(test.shape);
    return 0;
}

/* ---- one filter ---- */

static void take_canonical(void *arg, const struct sql_answer *answer)
{
    const struct slice text = sql_value(answer, 0, 0);

    *(char **)arg = mem_text_n(text.at, text.size);
}

static bool cast_values(struct query *query)
{
    for (uint32_t i = 0; i < query->cast_count; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        struct query_cast *cast = &query->casts[i];
        const char *params[] = {cast->text};
        buf_printf(&text, "SELECT $1::%s", cast->cast_type);
        if (!server_sql_try(&test.server, buf_text(&text), params, 1, take_canonical,
                            &cast->canonical))
            return false;
    }
    return true;
}

static void take_ids(void *arg, const struct sql_answer *answer)
{
    buf_add(arg, sql_value(answer, 0, 0));
}

static void add_passing(const struct filter *filter, struct buf *out)
{
    for (int row = 0; row < test.row_count; row++) {
        const struct change change = {
            .kind = CHANGE_INSERT, .table = test.table, .new_row = test.rows[row]};
        if (filter_passes_slow(filter, &change))
            buf_printf(out, "%s%d", out->size > 0 ? "," : "", row);
    }
}

/* False: it is refused, as a subscription would be. */
static bool compare(const char *condition)
{
    CLEANUP(query_release) struct query query = {0};
    CLEANUP(buf_release) struct buf words = BUF_INIT;
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(buf_release) struct buf got = BUF_INIT;
    CLEANUP(buf_release) struct buf want = BUF_INIT;
    struct filter *filter = NULL;
    struct fault fault = {0};

    buf_printf(&words, "*:snapf.t:%s", condition);
    if (query_parse(buf_slice(&words), &query, &fault) != OK)
        fail_msg("%s: %s", condition, fault.text);
    if (query_bind(&query, test.shape, &fault) != OK || !cast_values(&query) ||
        query_compile(&query, &filter, &fault) != OK)
        return false;
    buf_add_text(&sql, "SELECT string_agg(id::text, ',' ORDER BY id) FROM snapf.t WHERE ");
    assert_int_equal(filter_sql(&sql, &query, &fault), OK);
    if (!server_sql_try(&test.server, buf_text(&sql), NULL, 0, take_ids, &want))
        fail_msg("%s: %s: %s", condition, buf_text(&sql), test.server.refused.text);
    add_passing(filter, &got);
    filter_free(filter);
    if (!slice_equal(buf_slice(&got), buf_slice(&want)))
        fail_msg("%s: filter %s, SELECT %s by %s", condition, buf_text(&got), buf_text(&want),
                 buf_text(&sql));
    return true;
}

/* As a quoted value. */
static void add_operand(struct buf *out, const char *operand)
{
    buf_add_char(out, '"');
    for (; *operand; operand++) {
        if (*operand == '"' || *operand == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *operand);
    }
    buf_add_char(out, '"');
}

static void try_condition(size_t column, enum filter_op op, const char *operand)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    add_operand(&text, columns[column].name);
    buf_printf(&text, "%s.%s.", columns[column].path, filter_op_text(op));
    buf_add_text(&text, op == FILTER_IN ? "(" : "");
    add_operand(&text, operand);
    if (op == FILTER_IN) {
        buf_add_char(&text, ',');
        add_operand(&text, columns[column].operands[0]);
        buf_add_char(&text, ')');
    }
    if (!compare(buf_text(&text))) {
        test.refused++;
        return;
    }
    assert_true(test.condition_count < CONDITIONS_MAX);
    test.conditions[test.condition_count++] = mem_text(buf_text(&text));
}

static void every_condition_is_the_same_in_sql(void **state)
{
    (void)state;
    for (size_t i = 0; i < COLUMNS; i++) {
        for (enum filter_op op = FILTER_EQ; op <= FILTER_CD; op++) {
            for (uint32_t k = 0; k < count_of(columns[i].operands); k++)
                try_condition(i, op, columns[i].operands[k]);
        }
        try_condition(i, FILTER_IS, "null");
    }
    assert_true(test.condition_count > 500 && test.refused > 100);
}

static void add_tree(struct buf *out, int depth)
{
    if (chance(3) == 0)
        buf_add_text(out, "not.");
    if (depth == 0 || chance(3) == 0) {
        buf_add_text(out, test.conditions[chance((uint32_t)test.condition_count)]);
        return;
    }
    buf_add_text(out, chance(2) == 0 ? "and(" : "or(");
    for (uint32_t left = 1 + chance(4); left > 0; left--) {
        add_tree(out, depth - 1);
        buf_add_text(out, left > 1 ? "," : ")");
    }
}

static void every_bracket_is_the_same_in_sql(void **state)
{
    (void)state;
    for (int i = 0; i < TREES; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        add_tree(&text, 3);
        (void)compare(buf_text(&text)); /* too large a tree may be refused */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_condition_is_the_same_in_sql),
        cmocka_unit_test(every_bracket_is_the_same_in_sql),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
