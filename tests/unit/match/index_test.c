/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "match/index.h"

#define FILTERS 400

struct hits {
    struct index_node *nodes[FILTERS];
    size_t count;
};

static void take_hit(void *arg, struct index_node *node)
{
    struct hits *hits = arg;

    assert_true(hits->count < FILTERS);
    hits->nodes[hits->count++] = node;
}

static size_t hit_count(struct index *index, const struct change *change)
{
    struct hits hits = {.count = 0};

    index_match(index, change, take_hit, &hits);
    return hits.count;
}

/* One of few values, so that much is equal. */
static void add_condition(struct buf *out, struct random *random)
{
    static const char *const forms[] = {
        "id.eq.%u",
        "id.gt.%u",
        "id.gte.%u",
        "id.lte.%u",
        "price.gte.%u.25",
        "at.lt.2026-01-1%u 12:00:00+00",
        "code.gt.c%u",
        "id.in.(%u,2,3)",
        "price.eq.%u.50",
        "price.eq.%u.5",
        "price.lt.%u",
        "name.eq.n%u",
        "name.in.(n%u,n1)",
        "name.like.*%u",
        "code.eq.c%u",
        "code.in.(\"c%u  \",c2)",
        "is_on.is.true",
        "is_on.eq.true",
        "id.neq.%u",
        "doc->>a.eq.%u",
        "tags.cs.{%u}",
        "price.is.null",
        "at.eq.2026-01-1%u 00:00:00+00",
    };

    buf_add_text(out, random_below(random, 8) == 0 ? "not." : "");
    const char *form = forms[random_below(random, sizeof forms / sizeof forms[0])];
    const char *mark = strstr(form, "%u");
    if (!mark) {
        buf_add_text(out, form);
        return;
    }
    buf_add_bytes(out, form, (size_t)(mark - form));
    buf_printf(out, "%u%s", (unsigned)random_below(random, 5), mark + 2);
}

static void add_filter(struct buf *out, struct random *random, int depth)
{
    if (depth == 3 || random_below(random, 2) == 0) {
        add_condition(out, random);
        return;
    }
    buf_add_text(out, random_below(random, 6) == 0 ? "not." : "");
    buf_add_text(out, random_below(random, 2) == 0 ? "and(" : "or(");
    const size_t count = 1 + random_below(random, 3);
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        add_filter(out, random, depth + 1);
    }
    buf_add_char(out, ')');
}

static void add_query(struct buf *out, struct random *random)
{
    static const char *const heads[] = {
        "*:t:", "insert:t:",       "update,delete:t:", "truncate,*:t:", "*:t",
        "*:*",  "delete:public.*", "*:other.*",        "*:u:"};
    const char *head = heads[random_below(random, 14) % (sizeof heads / sizeof heads[0])];

    buf_reset(out);
    buf_add_text(out, head);
    if (head[strlen(head) - 1] == ':')
        add_filter(out, random, 0);
}

static void random_row(struct value *row, char texts[][40], struct random *random)
{
    static const char *const formats[FIXTURE_COLUMNS] = {
        "%u",          "n%u",    "%u.50",
        "t",           "c%u   ", "{%u,x}",
        "{\"a\": %u}", "[%u]",   "2026-01-1%u 00:00:00+00",
        "(%u,1)",
    };
    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++) {
        const unsigned number = (unsigned)random_below(random, 5);
        const char *mark = strstr(formats[i], "%u");
        const int before = mark ? (int)(mark - formats[i]) : (int)strlen(formats[i]);
        if (mark)
            snprintf(texts[i], 40, "%.*s%u%s", before, formats[i], number, mark + 2);
        else
            snprintf(texts[i], 40, "%s", formats[i]);
        row[i] = value_of(slice_text(texts[i]));
        const uint64_t chance = random_below(random, 20);
        if (chance == 0)
            row[i] = fixture_null;
        else if (chance == 1)
            row[i] = fixture_absent;
        else if (chance == 2)
            row[i] = fixture_unchanged;
    }
}

