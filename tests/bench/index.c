/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a change cost a worker when nobody wants it?
 *
 *     build-bench/tests/bench/index
 *     {"shape":"eq","many":1000000,"few_ns":95,"many_ns":102,"bytes":661}
 *     ...
 *
 * For each shape two indexes, of 1,000 distinct filters and of many, are asked in turns about the
 * same inserts, whose values no filter names.  Medians of the runs that fit into RUN_SECONDS, of
 * CHANGES changes each, CPU time; between runs the caches are whose the other index left them.  The
 * bytes are what malloc gave for each filter, in all.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "change/shape.h"
#include "journal/reader.h"
#include "match/filter.h"
#include "match/index.h"
#include "match/query.h"

enum { CHANGES = 20000, RUNS_MAX = 101, RUN_SECONDS = 2, FEW = 1000 };
enum { UUID_SIZE = 36, TEXT_SIZE = 256, AHEAD = JOURNAL_AHEAD };

/* %U, %V and %W are uuids of the filter's number, %L the number, %N one above all totals. */
static const struct shape_case {
    const char *name, *text;
    uint64_t many;
} cases[] = {
    {"eq", "*:events:host_uuid.eq.%U", 100000},
    {"eq", "*:events:host_uuid.eq.%U", 1000000},
    {"in (3 values)", "*:events:host_uuid.in.(%U,%V,%W)", 100000},
    {"gt", "*:events:total.gt.%N", 100000},
    {"gte and lt", "*:events:and(total.gte.%L.00,total.lt.%L.25)", 100000},
    {"gte and lt", "*:events:and(total.gte.%L.00,total.lt.%L.25)", 1000000},
    {"and (eq, gt)", "*:events:and(host_uuid.eq.%U,total.gt.5)", 100000},
    {"or (eq, gt)", "*:events:or(host_uuid.eq.%U,total.gt.%N)", 100000},
};

static struct column_shape columns[] = {
    {.name = (char[]){"id"},
     .type = (char[]){"bigint"},
     .cast_type = (char[]){"bigint"},
     .base_oid = 20,
     .kind = 'b'},
    {.name = (char[]){"host_uuid"},
     .type = (char[]){"uuid"},
     .cast_type = (char[]){"uuid"},
     .base_oid = 2950,
     .kind = 'b'},
    {.name = (char[]){"total"},
     .type = (char[]){"numeric(10,2)"},
     .cast_type = (char[]){"numeric"},
     .base_oid = 1700,
     .kind = 'b'},
    {.name = (char[]){"body"},
     .type = (char[]){"text"},
     .cast_type = (char[]){"text"},
     .base_oid = 25,
     .kind = 'b'},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };
static struct table_shape shape = {.schema = (char[]){"public"},
                                   .name = (char[]){"events"},
                                   .column_count = COLUMNS,
                                   .columns = columns};

/* Spread over the bits, as random ones are. */
static void uuid_text(char *out, uint64_t number)
{
    const uint64_t a = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
    const uint64_t b = (a ^ a >> 29) * UINT64_C(0xBF58476D1CE4E5B9);

    (void)snprintf(out, UUID_SIZE + 1, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
                   (unsigned)(a >> 16 & 0xFFFF), (unsigned)(a & 0xFFFF), (unsigned)(b >> 48),
                   (unsigned long long)(b & UINT64_C(0xFFFFFFFFFFFF)));
}

static void add_number(char *out, char letter, uint64_t number)
{
    if (letter >= 'U')
        uuid_text(out, number * 3 + (uint64_t)(letter - 'U'));
    else
        (void)snprintf(out, TEXT_SIZE / 4, "%llu",
                       (unsigned long long)(number + (letter == 'N' ? 10000000 : 0)));
}

static void filter_text_of(char *out, const char *form, uint64_t number)
{
    for (; *form; form++) {
        if (*form != '%') {
            *out++ = *form;
            continue;
        }
        add_number(out, *++form, number);
        out += strlen(out);
    }
    *out = '\0';
}

static struct filter *make_filter(const char *form, uint64_t number)
{
    CLEANUP(query_release) struct query query = {0};
    struct filter *filter = NULL;
    struct fault fault = {0};
    char text[TEXT_SIZE];

