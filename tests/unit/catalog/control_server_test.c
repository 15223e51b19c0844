/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server; it makes a schema of its own. */
#include "control_server.h"

static int set_up(void **state)
{
    (void)state;
    execute("DROP SCHEMA IF EXISTS pgcdc_probe CASCADE; CREATE SCHEMA pgcdc_probe;"
            "CREATE TYPE pgcdc_probe.\"Mood\" AS ENUM ('sad', 'ok');"
            "CREATE DOMAIN pgcdc_probe.price AS numeric(10,2) CHECK (VALUE > 0);"
            "CREATE DOMAIN pgcdc_probe.cost AS pgcdc_probe.price;"
            "CREATE TABLE pgcdc_probe.\"Or\"\"ders\" (id bigint PRIMARY KEY,"
            " n numeric(10,2), v varchar(5), c char(3), b bit(3), vb bit varying(4),"
            " m pgcdc_probe.\"Mood\", p pgcdc_probe.cost, a integer[], pa pgcdc_probe.price[],"
            " ts timestamptz(3), t text COLLATE \"C\", dropped int, j jsonb, o oidvector,"
            " \"char\" \"char\", i interval day to second, u uuid);"
            "ALTER TABLE pgcdc_probe.\"Or\"\"ders\" DROP COLUMN dropped;"
            "CREATE TABLE pgcdc_probe.bare (x int);"
            "CREATE TABLE pgcdc_probe.late (x int PRIMARY KEY DEFERRABLE);"
            "CREATE TABLE pgcdc_probe.whole (x int); "
            "ALTER TABLE pgcdc_probe.whole REPLICA IDENTITY FULL;"
            "CREATE TABLE pgcdc_probe.indexed (x int NOT NULL, y int);"
            "CREATE UNIQUE INDEX by_x ON pgcdc_probe.indexed (x) INCLUDE (y);"
            "ALTER TABLE pgcdc_probe.indexed REPLICA IDENTITY USING INDEX by_x;"
            "CREATE TABLE pgcdc_probe.empty ();"
            "CREATE VIEW pgcdc_probe.view AS SELECT 1 AS x;"
            "CREATE UNLOGGED TABLE pgcdc_probe.unlogged (x int);"
            "CREATE TABLE pgcdc_probe.parted (x int PRIMARY KEY) PARTITION BY LIST (x);"
            "CREATE TABLE pgcdc_probe.part PARTITION OF pgcdc_probe.parted FOR VALUES IN (1);"
            "DROP PUBLICATION IF EXISTS pgcdc_probe;"
            "DROP PUBLICATION IF EXISTS pgcdc_probe_inserts;"
            "CREATE PUBLICATION pgcdc_probe FOR TABLE pgcdc_probe.whole, pgcdc_probe.parted"
            " WITH (publish = 'insert, update');"
            "CREATE PUBLICATION pgcdc_probe_inserts FOR TABLE pgcdc_probe.bare"
            " WITH (publish = 'insert, truncate');"
            "DROP TABLE IF EXISTS public.apikeys;"
            "CREATE TABLE public.apikeys (customer_id uuid, host_uuid uuid, key text);"
            "INSERT INTO public.apikeys VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',"
            " 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'it''s')");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    execute("DROP SCHEMA pgcdc_probe CASCADE; DROP TABLE public.apikeys;"
            "DROP PUBLICATION IF EXISTS pgcdc_probe;"
            "DROP PUBLICATION IF EXISTS pgcdc_probe_inserts");
    return 0;
}