/* The columns in another order: a new version of the table. */
static struct table *turned_table(void)
{
    struct column_spec specs[FIXTURE_COLUMNS];

    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++) {
        const uint32_t from = FIXTURE_COLUMNS - 1 - i;
        specs[i] = (struct column_spec){slice_text(fixture_columns[from].name),
                                        slice_text(fixture_columns[from].type), false};
    }
    return table_new(SLICE("public"), SLICE("t"), specs, FIXTURE_COLUMNS);
}

struct scoped_hits {
    struct index_node *nodes[FILTERS];
    enum filter_scope scopes[FILTERS];
    size_t count;
};

static void take_scoped(void *arg, struct index_node *node, enum filter_scope scope)
{
    struct scoped_hits *hits = arg;

    assert_true(hits->count < FILTERS);
    hits->nodes[hits->count] = node;
    hits->scopes[hits->count++] = scope;
}

/* The same with scopes. */
static void compare_scopes(struct index *index, struct index_node *const *nodes, size_t count,
                           const struct change *change, size_t *seen)
{
    struct scoped_hits hits = {.count = 0};

    index_match_scoped(index, change, take_scoped, &hits);
    for (size_t i = 0; i < hits.count; i++) {
        for (size_t k = 0; k < i; k++)
            assert_ptr_not_equal(hits.nodes[k], hits.nodes[i]);
        seen[hits.scopes[i]]++;
    }
    for (size_t i = 0; i < count; i++) {
        enum filter_scope scope = SCOPE_OUT;
        if (!nodes[i])
            continue;
        for (size_t k = 0; k < hits.count; k++)
            scope = hits.nodes[k] == nodes[i] ? hits.scopes[k] : scope;
        const enum filter_scope want = filter_scope_slow(nodes[i]->filter, change);
        if (scope != want)
            fail_msg("%s: scope %d, not %d", filter_text(nodes[i]->filter).at, (int)scope,
                     (int)want);
        const bool is_told = want == SCOPE_WITHIN || want == SCOPE_ENTER;
        assert_int_equal(is_told, filter_passes_slow(nodes[i]->filter, change));
    }
}

/* Exactly the filters that pass when each is asked, each once. */
static void compare(struct index *index, struct index_node *const *nodes, size_t count,
                    const struct change *change)
{
    struct hits hits = {.count = 0};
    size_t want = 0;

    if (count % 2 == change->xid % 2)
        index_prepare(index, change);
    index_match(index, change, take_hit, &hits);
    for (size_t i = 0; i < count; i++) {
        size_t seen = 0;
        bool is_first = true;
        for (size_t k = 0; k < i; k++)
            is_first = is_first && nodes[k] != nodes[i];
        if (!nodes[i] || !is_first)
            continue;
        for (size_t k = 0; k < hits.count; k++)
            seen += hits.nodes[k] == nodes[i];
        const size_t passes = filter_passes_slow(nodes[i]->filter, change);
        if (seen != passes)
            fail_msg("%.*s: found %zu times, passes %zu", SLICE_ARG(filter_key(nodes[i]->filter)),
                     seen, passes);
        want += passes;
    }
    assert_int_equal(hits.count, want);
}

/* The old row as a key that has changed shows it. */
static void keep_key_only(struct change *change, struct value *old_row)
{
    for (uint32_t i = 0; i < change->table->column_count; i++) {
        if (!change->table->columns[i].is_key)
            old_row[i] = fixture_absent;
    }
    change->old_kind = OLD_KEY;
}

