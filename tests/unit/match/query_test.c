/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "match/query_lex.h"

/* A query in one line: kinds schema.table and the tree, values in [ ]. */
static void print_node(struct buf *out, const struct query *query, uint32_t at)
{
    const struct query_node *node = &query->nodes[at];

    buf_add_text(out, node->is_negated ? "!" : "");
    if (node->kind != QUERY_CONDITION) {
        buf_add_text(out, node->kind == QUERY_AND ? "and(" : "or(");
        for (uint32_t i = node->first_child; i != QUERY_NONE; i = query->nodes[i].next) {
            buf_add_text(out, i == node->first_child ? "" : " ");
            print_node(out, query, i);
        }
        buf_add_char(out, ')');
        return;
    }
    buf_add(out, node->column);
    for (uint32_t i = 0; i < node->step_count; i++) {
        const struct query_step *step = &query->steps[node->first_step + i];
        buf_add_text(out, step->is_text ? "->>" : "->");
        buf_add_text(out, step->is_number ? "#" : "");
        buf_add(out, step->key);
    }
    buf_printf(out, " %s", filter_op_text(node->op));
    for (uint32_t i = 0; i < node->value_count; i++) {
        buf_add_char(out, '[');
        buf_add(out, query->values[node->first_value + i].text);
        buf_add_char(out, ']');
    }
}

static const char *print_query(struct buf *out, const struct query *query)
{
    buf_printf(out, "%u %s%.*s.%s%.*s", query->kinds, query->is_any_schema ? "any " : "",
               query->is_any_schema ? 0 : (int)query->schema.size, query->schema.at,
               query->is_any_table ? "any " : "", query->is_any_table ? 0 : (int)query->table.size,
               query->table.at);
    if (query->node_count > 0) {
        buf_add_char(out, ' ');
        print_node(out, query, 0);
    }
    return buf_text(out);
}

static void queries_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"*:hosts", "7 public.hosts"},
        {"insert:hosts", "1 public.hosts"},
        {"update,delete:hosts", "6 public.hosts"},
        {"*,insert:hosts", "7 public.hosts"},
        {"truncate,*:hosts", "15 public.hosts"},
        {"*:s.hosts", "7 s.hosts"},
        {"*:s.*", "7 s.any "},
        {"*:*", "7 any .any "},
        {"*:\"*\"", "7 public.*"},
        {"*:\"a.b\"", "7 public.a.b"},
        {"*:\"a:b\".\"c\\\"d\":x.eq.1", "7 a:b.c\"d x eq[1]"},
        {"*:Hosts", "7 public.Hosts"},
        {"*:t:a.eq.1", "7 public.t a eq[1]"},
        {"*:t:a.eq.x:y,z.w)", "7 public.t a eq[x:y,z.w)]"},
        {"*:t:a.eq.", "7 public.t a eq[]"},
        {"*:t:a.eq.\"x\\\"\\\\y\"", "7 public.t a eq[x\"\\y]"},
        {"*:t:not.a.eq.1", "7 public.t !a eq[1]"},
        {"*:t:a.not.eq.1", "7 public.t !a eq[1]"},
        {"*:t:not.a.not.eq.1", "7 public.t a eq[1]"},
        {"*:t:a.in.1,2,3", "7 public.t a in[1][2][3]"},
        {"*:t:a.in.(1,\"2,3\",)", "7 public.t a in[1][2,3][]"},
        {"*:t:and(a.eq.1,b.eq.2)", "7 public.t and(a eq[1] b eq[2])"},
        {"*:t:not.or(a.eq.1,not.and(b.gt.2,c.is.null),d.in.(x,y))",
         "7 public.t !or(a eq[1] !and(b gt[2] c is[null]) d in[x][y])"},
        {"*:t:and(a.cs.{1,{2}},b.cs.[1,\"]\"],c.eq.\")\")",
         "7 public.t and(a cs[{1,{2}}] b cs[[1,\"]\"]] c eq[)])"},
        {"*:t:j->a->0->>\"b.c\".eq.1", "7 public.t j->a->#0->>b.c eq[1]"},
        {"*:t:j->-1->>a-b.eq.1", "7 public.t j->#-1->>a-b eq[1]"},
        {"*:t:a-b.eq.1", "7 public.t a-b eq[1]"},
        {"*:t:and.eq.1", "7 public.t and eq[1]"},
        {"*:t:\"not\".eq.1", "7 public.t not eq[1]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(query_release) struct query query = {0};
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        struct fault fault = {0};
        if (query_parse(slice_text(cases[i].text), &query, &fault) != OK)
            fail_msg("%s: %s", cases[i].text, fault.text);
        assert_string_equal(print_query(&got, &query), cases[i].want);
    }
}

