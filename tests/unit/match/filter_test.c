/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>

static const char *const row_texts[FIXTURE_COLUMNS] = {
    "7",
    "Ada",
    "1.50",
    "t",
    "ab   ",
    "{x,\"y,z\"}",
    "{\"a\": [1.0, \"b\"], \"n\": null}",
    "[1, 2]",
    "2026-01-02 03:04:05+00",
    "(1,2)",
};

static bool passes(const char *text, const struct change *change)
{
    struct filter *filter = fixture_filter_must(text);
    const bool result = filter_passes_slow(filter, change);

    filter_free(filter);
    return result;
}

/* What each operator says in detail is compared with SELECT (filter_cases.py); here is one of
 * each, and the logic. */
static void a_row_passes_or_not(void **state)
{
    static const struct {
        const char *filter;
        bool passes;
    } cases[] = {
        {"id.eq.7", true},
        {"id.neq.7", false},
        {"price.eq.1.5", true},
        {"price.gt.1.49", true},
        {"price.lte.1.499", false},
        {"name.in.Bob,Ada", true},
        {"name.like.A_*", true},
        {"name.ilike.aD%", true},
        {"name.match.^A", true},
        {"name.imatch.DA$", true},
        {"is_on.is.true", true},
        {"is_on.eq.true", true},
        {"code.eq.ab", true},
        {"code.lt.ac", true},
        {"tags.cs.{\"y,z\"}", true},
        {"tags.cd.{x}", false},
        {"doc.cs.{\"a\": [1]}", true},
        {"doc->a->0.eq.1", true},
        {"doc->a->>1.eq.b", true},
        {"doc->>n.is.null", true},
        {"doc->n.is.null", false},
        {"raw->>-1.eq.2", true},
        {"at.gte.2026-01-02 03:04:05+00", true},
        {"at.isdistinct.2026-01-02 03:04:05+00", false},
        {"and(id.eq.7,name.eq.Bob)", false},
        {"or(id.eq.8,name.eq.Ada)", true},
        {"not.or(id.eq.8,name.eq.Bob)", true},
    };
    struct value row[FIXTURE_COLUMNS];
    struct table *table = fixture_table();
    const struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};
    char text[200];

    (void)state;
    fixture_row(row, row_texts);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "*:t:%s", cases[i].filter);
        if (passes(text, &change) != cases[i].passes)
            fail_msg("%s: not %d", cases[i].filter, cases[i].passes);
    }
    table_free(table);
}

/* What is not known passes neither as it is nor turned round. */
static void what_is_unknown_passes_nothing(void **state)
{
    static const char *const filters[] = {
        "*:t:price.eq.1",
        "*:t:price.neq.1",
        "*:t:not.price.eq.1",
        "*:t:price.is.null",
        "*:t:price.isdistinct.1",
        "*:t:not.price.is.null",
        "*:t:price.in.(1,2)",
        "*:t:not.and(price.eq.1)",
        "*:t:and(id.eq.7,price.eq.1)",
        "*:t:or(id.eq.8,price.eq.1)",
    };
    const struct value states[] = {fixture_absent, fixture_unchanged, value_of(SLICE("1x"))};
    struct value row[FIXTURE_COLUMNS];
    struct table *table = fixture_table();
    const struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};

    (void)state;
    fixture_row(row, row_texts);
    for (size_t k = 0; k < 2; k++) {
        row[2] = states[k];
        for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
            assert_false(passes(filters[i], &change));
        assert_true(passes("*:t:or(id.eq.7,price.eq.1)", &change));
    }
    row[2] = states[2];
    assert_false(passes("*:t:price.eq.1", &change));
    assert_false(passes("*:t:not.price.eq.1", &change));
    table_free(table);
}