static void the_index_says_what_every_filter_says(void **state)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    static struct index_node *nodes[FILTERS];
    struct value rows[2][FIXTURE_COLUMNS];
    static char texts[2][FIXTURE_COLUMNS][40];
    struct table *tables[2] = {fixture_table(), turned_table()};
    struct index *index = index_new();
    struct random random;
    const char *given = getenv("PGCDC_TEST_SEED");
    size_t seen[SCOPE_LEAVE + 1] = {0};
    uint64_t seed = given ? strtoull(given, NULL, 10) : 0;

    (void)state;
    if (!given) {
        random_init_system(&random);
        seed = random_u64(&random);
    }
    print_message("# PGCDC_TEST_SEED=%llu\n", (unsigned long long)seed);
    random_init(&random, seed);
    for (int round = 0; round < 3000; round++) {
        struct index_node **node = &nodes[random_below(&random, FILTERS)];
        if (*node) {
            index_remove(index, *node);
            *node = NULL;
        } else {
            add_query(&text, &random);
            *node = index_add(index, fixture_filter_must(buf_text(&text)));
        }
        random_row(rows[0], texts[0], &random);
        random_row(rows[1], texts[1], &random);
        struct change change = {.kind = (enum change_kind)random_below(&random, 4),
                                .table = tables[random_below(&random, 10) == 0]};
        if (change.kind == CHANGE_INSERT || change.kind == CHANGE_UPDATE)
            change.new_row = rows[0];
        if (change.kind == CHANGE_DELETE || (change.kind == CHANGE_UPDATE && round % 2))
            change.old_row = rows[1];
        change.old_kind = change.old_row ? OLD_FULL : OLD_NONE;
        change.xid = (uint32_t)random_below(&random, 4);
        change.position.index = (uint32_t)round; /* one that is prepared is not another one */
        if (change.kind == CHANGE_UPDATE && round % 4 == 1)
            keep_key_only(&change, rows[1]);
        if (round % 4 < 2) {
            compare(index, nodes, FILTERS, &change);
            compare_scopes(index, nodes, FILTERS, &change, seen);
        }
    }
    for (size_t i = 0; i < FILTERS; i++) {
        if (nodes[i])
            index_remove(index, nodes[i]);
    }
    assert_true(seen[SCOPE_WITHIN] > 0 && seen[SCOPE_ENTER] > 0 && seen[SCOPE_LEAVE] > 0);
    assert_int_equal(index_size(index), 0);
    index_free(index);
    table_free(tables[0]);
    table_free(tables[1]);
}

static void equal_filters_are_one_node(void **state)
{
    struct index *index = index_new();
    struct index_node *a = index_add(index, fixture_filter_must("*:t:id.eq.1"));
    struct index_node *b = index_add(index, fixture_filter_must("*:public.t:id.eq.\"1\""));
    struct index_node *c = index_add(index, fixture_filter_must("*:t:id.eq.2"));

    (void)state;
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_int_equal(a->count, 2);
    assert_int_equal(index_size(index), 2);
    index_remove(index, a);
    assert_int_equal(a->count, 1);
    assert_int_equal(index_size(index), 2);
    index_free(index); /* with what is left */
}

/* ---- versions of a table ---- */

struct told {
    struct index_node *nodes[8];
    size_t count;
    char why[sizeof((struct fault *)NULL)->text];
};

static void take_stale(void *arg, struct index_node *node, const struct table *table)
{
    struct told *told = arg;
    struct fault why = {0};

    assert_true(told->count < 8);
    assert_int_equal(filter_check_table(node->filter, table, &why), ERR_NOT_FOUND);
    told->nodes[told->count++] = node;
    snprintf(told->why, sizeof told->why, "%s", why.text);
}

/* The fixture's table, one column of which is named or typed otherwise. */
static struct table *changed_table(const char *column, const char *name, const char *type)
{
    struct column_spec specs[FIXTURE_COLUMNS];

    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++) {
        const bool is_it = strcmp(fixture_columns[i].name, column) == 0;
        specs[i] = (struct column_spec){slice_text(is_it ? name : fixture_columns[i].name),
                                        slice_text(is_it ? type : fixture_columns[i].type), i == 0};
    }
    return table_new(SLICE("public"), SLICE("t"), specs, FIXTURE_COLUMNS);
}

static const char *const plain_row[FIXTURE_COLUMNS] = {
    "1", "n1", "9.50", "t", "c1   ", "{1}", "{}", "[]", "2026-01-11 00:00:00+00", "(1,1)"};

