/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "catalog/publication_sql.h"

static const struct publication_names NAMES = {"pub", "pub_inserts", false, 150000};

static void gather(void *arg, const char *text)
{
    buf_add_text(arg, text);
    buf_add_char(arg, '\n');
}

static struct publication_table table(const char *name, bool wants_u, bool has_u, bool wants_i,
                                      bool has_i)
{
    return (struct publication_table){
        slice_text("public"), slice_text(name), wants_u, has_u, wants_i, has_i, wants_u};
}

static void tables_are_taken_out_before_any_is_taken_in(void **state)
{
    const struct publication_table tables[] = {
        table("new", true, false, true, false),      table("same", true, true, true, true),
        table("lost\"key", false, true, true, true), table("gone", false, true, false, true),
        table("plain", false, false, true, false),
    };
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    publication_sql_alter(&NAMES, tables, 5, 100, gather, &out);
    assert_slice_is(buf_slice(&out),
                    "SET LOCAL lock_timeout = '2s'; ALTER PUBLICATION \"pub\" DROP TABLE "
                    "ONLY \"public\".\"lost\"\"key\", ONLY \"public\".\"gone\"\n"
                    "SET LOCAL lock_timeout = '2s'; ALTER PUBLICATION \"pub_inserts\" DROP TABLE "
                    "ONLY \"public\".\"gone\"\n"
                    "SET LOCAL lock_timeout = '2s'; ALTER PUBLICATION \"pub\" ADD TABLE "
                    "ONLY \"public\".\"new\"\n"
                    "SET LOCAL lock_timeout = '2s'; ALTER PUBLICATION \"pub_inserts\" ADD TABLE "
                    "ONLY \"public\".\"new\", ONLY \"public\".\"plain\"\n");
}

static void a_batch_has_its_size(void **state)
{
    struct publication_table tables[7];
    static const struct {
        size_t count, batch, statements;
    } cases[] = {{0, 3, 0}, {1, 1, 1}, {3, 3, 1}, {4, 3, 2}, {6, 3, 2}, {7, 3, 3}, {7, 1, 7}};

    (void)state;
    for (size_t i = 0; i < 7; i++)
        tables[i] = table("t", true, false, true, true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        size_t lines = 0, names = 0;
        publication_sql_alter(&NAMES, tables, cases[i].count, cases[i].batch, gather, &out);
        for (size_t at = 0; at < out.size; at++) {
            lines += out.at[at] == '\n';
            names += out.at[at] == '.';
        }
        assert_int_equal(lines, cases[i].statements);
        assert_int_equal(names, cases[i].count);
    }
}

static void nothing_to_do_is_no_statement(void **state)
{
    const struct publication_table same = table("same", false, false, true, true);
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    publication_sql_alter(&NAMES, &same, 1, 100, gather, &out);
    assert_int_equal(out.size, 0);
}

static void the_remedy_fits_a_message(void **state)
{
    struct publication_table tables[100];
    CLEANUP(buf_release) struct buf few = BUF_INIT;
    CLEANUP(buf_release) struct buf many = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < 100; i++)
        tables[i] = table("orders", true, false, true, false);
    publication_sql_remedy(&few, &NAMES, tables, 2);
    assert_slice_is(buf_slice(&few),
                    "CREATE PUBLICATION \"pub\" FOR TABLE ONLY \"public\".\"orders\", "
                    "ONLY \"public\".\"orders\"; CREATE PUBLICATION \"pub_inserts\" FOR ALL "
                    "TABLES WITH (publish = 'insert, truncate');");
    publication_sql_remedy(&many, &NAMES, tables, 100);
    assert_true(many.size < 750);
    assert_non_null(strstr(buf_text(&many), "\\gexec"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_taken_out_before_any_is_taken_in),
        cmocka_unit_test(a_batch_has_its_size),
        cmocka_unit_test(nothing_to_do_is_no_statement),
        cmocka_unit_test(the_remedy_fits_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
