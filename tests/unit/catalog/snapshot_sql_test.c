/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "catalog/snapshot.h"
#include "catalog/snapshot_sql.h"
#include "change/shape.h"
#include "change/table.h"
#include "sql/sql.h"

static struct column_shape columns[] = {
    {.name = (char[]){"id"}, .type = (char[]){"integer"}, .is_key = true},
    {.name = (char[]){"a\"b"}, .type = (char[]){"text"}},
    {.name = (char[]){"total"}, .type = (char[]){"numeric(10,2)"}},
};
static struct table_shape shape = {.schema = (char[]){"my s"},
                                   .name = (char[]){"it's"},
                                   .identity = IDENTITY_KEY,
                                   .column_count = 3,
                                   .columns = columns};

static void rows_are_asked_for(void **state)
{
    static const struct slice total[] = {{"total", 5}, {"none", 4}};
    static const struct {
        const struct slice *select;
        enum replica_identity identity;
        const char *where;
        bool has_children;
        const char *text;
    } cases[] = {
        {NULL, IDENTITY_KEY, "", false,
         "SELECT \"id\", \"a\"\"b\", \"total\" FROM ONLY \"my s\".\"it's\""},
        {total, IDENTITY_KEY, "(\"id\" = '1')", false,
         "SELECT \"id\", \"total\" FROM ONLY \"my s\".\"it's\" WHERE (\"id\" = '1')"},
        {total, IDENTITY_FULL, "", true, "SELECT \"total\" FROM \"my s\".\"it's\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        const struct snapshot_query query = {&shape, cases[i].select, 2, {0}};
        shape.identity = cases[i].identity;
        struct table *table = snapshot_sql_table(&query);
        snapshot_sql_rows(&text, table, slice_text(cases[i].where), cases[i].has_children);
        assert_slice_is(buf_slice(&text), cases[i].text);
        table_free(table);
    }
    shape.identity = IDENTITY_KEY;
}

/* The lock comes before the first statement that takes the snapshot. */
static void it_begins_with_the_lock(void **state)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const struct snapshot_query query = {&shape, NULL, 0, {0}};
    struct table *table = snapshot_sql_table(&query);

    (void)state;
    snapshot_sql_begin(&text, table, 150000);
    const char *lock = strstr(buf_text(&text), "LOCK TABLE \"my s\".\"it's\" IN ACCESS SHARE MODE");
    const char *first = strstr(buf_text(&text), "SELECT ");
    assert_non_null(lock);
    assert_true(first > lock);
    assert_non_null(strstr(first, "pg_catalog.pg_current_snapshot()"));
    assert_non_null(strstr(first, "c.oid = '\"my s\".\"it''s\"'::pg_catalog.regclass"));
    buf_reset(&text);
    snapshot_sql_begin(&text, table, 120000);
    assert_non_null(strstr(buf_text(&text), "pg_catalog.txid_current_snapshot()"));
    table_free(table);
}

static void refusals_have_a_status_and_a_remedy(void **state)
{
    static const struct {
        const char *sqlstate, *message;
        enum status status;
        const char *words;
    } cases[] = {
        {"42501", "permission denied for table it's", ERR_DENIED,
         "GRANT SELECT ON \"my s\".\"it's\" TO \"bob\""},
        {"42501", "query would be affected by row-level security policy for table \"it's\"",
         ERR_DENIED, "ALTER ROLE \"bob\" BYPASSRLS"},
        {"42P01", "relation does not exist", ERR_NOT_FOUND, "my s.it's is not there any more"},
        {"3F000", "schema does not exist", ERR_NOT_FOUND, "not there any more"},
        {"55P03", "canceling statement due to lock timeout", ERR_TIMEOUT, "could not be locked"},
        {"22012", "division by zero", ERR_REFUSED, "division by zero"},
    };
    const struct snapshot_query query = {&shape, NULL, 0, {0}};
    struct table *table = snapshot_sql_table(&query);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sql_answer answer = {
            .status = ERR_REFUSED, .message = cases[i].message, .sqlstate = cases[i].sqlstate};
        struct fault fault = {0};
        snapshot_sql_fault(&fault, &answer, table, "bob");
        assert_int_equal(fault.status, cases[i].status);
        if (!strstr(fault.text, cases[i].words))
            fail_msg("%s: %s", cases[i].sqlstate, fault.text);
    }
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_asked_for),
        cmocka_unit_test(it_begins_with_the_lock),
        cmocka_unit_test(refusals_have_a_status_and_a_remedy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