static const struct version_case {
    const char *column, *name, *type; /* what the column has become */
    size_t hits, told;                /* of the filters below */
    const char *why;
} version_cases[] = {
    {"price", "price", "numeric(10,2)", 4, 0, ""},
    {"price", "price", "numeric(12,4)", 4, 0, ""},
    {"price", "price", "numeric", 4, 0, ""},
    {"price", "price", "text", 1, 3, "column \"price\" has become text"},
    {"price", "price", "double precision", 1, 3, "column \"price\" has become double precision"},
    {"price", "cost", "numeric(10,2)", 1, 3, "column \"price\" is gone"},
    {"id", "id", "bigint", 4, 0, ""},
    {"id", "id", "numeric", 3, 1, "column \"id\" has become numeric"},
    {"name", "name", "character varying(10)", 4, 0, ""},
};

static void a_filter_that_its_table_outgrew_is_told_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof version_cases / sizeof version_cases[0]; i++) {
        const struct version_case *item = &version_cases[i];
        struct told told = {.count = 0};
        struct value row[FIXTURE_COLUMNS];
        struct index *index = index_new();
        struct table *tables[2] = {fixture_table(),
                                   changed_table(item->column, item->name, item->type)};
        struct change change = {.kind = CHANGE_INSERT, .table = tables[0], .new_row = row};
        struct index_node *price = index_add(index, fixture_filter_must("*:t:price.gt.9"));

        (void)index_add(index, fixture_filter_must("*:t:price.eq.9.5"));
        (void)index_add(index, fixture_filter_must("*:t:not.price.eq.8"));
        (void)index_add(index, fixture_filter_must("*:t:and(id.eq.1,name.eq.n1)"));
        index_on_stale(index, take_stale, &told);
        fixture_row(row, plain_row);
        assert_int_equal(hit_count(index, &change), 4);
        assert_int_equal(told.count, 0);
        change.table = tables[1];
        for (int turn = 0; turn < 2; turn++) {
            assert_int_equal(hit_count(index, &change), item->hits);
            assert_int_equal(told.count, item->told);
        }
        assert_string_equal(told.why, item->why);
        /* Back, and the same again: told only if it was bound again meanwhile. */
        change.table = tables[0];
        assert_int_equal(hit_count(index, &change), 4);
        assert_ptr_equal(index_add(index, fixture_filter_must("*:t:price.gt.9")), price);
        change.table = tables[1];
        (void)hit_count(index, &change);
        assert_int_equal(told.count, item->told + (item->told == 3 ? 1U : 0U));
        index_free(index);
        table_free(tables[0]);
        table_free(tables[1]);
    }
}

/* An old row shows only the key, and to wal2json that is all there is. */
static void what_an_old_row_lacks_is_not_gone(void **state)
{
    const struct column_spec key = {SLICE("id"), SLICE("integer"), true};
    struct table *table = table_new(SLICE("public"), SLICE("t"), &key, 1);
    const struct value row = value_of(SLICE("1"));
    struct change change = {
        .kind = CHANGE_DELETE, .table = table, .old_row = &row, .old_kind = OLD_KEY};
    struct told told = {.count = 0};
    struct index *index = index_new();

    (void)state;
    (void)index_add(index, fixture_filter_must("*:t:price.gt.9"));
    (void)index_add(index, fixture_filter_must("*:t:id.eq.1"));
    index_on_stale(index, take_stale, &told);
    assert_int_equal(hit_count(index, &change), 1);
    assert_int_equal(told.count, 0);
    change.kind = CHANGE_INSERT;
    change.new_row = &row;
    assert_int_equal(hit_count(index, &change), 1);
    assert_int_equal(told.count, 1);
    index_free(index);
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_says_what_every_filter_says),
        cmocka_unit_test(equal_filters_are_one_node),
        cmocka_unit_test(a_filter_that_its_table_outgrew_is_told_once),
        cmocka_unit_test(what_an_old_row_lacks_is_not_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