    filter_text_of(text, form, number);
    if (query_parse(slice_text(text), &query, &fault) == OK &&
        query_bind(&query, &shape, &fault) == OK) {
        for (uint32_t i = 0; i < query.cast_count; i++)
            query.casts[i].canonical = mem_text(query.casts[i].text);
        if (query_compile(&query, &filter, &fault) == OK)
            return filter;
    }
    (void)fprintf(stderr, "%s: %s\n", text, fault.text);
    exit(1);
}

static struct index *make_index(const char *form, uint64_t count, double *out_bytes)
{
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    struct index *index = index_new();

    for (uint64_t i = 0; i < count; i++)
        (void)index_add(index, make_filter(form, i));
    *out_bytes = (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / (double)count;
    return index;
}

static void on_hit(void *arg, struct index_node *node)
{
    (void)node;
    ++*(size_t *)arg;
}

static struct {
    char uuid[UUID_SIZE + 1], total[24];
} values[CHANGES];

static void set_values(struct value *row, uint32_t i)
{
    row[1] = value_of(slice_of(values[i % CHANGES].uuid, UUID_SIZE));
    row[2] = value_of(slice_text(values[i % CHANGES].total));
}

/* Totals all over the filters' numbers, but between the ranges of any two. */
static void make_values(uint64_t from, uint64_t filters)
{
    for (uint64_t i = 0; i < CHANGES; i++) {
        uuid_text(values[i].uuid, UINT64_C(1) << 40 | (from + i));
        (void)snprintf(values[i].total, sizeof values[i].total, "%llu.50",
                       (unsigned long long)((from + i) * UINT64_C(2654435761) % filters));
    }
}

/* A ring of changes: a worker sees the one at hand and AHEAD more. */
static double run_ns(struct index *index, const struct table *table, size_t *hits)
{
    struct value rows[AHEAD + 1][COLUMNS];
    struct change changes[AHEAD + 1];
    struct timespec from, to;

    for (int i = 0; i <= AHEAD; i++) {
        rows[i][0] = value_of(SLICE("4711000042"));
        set_values(rows[i], (uint32_t)i);
        rows[i][3] = value_of(SLICE("paid"));
        changes[i] = (struct change){.kind = CHANGE_INSERT, .table = table, .new_row = rows[i]};
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (uint32_t i = 0; i < CHANGES; i++) {
        struct change *ahead = &changes[(i + AHEAD) % (AHEAD + 1)];
        set_values(rows[(i + AHEAD) % (AHEAD + 1)], i + AHEAD);
        ahead->position.index = i + AHEAD;
        index_prepare(index, ahead);
        index_match(index, &changes[i % (AHEAD + 1)], on_hit, hits);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
           CHANGES;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *numbers, size_t count)
{
    qsort(numbers, count, sizeof *numbers, by_size);
    return numbers[count / 2];
}

/* False: a filter matched, and nothing of this counts. */
static bool measure(const struct shape_case *of, const struct table *table)
{
    static double few_ns[RUNS_MAX], many_ns[RUNS_MAX];
    double few_bytes = 0, many_bytes = 0;
    struct index *few = make_index(of->text, FEW, &few_bytes);
    struct index *all = make_index(of->text, of->many, &many_bytes);
    const time_t begin = time(NULL);
    size_t hits = 0, runs = 0;

    while (runs < 5 || (runs < RUNS_MAX && time(NULL) - begin < RUN_SECONDS)) {
        make_values(runs * CHANGES, FEW);
        few_ns[runs] = run_ns(few, table, &hits);
        make_values(runs * CHANGES, of->many);
        many_ns[runs++] = run_ns(all, table, &hits);
    }
    (void)printf("{\"shape\":\"%s\",\"many\":%llu,\"few_ns\":%.1f,\"many_ns\":%.1f,"
                 "\"bytes\":%.0f}\n",
                 of->name, (unsigned long long)of->many, median(few_ns, runs),
                 median(many_ns, runs), many_bytes);
    (void)fflush(stdout);
    index_free(few);
    index_free(all);
    return hits == 0;
}

int main(void)
{
    struct column_spec specs[COLUMNS];
    bool is_good = true;

    for (int i = 0; i < COLUMNS; i++)
        specs[i] =
            (struct column_spec){slice_text(columns[i].name), slice_text(columns[i].type), i == 0};
    struct table *table = table_new(SLICE("public"), SLICE("events"), specs, COLUMNS);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        is_good = measure(&cases[i], table) && is_good;
    table_free(table);
    return is_good ? 0 : 1;
}
