/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What filters that do not match cost: questions, and memory when they have gone.
 */
#include "fixture.h"

#include <malloc.h>
#include <stdio.h>

#include "match/index.h"

static void count_hit(void *arg, struct index_node *node)
{
    (void)node;
    ++*(size_t *)arg;
}

static size_t hit_count(struct index *index, const struct change *change)
{
    size_t count = 0;

    index_match(index, change, count_hit, &count);
    return count;
}

static const char *const plain_row[FIXTURE_COLUMNS] = {
    "1", "n1", "9.50", "t", "c1   ", "{1}", "{}", "[]", "2026-01-11 00:00:00+00", "(1,1)"};

static void only_what_could_pass_is_asked(void **state)
{
    struct value row[FIXTURE_COLUMNS];
    struct table *table = fixture_table();
    struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};
    struct index *index = index_new();
    char text[80];

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        /* The name is common, the number rare, whichever stands first. */
        snprintf(text, sizeof text,
                 i % 2 ? "*:t:and(id.eq.%u,name.eq.n1)" : "*:t:and(name.eq.n1,id.eq.%u)", i);
        (void)index_add(index, fixture_filter_must(text));
    }
    fixture_row(row, plain_row);
    row[0] = value_of(SLICE("5000"));
    row[1] = value_of(SLICE("n1"));
    assert_int_equal(hit_count(index, &change), 1);
    assert_true(index_asked_total(index) < 300);
    row[0] = value_of(SLICE("-1"));
    const uint64_t before = index_asked_total(index);
    assert_int_equal(hit_count(index, &change), 0);
    assert_true(index_asked_total(index) - before < 300);
    index_free(index);
    table_free(table);
}

/* Narrow bands of prices, and ids above those of all rows. */
static void ranges_that_a_row_is_not_in_are_not_asked(void **state)
{
    struct value row[FIXTURE_COLUMNS];
    struct table *table = fixture_table();
    struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};
    struct index *index = index_new();
    char text[80];

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "*:t:and(price.gte.%u.%02u,price.lt.%u.%02u,is_on.eq.true)",
                 i / 50, i % 50, i / 50, i % 50 + 1);
        (void)index_add(index, fixture_filter_must(text));
        snprintf(text, sizeof text, "*:t:id.gt.%u", 1000 + i);
        (void)index_add(index, fixture_filter_must(text));
    }
    fixture_row(row, plain_row);
    row[0] = value_of(SLICE("1000"));
    row[2] = value_of(SLICE("70.255"));
    assert_int_equal(hit_count(index, &change), 1);
    assert_true(index_asked_total(index) < 10);
    row[2] = value_of(SLICE("70.60"));
    assert_int_equal(hit_count(index, &change), 0);
    assert_true(index_asked_total(index) < 20);
    index_free(index);
    table_free(table);
}

static size_t used_bytes(void)
{
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static struct index_node *add_of_storm(struct index *index, unsigned number)
{
    char text[80];

    switch (number % 5) {
    case 0:
        snprintf(text, sizeof text, "*:t:id.eq.%u", number);
        break;
    case 1:
        snprintf(text, sizeof text, "*:t:price.gt.%u", number);
        break;
    case 2:
        snprintf(text, sizeof text, "*:t:and(price.gte.%u,price.lt.%u)", number, number + 1);
        break;
    case 3:
        snprintf(text, sizeof text, "*:t:or(name.eq.n%u,id.lt.%u)", number, number);
        break;
    default:
        snprintf(text, sizeof text, "insert:t:name.in.(n%u,m%u)", number, number);
        break;
    }
    return index_add(index, fixture_filter_must(text));
}

/* Who comes and goes leaves nothing behind: 1,000 filters at a time, 30,000 in all. */
static void storms_leave_memory_where_it_was(void **state)
{
    static struct index_node *nodes[1000];
    struct index *index = index_new();
    size_t before = 0;

    (void)state;
    for (unsigned i = 0; i < 30000; i++) {
        struct index_node **node = &nodes[i * 7 % 1000];
        if (i == 5000)
            before = used_bytes();
        if (*node)
            index_remove(index, *node);
        *node = add_of_storm(index, i);
    }
    assert_int_equal(index_size(index), 1000);
    assert_true(used_bytes() <= before + before / 10); /* a sanitizer says 0 */
    for (size_t i = 0; i < 1000; i++)
        index_remove(index, nodes[i]);
    assert_int_equal(index_size(index), 0);
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_could_pass_is_asked),
        cmocka_unit_test(ranges_that_a_row_is_not_in_are_not_asked),
        cmocka_unit_test(storms_leave_memory_where_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
