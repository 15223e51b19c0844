/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void what_does_not_fit_is_told(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"*:t:nope.eq.1", "no column \"nope\"; it has id, name, price, is_on"},
        {"*:t:ID.eq.1", "no column \"ID\""},
        {"*:t:and(id.eq.1,or(nope.eq.1))", "no column \"nope\""},
        {"*:t:id.like.1*", "\"like\" does not fit \"id\" of type integer; what can be asked: eq, "},
        {"*:t:name.gt.a", "ranges of text need collation C"},
        {"*:t:name.cs.a", "does not fit"},
        {"*:t:place.eq.(1,2)", "what can be asked: is"},
        {"*:t:raw.eq.1", "what can be asked: is"},
        {"*:t:raw->a.eq.1", "what can be asked: is"},
        {"*:t:doc->a.gt.1", "eq, neq, in, is, isdistinct, cs, cd"},
        {"*:t:name->>a.eq.1", "needs json or jsonb; \"name\" is text"},
        {"*:t:doc->>a->b.eq.1", "only be the last step"},
        {"*:t:id.is.1", "null, true, false or unknown, not \"1\""},
        {"*:t:id.is.true", "needs a boolean column"},
        {"*:t:name.like.a\\", "backslash"},
        {"*:t:name.match.(a", "without its )"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault fault = {0};
        struct filter *filter = fixture_filter(cases[i].text, &fault);
        assert_null(filter);
        assert_int_equal(fault.status, ERR_INPUT);
        if (!strstr(fault.text, cases[i].words))
            fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].text, cases[i].words, fault.text);
    }
}

static void values_that_postgresql_must_read_are_listed(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"*:t:id.eq.1", "1::integer "},
        {"*:t:price.in.1,2", "1::numeric 2::numeric "},
        {"*:t:name.eq.a", ""},
        {"*:t:code.eq.a", ""},
        {"*:t:name.like.a*", ""},
        {"*:t:id.is.null", ""},
        {"*:t:doc->a.eq.1", "1::jsonb "},
        {"*:t:doc->>a.eq.1", ""},
        {"*:t:tags.cs.{a}", "{a}::text[] "},
        {"*:t:and(id.gt.1,or(at.lt.now,name.eq.x))", "1::integer now::timestamp with time zone "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(query_release) struct query query = {0};
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        struct fault fault;
        assert_int_equal(query_parse(slice_text(cases[i].text), &query, &fault), OK);
        assert_int_equal(query_bind(&query, fixture_shape(), &fault), OK);
        for (uint32_t k = 0; k < query.cast_count; k++)
            buf_printf(&got, "%s::%s ", query.casts[k].text, query.casts[k].cast_type);
        assert_string_equal(buf_text(&got), cases[i].want);
        /* Bound once more, as after a change of the table: nothing is doubled or lost. */
        const uint32_t count = query.cast_count;
        assert_int_equal(query_bind(&query, fixture_shape(), &fault), OK);
        assert_int_equal(query.cast_count, count);
    }
}

static void equal_filters_have_equal_keys(void **state)
{
    struct filter *a = fixture_filter_must("*:t:and(id.eq.1,name.eq.x)");
    struct filter *b = fixture_filter_must("*:public.t:and(id.eq.1,\"name\".eq.\"x\")");
    struct filter *c = fixture_filter_must("*:t:and(id.eq.1,name.eq.y)");
    struct filter *d = fixture_filter_must("insert:t:and(id.eq.1,name.eq.x)");

    (void)state;
    assert_true(slice_equal(filter_key(a), filter_key(b)));
    assert_false(slice_equal(filter_key(a), filter_key(c)));
    assert_false(slice_equal(filter_key(a), filter_key(d)));
    filter_free(a);
    filter_free(b);
    filter_free(c);
    filter_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_told),
        cmocka_unit_test(values_that_postgresql_must_read_are_listed),
        cmocka_unit_test(equal_filters_have_equal_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
