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

/* Written again in one way only, which reads to the same filter. */
static void a_filter_can_be_bound_again(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"*:t", "insert,update,delete:\"public\".\"t\""},
        {"truncate,insert:*", "insert,truncate:*"},
        {"insert:audit.*", "insert:\"audit\".*"},
        {"insert:t:id.eq.1", "insert:\"public\".\"t\":\"id\".eq.\"1\""},
        {"insert:t:name.in.a,\"b\\\"c\\\\\"",
         "insert:\"public\".\"t\":\"name\".in.(\"a\",\"b\\\"c\\\\\")"},
        {"insert:t:not.or(id.not.gt.1,and(name.like.*x,is_on.is.true))",
         "insert:\"public\".\"t\":not.or(not.\"id\".gt.\"1\",and(\"name\".like.\"*x\","
         "\"is_on\".is.\"true\"))"},
        {"insert:t:doc->a->-1->>\"0\".eq.x",
         "insert:\"public\".\"t\":\"doc\"->\"a\"->-1->>\"0\".eq.\"x\""},
        {"insert:t:and(tags.cs.{\"a,b\"},raw->>b.isdistinct.)",
         "insert:\"public\".\"t\":and(\"tags\".cs.\"{\\\"a,b\\\"}\","
         "\"raw\"->>\"b\".isdistinct.\"\")"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(query_release) struct query query = {0};
        struct fault fault = {0};
        struct filter *filter = fixture_filter_must(cases[i].text);
        if (!filter)
            continue; /* a failed test does not return */
        assert_string_equal(filter_text(filter).at, cases[i].want);
        if (query_of_filter(filter, &query, &fault) != OK)
            fail_msg("%s: %s", cases[i].want, fault.text);
        struct filter *again = fixture_filter_must(filter_text(filter).at);
        assert_true(slice_equal(filter_key(filter), filter_key(again)));
        filter_free(filter);
        filter_free(again);
    }
}

/* "2" of an integer is not "2" of a text, though both read alike. */
static void a_key_tells_the_type(void **state)
{
    struct filter *filter = fixture_filter_must("*:t:id.is.null");

    (void)state;
    assert_string_equal(filter->types[0], "integer");
    assert_int_equal(filter->text_size, strlen(filter->key));
    assert_true(filter->key_size > filter->text_size);
    assert_string_equal(filter->key + filter->key_size - strlen(";integer"), ";integer");
    filter_free(filter);
    filter = fixture_filter_must("*:t:and(price.gt.1,code.eq.a,price.lt.3)");
    assert_int_equal(filter->column_count, 2);
    assert_string_equal(filter->types[0], "numeric");
    assert_string_equal(filter->types[1], "character");
    filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_told),
        cmocka_unit_test(values_that_postgresql_must_read_are_listed),
        cmocka_unit_test(equal_filters_have_equal_keys),
        cmocka_unit_test(a_filter_can_be_bound_again),
        cmocka_unit_test(a_key_tells_the_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