static void null_is_only_is_or_distinct(void **state)
{
    struct value row[FIXTURE_COLUMNS];
    struct table *table = fixture_table();
    const struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};

    (void)state;
    fixture_row(row, row_texts);
    row[2] = row[3] = fixture_null;
    assert_false(passes("*:t:price.eq.1", &change));
    assert_false(passes("*:t:not.price.eq.1", &change));
    assert_false(passes("*:t:not.price.in.(1)", &change));
    assert_true(passes("*:t:price.is.null", &change));
    assert_true(passes("*:t:price.isdistinct.1", &change));
    assert_true(passes("*:t:is_on.is.unknown", &change));
    assert_true(passes("*:t:not.is_on.is.true", &change));
    table_free(table);
}

static void each_kind_looks_at_its_row(void **state)
{
    struct value old_row[FIXTURE_COLUMNS], new_row[FIXTURE_COLUMNS];
    struct table *table = fixture_table();
    struct change change = {.kind = CHANGE_UPDATE, .table = table, .new_row = new_row};

    (void)state;
    fixture_row(old_row, row_texts);
    fixture_row(new_row, row_texts);
    old_row[0] = value_of(SLICE("1"));
    new_row[0] = value_of(SLICE("2"));
    assert_true(passes("update:t:id.eq.2", &change));
    assert_false(passes("insert,delete:t:id.eq.2", &change));

    /* A TOASTed value that was not sent is known from a whole old row only. */
    new_row[1] = fixture_unchanged;
    assert_false(passes("*:t:name.eq.Ada", &change));
    change.old_row = old_row;
    change.old_kind = OLD_FULL;
    assert_true(passes("*:t:name.eq.Ada", &change));
    assert_false(passes("*:t:id.eq.1", &change));

    change = (struct change){
        .kind = CHANGE_DELETE, .table = table, .old_row = old_row, .old_kind = OLD_KEY};
    old_row[1] = fixture_absent;
    assert_true(passes("*:t:id.eq.1", &change));
    assert_false(passes("*:t:name.eq.Ada", &change));
    assert_false(passes("*:t:not.name.eq.Ada", &change));

    change = (struct change){.kind = CHANGE_TRUNCATE, .table = table};
    assert_true(passes("truncate:t:id.eq.1", &change));
    assert_false(passes("*:t:id.eq.1", &change));
    assert_true(passes("truncate:*", &change));
    change = (struct change){.kind = CHANGE_GAP};
    assert_false(passes("truncate,*:*", &change));
    table_free(table);
}

static void tables_are_told_apart(void **state)
{
    struct value row[FIXTURE_COLUMNS];
    struct table *table = fixture_table();
    const struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};

    (void)state;
    fixture_row(row, row_texts);
    assert_true(passes("*:t", &change));
    assert_true(passes("*:public.t", &change));
    assert_true(passes("*:public.*", &change));
    assert_true(passes("*:*", &change));
    assert_false(passes("*:other.t", &change));
    assert_false(passes("*:other.*", &change));
    assert_false(passes("*:T", &change));
    table_free(table);
}

/* ---- what an update did ---- */