static void a_table_is_described(void **state)
{
    static const struct {
        const char *name, *type, *cast_type, *element;
        char kind;
    } columns[] = {
        {"id", "bigint", "bigint", NULL, 'b'},
        {"n", "numeric(10,2)", "numeric", NULL, 'b'},
        {"v", "character varying(5)", "character varying", NULL, 'b'},
        {"c", "character(3)", "bpchar", NULL, 'b'},
        {"b", "bit(3)", "\"bit\"", NULL, 'b'},
        {"vb", "bit varying(4)", "bit varying", NULL, 'b'},
        {"m", "pgcdc_probe.\"Mood\"", "pgcdc_probe.\"Mood\"", NULL, 'e'},
        {"p", "pgcdc_probe.cost", "numeric", NULL, 'b'},
        {"a", "integer[]", "integer[]", "integer", 'b'},
        {"pa", "pgcdc_probe.price[]", "pgcdc_probe.price[]", "numeric", 'b'},
        {"ts", "timestamp(3) with time zone", "timestamp with time zone", NULL, 'b'},
        {"t", "text", "text", NULL, 'b'},
        {"j", "jsonb", "jsonb", NULL, 'b'},
        {"o", "oidvector", "oidvector", NULL, 'b'},
        {"char", "\"char\"", "\"char\"", NULL, 'b'},
        {"i", "interval day to second", "interval", NULL, 'b'},
        {"u", "uuid", "uuid", NULL, 'b'},
    };
    const size_t count = sizeof columns / sizeof columns[0];

    (void)state;
    start(conninfo(), NULL);
    ask_table("pgcdc_probe", "Or\"ders");
    assert_int_equal(worker.status, OK);
    assert_string_equal(worker.shape->schema, "pgcdc_probe");
    assert_string_equal(worker.shape->name, "Or\"ders");
    assert_int_equal(worker.shape->column_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct column_shape *column = &worker.shape->columns[i];
        assert_string_equal(column->name, columns[i].name);
        assert_string_equal(column->type, columns[i].type);
        assert_string_equal(column->cast_type, columns[i].cast_type);
        assert_int_equal(column->kind, columns[i].kind);
        assert_int_equal(column->is_key, i == 0);
        assert_true(column->is_deterministic);
        if (columns[i].element)
            assert_string_equal(column->element_cast_type, columns[i].element);
        else
            assert_null(column->element_cast_type);
    }
    assert_int_equal(worker.shape->columns[0].base_oid, 20);
    assert_int_equal(worker.shape->columns[7].base_oid, 1700);
    assert_int_equal(worker.shape->columns[8].element_oid, 23);
    assert_true(worker.shape->columns[11].is_collation_c);
    stop();
}

static void identity_is_what_postgresql_uses(void **state)
{
    static const struct {
        const char *table;
        enum status status;
        enum replica_identity identity;
        const char *keys;      /* one letter per column */
        const char *published; /* letters of iudt */
    } cases[] = {
        {"bare", OK, IDENTITY_NONE, "-", "it"},  {"late", OK, IDENTITY_NONE, "-", ""},
        {"whole", OK, IDENTITY_FULL, "k", "iu"}, {"indexed", OK, IDENTITY_INDEX, "k-", ""},
        {"parted", OK, IDENTITY_KEY, "k", "iu"}, {"part", OK, IDENTITY_KEY, "k", "iu"},
        {"empty", OK, IDENTITY_NONE, "", ""},    {"view", ERR_NOT_FOUND, 0, ""},
        {"unlogged", ERR_NOT_FOUND, 0, ""},      {"nothing", ERR_NOT_FOUND, 0, ""},
        {"BARE", ERR_NOT_FOUND, 0, ""},          {"", ERR_NOT_FOUND, 0, ""},
        {"bare\xFF", ERR_NOT_FOUND, 0, ""},      {"'; DROP TABLE bare;", ERR_NOT_FOUND, 0, ""},
    };

    (void)state;
    start(conninfo(), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask_table("pgcdc_probe", cases[i].table);
        assert_int_equal(worker.status, cases[i].status);
        if (worker.status != OK)
            continue;
        assert_int_equal(worker.shape->identity, cases[i].identity);
        assert_int_equal(worker.shape->column_count, strlen(cases[i].keys));
        const struct table_published *published = &worker.shape->published;
        assert_true(published->is_known);
        assert_int_equal(published->has_insert, strchr(cases[i].published, 'i') != NULL);
        assert_int_equal(published->has_update, strchr(cases[i].published, 'u') != NULL);
        assert_int_equal(published->has_delete, strchr(cases[i].published, 'd') != NULL);
        assert_int_equal(published->has_truncate, strchr(cases[i].published, 't') != NULL);
        for (size_t k = 0; cases[i].keys[k] != '\0'; k++)
            assert_int_equal(worker.shape->columns[k].is_key, cases[i].keys[k] == 'k');
    }
    stop();
}

static void values_are_cast_as_where_would(void **state)
{
    static const struct ask_cast casts[] = {
        {{"007", 3}, "integer"},
        {{"1.50", 4}, "numeric"},
        {{"yes", 3}, "boolean"},
        {{"ab  ", 4}, "bpchar"},
        {{"10101", 5}, "\"bit\""},
        {{"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", 36}, "uuid"},
        {{"2026-01-02 05:04:05+02", 22}, "timestamp with time zone"},
        {{"10.1.2.3", 8}, "inet"},
        {{"{\"b\":1,\"a\":2}", 13}, "jsonb"},
        {{"{1,NULL,03}", 11}, "integer[]"},
        {{"sad", 3}, "pgcdc_probe.\"Mood\""},
        {{"\\x4142", 6}, "bytea"},
        {{"it's", 4}, "text"},
        {{"1 day 2:3", 9}, "interval"},
    };

    (void)state;
    start(conninfo(), NULL);
    for (int again = 0; again < 2; again++) {
        (void)control_ask_casts(server.control, worker.mailbox, casts,
                                sizeof casts / sizeof casts[0], on_answer, NULL);
        loop_run(worker.loop);
        assert_string_equal(worker.text,
                            "7|1.50|t|ab  |10101|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|"
                            "2026-01-02 03:04:05+00|10.1.2.3|{\"a\": 2, \"b\": 1}|{1,NULL,3}|sad|"
                            "\\x4142|it's|1 day 02:03:00");
    }
    stop();
}

