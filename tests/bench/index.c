/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a change cost a worker when nobody wants it?
 *
 *     build-bench/tests/bench/index [FILTERS]
 *     1000 filters 0.095 us   1000000 filters 0.102 us   ratio 1.07   661 bytes a filter
 *
 * Two indexes of distinct filters host_uuid.eq.X are asked in turns about the same inserts, whose
 * values no filter names.  Medians of RUNS runs of CHANGES changes each, CPU time; between runs
 * the caches are whose the other index left them.  The bytes are what malloc gave, in all.
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

enum { CHANGES = 20000, RUNS = 101, FEW = 1000, UUID_SIZE = 36, AHEAD = JOURNAL_AHEAD };

static struct column_shape columns[] = {
    {.name = "id", .type = "bigint", .cast_type = "bigint", .base_oid = 20, .kind = 'b'},
    {.name = "host_uuid", .type = "uuid", .cast_type = "uuid", .base_oid = 2950, .kind = 'b'},
    {.name = "total",
     .type = "numeric(10,2)",
     .cast_type = "numeric",
     .base_oid = 1700,
     .kind = 'b'},
    {.name = "body", .type = "text", .cast_type = "text", .base_oid = 25, .kind = 'b'},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };
static struct table_shape shape = {
    .schema = "public", .name = "events", .column_count = COLUMNS, .columns = columns};

/* Spread over the bits, as random ones are. */
static void uuid_text(char *out, uint64_t number)
{
    const uint64_t a = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
    const uint64_t b = (a ^ a >> 29) * UINT64_C(0xBF58476D1CE4E5B9);

    (void)snprintf(out, UUID_SIZE + 1, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
                   (unsigned)(a >> 16 & 0xFFFF), (unsigned)(a & 0xFFFF), (unsigned)(b >> 48),
                   (unsigned long long)(b & UINT64_C(0xFFFFFFFFFFFF)));
}

static struct filter *make_filter(uint64_t number)
{
    CLEANUP(query_release) struct query query = {0};
    struct filter *filter = NULL;
    struct fault fault = {0};
    char text[100] = "*:events:host_uuid.eq.";

    uuid_text(text + strlen(text), number);
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

static struct index *make_index(uint64_t count, double *out_bytes)
{
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    struct index *index = index_new();

    for (uint64_t i = 0; i < count; i++)
        (void)index_add(index, make_filter(i));
    *out_bytes = (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / (double)count;
    return index;
}

static void on_hit(void *arg, struct index_node *node)
{
    (void)node;
    ++*(size_t *)arg;
}

static char values[CHANGES][UUID_SIZE + 1];

/* A ring of changes: a worker sees the one at hand and AHEAD more. */
static double run_ns(struct index *index, const struct table *table, size_t *hits)
{
    struct value rows[AHEAD + 1][COLUMNS];
    struct change changes[AHEAD + 1];
    struct timespec from, to;

    for (int i = 0; i <= AHEAD; i++) {
        const struct value row[COLUMNS] = {value_of(SLICE("4711000042")),
                                           value_of(slice_of(values[i], UUID_SIZE)),
                                           value_of(SLICE("1299.50")), value_of(SLICE("paid"))};
        memcpy(rows[i], row, sizeof row);
        changes[i] = (struct change){.kind = CHANGE_INSERT, .table = table, .new_row = rows[i]};
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (uint32_t i = 0; i < CHANGES; i++) {
        struct change *ahead = &changes[(i + AHEAD) % (AHEAD + 1)];
        rows[(i + AHEAD) % (AHEAD + 1)][1] =
            value_of(slice_of(values[(i + AHEAD) % CHANGES], UUID_SIZE));
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

static double median(double *numbers)
{
    qsort(numbers, RUNS, sizeof *numbers, by_size);
    return numbers[RUNS / 2];
}

int main(int argc, char **argv)
{
    const uint64_t many = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct column_spec specs[COLUMNS];
    static double few_ns[RUNS], many_ns[RUNS];
    double few_bytes = 0, many_bytes = 0;
    size_t hits = 0;

    for (int i = 0; i < COLUMNS; i++)
        specs[i] =
            (struct column_spec){slice_text(columns[i].name), slice_text(columns[i].type), i == 0};
    struct table *table = table_new(SLICE("public"), SLICE("events"), specs, COLUMNS);
    struct index *few = make_index(FEW, &few_bytes), *all = make_index(many, &many_bytes);
    for (int run = 0; run < RUNS; run++) {
        for (uint64_t i = 0; i < CHANGES; i++)
            uuid_text(values[i], UINT64_C(1) << 40 | ((uint64_t)run * CHANGES + i));
        few_ns[run] = run_ns(few, table, &hits);
        many_ns[run] = run_ns(all, table, &hits);
    }
    const double few_us = median(few_ns) / 1e3, many_us = median(many_ns) / 1e3;
    (void)printf("%d filters %.3f us   %llu filters %.3f us   ratio %.2f   %.0f bytes a filter\n",
                 FEW, few_us, (unsigned long long)many, many_us, many_us / few_us, many_bytes);
    index_free(few);
    index_free(all);
    table_free(table);
    return hits == 0 ? 0 : 1;
}