static void wrong_queries_are_told_why(void **state)
{
    static const struct {
        const char *text;
        const char *words; /* a part of what is said */
    } cases[] = {
        {"", "the change_type params does not match requirements"},
        {":t", "the change_type params does not match requirements"},
        {"upsert:t", "the change_type params does not match requirements"},
        {"insert,upsert:t", "\"upsert\" is none of *, insert, update, delete, truncate"},
        {"insert,:t", "\"\" is none of"},
        {"INSERT:t", "the change_type params does not match requirements"},
        {"insert", "the change_table params is not present"},
        {"insert:", "the change_table params is not present"},
        {"insert::a.eq.1", "the change_table params is not present"},
        {"insert:s.", "the change_table params is not present"},
        {"insert:a.b.c", "a table is name, schema.name"},
        {"insert:*.t", "not *.t"},
        {"insert:\"t", "a double quote is not closed"},
        {"insert:*:a.eq.1", "a filter needs one table"},
        {"insert:s.*:a.eq.1", "a filter needs one table"},
        {"*:t:", "the filter is empty"},
        {"*:t:a", "column.operator.value"},
        {"*:t:.eq.1", "column.operator.value"},
        {"*:t:a.eq", "the condition on \"a\" has no value: column.eq.value"},
        {"*:t:a.equals.1", "unknown operator \"equals\" behind \"a\"; known are eq, neq, gt"},
        {"*:t:a..1", "unknown operator \"\""},
        {"*:t:and()", "column.operator.value"},
        {"*:t:and(a.eq.1", "not closed"},
        {"*:t:and(a.eq.1))", "text behind the end"},
        {"*:t:and(a.eq.1,)", "column.operator.value"},
        {"*:t:a.in.", "at least one value"},
        {"*:t:a.in.()", "at least one value"},
        {"*:t:a.in.(1", "no closing )"},
        {"*:t:a.in.(\"1\"2)", "text behind a closing quote"},
        {"*:t:a.in.(1)2", "text behind the end"},
        {"*:t:a.eq.\"1\"2", "text behind the end"},
        {"*:t:a.eq.\"1", "a double quote is not closed"},
        {"*:t:and(a.cs.{1,b.eq.2)", "is not closed"},
        {"*:t:j->.eq.1", "empty step"},
        {"*:t:a.eq.\xC3", "not valid UTF-8"},
        {"*:t:a.eq.\xC0\x80", "not valid UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct query query = {0};
        struct fault fault = {0};
        assert_int_equal(query_parse(slice_text(cases[i].text), &query, &fault), ERR_INPUT);
        if (!strstr(fault.text, cases[i].words))
            fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].text, cases[i].words, fault.text);
        assert_null(query.words);
    }
    assert_int_equal(query_parse(slice_of("*:t:a.eq.\0", 10), &(struct query){0}, NULL), ERR_INPUT);
}

/* `count` times `part`, between two other texts. */
static enum status parse_repeated(const char *before, const char *part, size_t count,
                                  const char *after)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(query_release) struct query query = {0};

    buf_add_text(&text, before);
    for (size_t i = 0; i < count; i++)
        buf_add_text(&text, part);
    buf_add_text(&text, after);
    return query_parse(buf_slice(&text), &query, NULL);
}

static void limits_hold(void **state)
{
    (void)state;
    assert_int_equal(parse_repeated("*:t:a.in.", "1,", 999, "1"), OK);
    assert_int_equal(parse_repeated("*:t:a.in.", "1,", 1000, "1"), ERR_LIMIT);
    assert_int_equal(parse_repeated("*:t:and(", "a.eq.1,", 62, "a.eq.1)"), OK);
    assert_int_equal(parse_repeated("*:t:and(", "a.eq.1,", 63, "a.eq.1)"), ERR_LIMIT);
    assert_int_equal(parse_repeated("*:t:", "and(", 8, "a.eq.1))))))))"), OK);
    assert_int_equal(parse_repeated("*:t:", "and(", 9, "a.eq.1)))))))))"), ERR_LIMIT);
    assert_int_equal(parse_repeated("*:t:", "and(", 2000, ""), ERR_LIMIT);
    assert_int_equal(parse_repeated("*:t:a.eq.", "x", 8192 - 9, ""), OK);
    assert_int_equal(parse_repeated("*:t:a.eq.", "x", 8192 - 8, ""), ERR_LIMIT);
}

static void equalities_that_every_row_fulfils_are_listed(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"*:t:a.eq.1", "a=1 "},
        {"*:t:a.in.1,2", "a=1 a=2 "},
        {"*:t:not.a.eq.1", ""},
        {"*:t:a.neq.1", ""},
        {"*:t:a->>b.eq.1", ""},
        {"*:t:and(a.eq.1,b.gt.2,and(c.in.(3,4)))", "a=1 c=3 c=4 "},
        {"*:t:and(a.eq.1,or(b.eq.2,c.eq.3),not.and(d.eq.4))", "a=1 "},
        {"*:t:or(a.eq.1,b.eq.2)", ""},
        {"*:t:or(a.eq.1)", ""},
        {"*:t", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(query_release) struct query query = {0};
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        const struct query_node *node = NULL;
        uint32_t at = 0;
        assert_int_equal(query_parse(slice_text(cases[i].text), &query, NULL), OK);
        while (query_next_equality(&query, &at, &node)) {
            for (uint32_t k = 0; k < node->value_count; k++)
                buf_printf(&got, "%.*s=%.*s ", SLICE_ARG(node->column),
                           SLICE_ARG(query.values[node->first_value + k].text));
        }
        assert_string_equal(buf_text(&got), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_read),
        cmocka_unit_test(wrong_queries_are_told_why),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(equalities_that_every_row_fulfils_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
