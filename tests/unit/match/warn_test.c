/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "match/warn.h"

static const struct warn_case {
    const char *query;
    enum replica_identity identity;
    const char *published; /* letters of iudt; NULL: not known */
    const char *want;      /* letters: p not published, i no identity, w weak, s no scope */
} cases[] = {
    {"*:t", IDENTITY_KEY, NULL, ""},
    {"*:t", IDENTITY_KEY, "iudt", ""},
    {"*:t", IDENTITY_KEY, "iud", ""},
    {"*:t", IDENTITY_KEY, "it", "p"},
    {"insert:t", IDENTITY_KEY, "it", ""},
    {"truncate:t", IDENTITY_KEY, "iud", "p"},
    {"*:t", IDENTITY_KEY, "", "p"},
    {"*:t", IDENTITY_NONE, "it", "i"},
    {"*:t", IDENTITY_NONE, "", "pi"},
    {"*:t", IDENTITY_NONE, NULL, "i"},
    {"insert:t", IDENTITY_NONE, NULL, ""},
    {"*:t:price.gt.1", IDENTITY_NONE, NULL, "i"},
    {"*:t:price.gt.1", IDENTITY_KEY, NULL, "ws"},
    {"*:t:price.gt.1", IDENTITY_INDEX, NULL, "ws"},
    {"*:t:price.gt.1", IDENTITY_FULL, NULL, ""},
    {"*:t:id.gt.1", IDENTITY_KEY, NULL, ""},
    {"*:t:and(id.gt.1,or(name.eq.x,price.gt.1,name.eq.y))", IDENTITY_KEY, NULL, "ws"},
    {"insert:t:price.gt.1", IDENTITY_KEY, NULL, ""},
    {"delete:t:price.gt.1", IDENTITY_KEY, NULL, "w"},
    {"update:t:price.gt.1", IDENTITY_KEY, NULL, "s"},
};

struct told {
    struct buf letters, texts;
};

static void take(void *arg, enum query_warning warning, struct slice text)
{
    struct told *told = arg;

    buf_add_char(&told->letters, "piws"[warning]);
    buf_add(&told->texts, text);
    buf_add_char(&told->texts, '\n');
}

static struct table_published published_of(const char *letters)
{
    return (struct table_published){
        .is_known = letters,
        .has_insert = letters && strchr(letters, 'i'),
        .has_update = letters && strchr(letters, 'u'),
        .has_delete = letters && strchr(letters, 'd'),
        .has_truncate = letters && strchr(letters, 't'),
    };
}

static void a_subscriber_is_warned(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(query_release) struct query query = {0};
        struct table_shape shape = *fixture_shape();
        struct told told = {BUF_INIT, BUF_INIT};
        struct fault fault = {0};

        shape.identity = cases[i].identity;
        shape.published = published_of(cases[i].published);
        assert_int_equal(query_parse(slice_text(cases[i].query), &query, &fault), OK);
        query_warnings(&query, &shape, take, &told);
        if (!slice_is(buf_slice(&told.letters), cases[i].want))
            fail_msg("%s: %s, not %s", cases[i].query, buf_text(&told.letters), cases[i].want);
        buf_release(&told.letters);
        buf_release(&told.texts);
    }
}

static void the_words_name_columns_once(void **state)
{
    CLEANUP(query_release) struct query query = {0};
    struct told told = {BUF_INIT, BUF_INIT};
    struct fault fault = {0};

    (void)state;
    assert_int_equal(
        query_parse(SLICE("delete:t:or(price.gt.1,id.eq.1,name.eq.x,price.lt.0)"), &query, &fault),
        OK);
    query_warnings(&query, fixture_shape(), take, &told);
    assert_non_null(strstr(buf_text(&told.texts), "judged by \"price\", \"name\", not part of"));
    buf_release(&told.letters);
    buf_release(&told.texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subscriber_is_warned),
        cmocka_unit_test(the_words_name_columns_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