static void a_value_that_does_not_fit_is_named(void **state)
{
    static const struct {
        const char *text, *type, *message;
    } cases[] = {
        {"abc", "integer", "invalid input syntax for type integer: \"abc\""},
        {"99999999999", "integer", "value \"99999999999\" is out of range for type integer"},
        {"glad", "pgcdc_probe.\"Mood\"",
         "invalid input value for enum pgcdc_probe.\"Mood\": \"glad\""},
        {"\xFF", "integer", "the value is not UTF-8 text without NUL"},
        {"1", "no_such_type", "type \"no_such_type\" does not exist"},
    };
    struct ask_cast casts[1000];

    (void)state;
    start(conninfo(), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t k = 0; k < 1000; k++)
            casts[k] = (struct ask_cast){SLICE("1"), "integer"};
        casts[613] = (struct ask_cast){slice_text(cases[i].text), cases[i].type};
        (void)control_ask_casts(server.control, worker.mailbox, casts, 1000, on_answer, NULL);
        loop_run(worker.loop);
        assert_int_equal(worker.status, ERR_INPUT);
        assert_int_equal(worker.bad_index, 613);
        assert_string_equal(worker.text, cases[i].message);
    }
    stop();
}

static void owners_are_looked_up(void **state)
{
    static const struct {
        const char *customer;
        enum ask_owner_kind kind;
        const char *value;
        bool is_owner;
    } cases[] = {
        {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ASK_HOST_UUID,
         "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", true},
        {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ASK_KEY, "it's", true},
        {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ASK_KEY, "other", false},
        {"c0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ASK_KEY, "it's", false},
        {"' OR true --", ASK_KEY, "it's", false},
        {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ASK_KEY, "\xFF", false},
        {"not a uuid", ASK_HOST_UUID, "nor this", false},
    };

    (void)state;
    start(conninfo(), conninfo());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)control_ask_owner(server.control, worker.mailbox, slice_text(cases[i].customer),
                                cases[i].kind, slice_text(cases[i].value), on_answer, NULL);
        loop_run(worker.loop);
        assert_int_equal(worker.status, OK);
        assert_int_equal(worker.is_owner, cases[i].is_owner);
    }
    stop();
    start(conninfo(), NULL);
    (void)control_ask_owner(server.control, worker.mailbox, SLICE("a"), ASK_KEY, SLICE("b"),
                            on_answer, NULL);
    loop_run(worker.loop);
    assert_int_equal(worker.status, ERR_REFUSED);
    stop();
}

static void without_a_server_the_answer_is_no(void **state)
{
    (void)state;
    start("host=127.0.0.1 port=1 password=hunter2", NULL);
    ask_table("public", "t");
    assert_int_equal(worker.status, ERR_CLOSED);
    assert_null(strstr(worker.text, "hunter2"));
    assert_false(control_is_up(server.control));
    stop();
}

static void a_cancelled_ask_is_not_answered(void **state)
{
    (void)state;
    start(conninfo(), NULL);
    const int before = worker.answers;
    for (int i = 0; i < 100; i++)
        ask_cancel(control_ask_table(server.control, worker.mailbox, SLICE("pgcdc_probe"),
                                     SLICE("bare"), on_answer, NULL));
    ask_table("pgcdc_probe", "bare");
    assert_int_equal(worker.answers, before + 1);
    /* And some that are under way when all ends. */
    for (int i = 0; i < 100; i++)
        ask_cancel(control_ask_table(server.control, worker.mailbox, SLICE("pgcdc_probe"),
                                     SLICE("bare"), on_answer, NULL));
    stop();
}

static void a_lost_connection_costs_no_answer(void **state)
{
    (void)state;
    start(conninfo(), NULL);
    ask_table("pgcdc_probe", "bare");
    for (int i = 0; i < 5; i++) {
        execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'pgcdc' AND pid <> pg_backend_pid()");
        ask_table("pgcdc_probe", "bare");
        assert_int_equal(worker.status, OK);
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_described),
        cmocka_unit_test(identity_is_what_postgresql_uses),
        cmocka_unit_test(values_are_cast_as_where_would),
        cmocka_unit_test(a_value_that_does_not_fit_is_named),
        cmocka_unit_test(owners_are_looked_up),
        cmocka_unit_test(without_a_server_the_answer_is_no),
        cmocka_unit_test(a_cancelled_ask_is_not_answered),
        cmocka_unit_test(a_lost_connection_costs_no_answer),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
