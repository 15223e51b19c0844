/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "match/filter_sql.h"

/* As the catalogue would answer, but that every value is its own canonical text. */
static enum status write_sql(const char *filter, struct buf *out, struct fault *fault)
{
    CLEANUP(query_release) struct query query = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    buf_printf(&text, "*:t%s%s", filter[0] ? ":" : "", filter);
    if (query_parse(buf_slice(&text), &query, fault) != OK ||
        query_bind(&query, fixture_shape(), fault) != OK)
        fail_msg("%s: %s", filter, fault->text);
    for (uint32_t i = 0; i < query.cast_count; i++)
        query.casts[i].canonical =
            strcmp(query.casts[i].text, "nothing") == 0 ? NULL : mem_text(query.casts[i].text);
    return filter_sql(out, &query, fault);
}

static void filters_are_conditions(void **state)
{
    static const struct {
        const char *filter, *sql;
    } cases[] = {
        {"", ""},
        {"id.eq.1", "(\"id\" = '1'::integer)"},
        {"id.neq.1", "(\"id\" <> '1'::integer)"},
        {"price.gt.1.5", "(\"price\" > '1.5'::numeric)"},
        {"price.gte.1", "(\"price\" >= '1'::numeric)"},
        {"price.lt.1", "(\"price\" < '1'::numeric)"},
        {"price.lte.1", "(\"price\" <= '1'::numeric)"},
        {"id.isdistinct.1", "(\"id\" IS DISTINCT FROM '1'::integer)"},
        {"id.in.(1,2)", "(\"id\" IN ('1'::integer, '2'::integer))"},
        {"name.eq.it's", "(\"name\" = 'it''s')"},
        {"name.in.(a,\"b,c\")", "(\"name\" IN ('a', 'b,c'))"},
        {"name.eq.a\\b", "(\"name\" = E'a\\\\b')"},
        {"name.eq.'; DROP TABLE t; --", "(\"name\" = '''; DROP TABLE t; --')"},
        {"name.eq.\\' OR 1=1", "(\"name\" = E'\\\\'' OR 1=1')"},
        {"name.like.e*", "(\"name\" LIKE 'e%')"},
        {"name.ilike.*e_", "(\"name\" ILIKE '%e_')"},
        {"name.like.a\\*b", "(\"name\" LIKE 'a*b')"},
        {"name.match.^a.*$", "(\"name\" ~ '^a.*$')"},
        {"name.imatch.\\d", "(\"name\" ~* E'\\\\d')"},
        {"name.is.null", "(\"name\" IS NOT DISTINCT FROM NULL)"},
        {"name.not.is.null", "NOT (\"name\" IS NOT DISTINCT FROM NULL)"},
        {"place.is.null", "(\"place\" IS NOT DISTINCT FROM NULL)"},
        {"is_on.is.TRUE", "(\"is_on\" IS TRUE)"},
        {"is_on.is.false", "(\"is_on\" IS FALSE)"},
        {"is_on.is.unknown", "(\"is_on\" IS NOT DISTINCT FROM NULL)"},
        {"code.eq.a", "(\"code\" = 'a')"},
        {"tags.cs.{a,b}", "(\"tags\" @> '{a,b}'::text[])"},
        {"tags.cd.{a}", "(\"tags\" <@ '{a}'::text[])"},
        {"doc.cs.{\"a\":1}", "(\"doc\" @> '{\"a\":1}'::jsonb)"},
        {"doc->>a.eq.1", "((\"doc\" ->> 'a'::text) = '1')"},
        {"doc->a->-1->>\"b'c\".like.x*",
         "((\"doc\" -> 'a'::text -> (-1) ->> 'b''c'::text) LIKE 'x%')"},
        {"doc->a.eq.1", "((\"doc\" -> 'a'::text) = '1'::jsonb)"},
        {"raw->a.is.null", "((\"raw\" -> 'a'::text) IS NOT DISTINCT FROM NULL)"},
        {"and(id.gt.1,not.name.like.e*)", "((\"id\" > '1'::integer) AND NOT (\"name\" LIKE 'e%'))"},
        {"not.or(id.eq.1,and(id.eq.2,id.eq.3))",
         "NOT ((\"id\" = '1'::integer) OR ((\"id\" = '2'::integer) AND (\"id\" = '3'::integer)))"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        struct fault fault = {0};
        if (write_sql(cases[i].filter, &out, &fault) != OK)
            fail_msg("%s: %s", cases[i].filter, fault.text);
        assert_slice_is(buf_slice(&out), cases[i].sql);
    }
}

static void nothing_is_written_in_part(void **state)
{
    static const char *const cases[] = {"and(id.eq.1,name.like.a\\)", "or(id.eq.1,id.eq.nothing)"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        struct fault fault = {0};
        buf_add_text(&out, "WHERE ");
        assert_int_equal(write_sql(cases[i], &out, &fault), ERR_INPUT);
        assert_slice_is(buf_slice(&out), "WHERE ");
        assert_true(fault.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_conditions),
        cmocka_unit_test(nothing_is_written_in_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