/* id (key) and price of the old row and the new one; NULL is NULL, "-" not known. */
static const struct scope_case {
    const char *filter;
    enum old_kind old_kind;
    const char *old_id, *old_price, *new_id, *new_price;
    enum filter_scope want;
} scope_cases[] = {
    {"*:t:price.gt.5", OLD_FULL, "1", "1", "1", "9", SCOPE_ENTER},
    {"*:t:price.gt.5", OLD_FULL, "1", "9", "1", "1", SCOPE_LEAVE},
    {"*:t:price.gt.5", OLD_FULL, "1", "8", "1", "9", SCOPE_WITHIN},
    {"*:t:price.gt.5", OLD_FULL, "1", "1", "1", "2", SCOPE_OUT},
    {"*:t:price.gt.5", OLD_FULL, "1", NULL, "1", "9", SCOPE_ENTER},
    {"*:t:price.gt.5", OLD_FULL, "1", "9", "1", NULL, SCOPE_LEAVE},
    {"*:t:not.price.gt.5", OLD_FULL, "1", NULL, "1", "1", SCOPE_ENTER},
    {"*:t:price.is.null", OLD_FULL, "1", NULL, "1", "1", SCOPE_LEAVE},
    {"insert:t:price.gt.5", OLD_FULL, "1", "9", "1", "1", SCOPE_OUT},
    {"*:t", OLD_FULL, "1", "9", "1", "1", SCOPE_WITHIN},
    {"*:t:price.gt.5", OLD_NONE, "-", "-", "1", "9", SCOPE_WITHIN},
    {"*:t:price.gt.5", OLD_NONE, "-", "-", "1", "1", SCOPE_OUT},
    {"*:t:price.gt.5", OLD_KEY, "1", "-", "2", "9", SCOPE_WITHIN},
    {"*:t:price.gt.5", OLD_KEY, "1", "-", "2", "1", SCOPE_OUT},
    {"*:t:id.eq.1", OLD_KEY, "1", "-", "2", "1", SCOPE_LEAVE},
    {"*:t:id.eq.2", OLD_KEY, "1", "-", "2", "1", SCOPE_ENTER},
    {"*:t:id.lt.9", OLD_KEY, "1", "-", "2", "1", SCOPE_WITHIN},
    {"*:t:and(id.eq.2,price.gt.5)", OLD_KEY, "1", "-", "2", "9", SCOPE_ENTER},
    {"*:t:and(id.eq.1,price.gt.5)", OLD_KEY, "1", "-", "2", "9", SCOPE_OUT},
    {"*:t:or(id.eq.1,price.gt.5)", OLD_KEY, "1", "-", "2", "1", SCOPE_LEAVE},
    {"*:t:or(id.eq.2,price.gt.5)", OLD_KEY, "1", "-", "2", "1", SCOPE_WITHIN},
    {"*:t:not.and(id.eq.2,price.gt.5)", OLD_KEY, "1", "-", "2", "9", SCOPE_LEAVE},
    /* What did not change is not known of either row. */
    {"*:t:price.gt.5", OLD_KEY, "1", "-", "2", "-", SCOPE_OUT},
    {"*:t:or(id.eq.1,price.gt.5)", OLD_KEY, "1", "-", "2", "-", SCOPE_OUT},
    {"*:t:and(id.eq.1,price.gt.5)", OLD_KEY, "1", "-", "2", "-", SCOPE_OUT},
};

static struct value scope_value(const char *text)
{
    if (!text)
        return fixture_null;
    return strcmp(text, "-") == 0 ? fixture_absent : value_of(slice_text(text));
}

static void an_update_enters_and_leaves(void **state)
{
    struct table *table = fixture_table();

    (void)state;
    for (size_t i = 0; i < sizeof scope_cases / sizeof scope_cases[0]; i++) {
        const struct scope_case *item = &scope_cases[i];
        struct filter *filter = fixture_filter_must(item->filter);
        struct value old_row[FIXTURE_COLUMNS], new_row[FIXTURE_COLUMNS];
        struct change change = {.kind = CHANGE_UPDATE,
                                .table = table,
                                .new_row = new_row,
                                .old_row = item->old_kind == OLD_NONE ? NULL : old_row,
                                .old_kind = item->old_kind};

        fixture_row(new_row, row_texts);
        for (uint32_t k = 0; k < FIXTURE_COLUMNS; k++)
            old_row[k] = item->old_kind == OLD_KEY ? fixture_absent : new_row[k];
        old_row[0] = scope_value(item->old_id);
        old_row[2] = scope_value(item->old_price);
        new_row[0] = scope_value(item->new_id);
        new_row[2] = scope_value(item->new_price);
        if (new_row[2].state == VALUE_ABSENT)
            new_row[2] = fixture_unchanged;
        const enum filter_scope scope = filter_scope_slow(filter, &change);
        if (scope != item->want)
            fail_msg("%zu %s: %d", i, item->filter, (int)scope);
        filter_free(filter);
    }
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_passes_or_not),
        cmocka_unit_test(what_is_unknown_passes_nothing),
        cmocka_unit_test(null_is_only_is_or_distinct),
        cmocka_unit_test(each_kind_looks_at_its_row),
        cmocka_unit_test(tables_are_told_apart),
        cmocka_unit_test(an_update_enters_and_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
