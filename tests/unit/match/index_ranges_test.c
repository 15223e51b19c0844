/* SPDX-License-Identifier: Apache-2.0 */
#include "match/index_ranges.h"

#include "fixture.h"

#include <stdlib.h>

#include "base/random.h"

#define FILINGS 6000

/* A node is the address of its own struct, which knows what it should be found by. */
struct filed {
    struct range_filing filing;
    struct range range;
    bool is_filed;
    uint32_t found;
};

static struct filed filed[FILINGS];
static uint32_t found_count;

static void take(void *arg, void *node)
{
    struct filed *self = node;

    assert_ptr_equal(arg, filed);
    assert_true(self->is_filed);
    self->found++;
    found_count++;
}

/* Each that contains the rank once, and no other. */
static void compare(const struct range_column *column, int64_t rank)
{
    uint32_t wanted = 0;

    found_count = 0;
    range_visit(column, rank, take, filed);
    for (size_t i = 0; i < FILINGS; i++) {
        struct filed *self = &filed[i];
        const bool is_in = self->is_filed && self->range.low <= rank && rank <= self->range.high;
        if (self->found != is_in)
            fail_msg("[%lld, %lld] is found %u times by %lld", (long long)self->range.low,
                     (long long)self->range.high, self->found, (long long)rank);
        wanted += is_in;
        self->found = 0;
    }
    assert_int_equal(found_count, wanted);
}

static void compare_near(const struct range_column *column, struct range range)
{
    uint32_t wanted = 0;

    for (size_t i = 0; i < FILINGS; i++)
        wanted += filed[i].is_filed && filed[i].range.low <= range.high &&
                  filed[i].range.high >= range.low;
    assert_int_equal(range_count_near(column, range, FILINGS), wanted);
    assert_int_equal(range_count_near(column, range, 10), wanted < 10 ? wanted : 10);
}

static struct range random_range(struct random *random)
{
    const int64_t low = (int64_t)random_below(random, 500) - 250;

    switch (random_below(random, 6)) {
    case 0:
        return (struct range){INT64_MIN, low};
    case 1:
        return (struct range){low, INT64_MAX};
    case 2:
        return (struct range){low, low - 5}; /* and(n.gt.5,n.lt.0) */
    default:
        return (struct range){low, low + (int64_t)random_below(random, 20)};
    }
}

static void toggle(struct range_column *column, struct filed *self, struct random *random)
{
    if (self->is_filed) {
        range_unfile(&self->filing);
    } else {
        self->range = random_range(random);
        range_file(column, self->range, &self->filing, self);
    }
    self->is_filed = !self->is_filed;
}

static void every_range_is_found_by_what_is_in_it(void **state)
{
    struct range_column *column = range_column_new(0, VALUE_INTEGER);
    struct random random = {7};

    (void)state;
    for (int round = 0; round < 6; round++) {
        /* All of them come, half of them change, all of them go. */
        for (size_t i = 0; i < FILINGS; i++) {
            struct filed *self =
                round % 3 == 1 ? &filed[random_below(&random, FILINGS)] : &filed[i];
            toggle(column, self, &random);
            if (i % 100 != 0)
                continue;
            compare(column, (int64_t)random_below(&random, 540) - 270);
            compare_near(column, random_range(&random));
        }
        for (size_t i = 0; round % 3 == 1 && i < FILINGS; i++) {
            if (!filed[i].is_filed)
                toggle(column, &filed[i], &random);
        }
        if (round % 3 == 1) {
            found_count = 0;
            range_visit_all(column, take, filed);
            assert_int_equal(found_count, FILINGS);
            for (size_t i = 0; i < FILINGS; i++)
                filed[i].found = 0;
        }
        if (round % 3 == 2)
            assert_null(column->root);
    }
    range_column_free(column);
}

static const struct range_case {
    const char *filter;
    uint32_t node;
    bool is_possible;
    int64_t low, high;
} range_cases[] = {
    {"*:t:id.gt.5", 0, true, 5, INT64_MAX},
    {"*:t:id.lte.-5", 0, true, INT64_MIN, -5},
    {"*:t:and(id.gte.5,id.lt.9)", 1, true, 5, 9},
    {"*:t:and(id.gte.5,id.lt.9)", 2, true, 5, 9},
    {"*:t:and(id.gte.5,is_on.eq.true,id.lt.9,id.gt.6)", 1, true, 6, 9},
    {"*:t:and(id.gt.9,id.lt.5)", 1, true, 9, 5},
    {"*:t:and(id.gt.5,is_on.gte.true)", 1, true, 5, INT64_MAX},
    {"*:t:and(id.gt.5,not.id.lt.9)", 1, true, 5, INT64_MAX},
    {"*:t:and(or(id.gt.5,id.lt.2),id.lt.9)", 2, true, 5, INT64_MAX},
    {"*:t:and(or(id.gt.5,id.lt.2),id.lt.9)", 4, true, INT64_MIN, 9},
    {"*:t:not.id.gt.5", 0, false, 0, 0},
    {"*:t:id.eq.5", 0, false, 0, 0},
    {"*:t:id.neq.5", 0, false, 0, 0},
    {"*:t:name.like.a*", 0, false, 0, 0},
};

static void what_a_filter_is_filed_under(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof range_cases / sizeof range_cases[0]; i++) {
        const struct range_case *item = &range_cases[i];
        struct filter *filter = fixture_filter_must(item->filter);
        if (range_is_possible(&filter->nodes[item->node]) != item->is_possible)
            fail_msg("%s: %d", item->filter, !item->is_possible);
        if (item->is_possible) {
            const struct range range = range_of(filter, item->node);
            if (range.low != item->low || range.high != item->high)
                fail_msg("%s: [%lld, %lld]", item->filter, (long long)range.low,
                         (long long)range.high);
        }
        filter_free(filter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_range_is_found_by_what_is_in_it),
        cmocka_unit_test(what_a_filter_is_filed_under),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
