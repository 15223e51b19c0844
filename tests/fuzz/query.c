/* SPDX-License-Identifier: Apache-2.0 */
/* A query of any bytes: one line, and the lines behind it are the values of a row.  Nothing is
 * read beyond its end, a filter compiled twice has one key, and the index says what the filter
 * says. */
#include "match/query.h"

#include <stdlib.h>

#include "base/mem.h"
#include "match/filter.h"
#include "match/index.h"

#define COLUMNS 7

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct {
    const char *name, *type;
    uint32_t oid, element_oid;
} columns[COLUMNS] = {
    {"t", "text", 25, 0},      {"n", "numeric", 1700, 0},   {"a", "integer[]", 1007, 23},
    {"j", "jsonb", 3802, 0},   {"w", "timestamp", 1114, 0}, {"i", "interval", 1186, 0},
    {"s", "text[]", 1009, 25},
};

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static struct table_shape *shape_new(void)
{
    struct table_shape *shape = mem_new(sizeof *shape);

    shape->schema = mem_text("public");
    shape->name = mem_text("t");
    shape->column_count = COLUMNS;
    shape->columns = mem_array(COLUMNS, sizeof *shape->columns);
    for (uint32_t i = 0; i < COLUMNS; i++)
        shape->columns[i] = (struct column_shape){
            .name = mem_text(columns[i].name),
            .type = mem_text(columns[i].type),
            .cast_type = mem_text(columns[i].type),
            .base_oid = columns[i].oid,
            .element_oid = columns[i].element_oid,
            .kind = 'b',
            .is_deterministic = true,
        };
    return shape;
}

static struct table *table_make(void)
{
    struct column_spec specs[COLUMNS];

    for (uint32_t i = 0; i < COLUMNS; i++)
        specs[i] =
            (struct column_spec){slice_text(columns[i].name), slice_text(columns[i].type), i == 0};
    return table_new(SLICE("public"), SLICE("t"), specs, COLUMNS);
}

static struct filter *filter_make(struct slice text, const struct table_shape *shape)
{
    CLEANUP(query_release) struct query query = {0};
    struct filter *filter = NULL;
    struct fault fault = {0};

    if (query_parse(text, &query, &fault) != OK ||
        (!query_is_for_many(&query) && query_bind(&query, shape, &fault) != OK)) {
        must(fault.text[0] != '\0' && slice_is_utf8(slice_text(fault.text)));
        return NULL;
    }
    for (uint32_t i = 0; i < query.cast_count; i++)
        query.casts[i].canonical = mem_text(query.casts[i].text);
    return query_compile(&query, &filter, &fault) == OK ? filter : NULL;
}

static void count_hit(void *arg, struct index_node *node)
{
    size_t *hits = arg;

    must(node->count == 1);
    ++*hits;
}

/* Its text is a query, and there is nothing else in it. */
static void read_again(const struct filter *filter)
{
    struct query query = {0};

    must(query_of_filter(filter, &query, NULL) == OK);
    must(query.node_count == filter->node_count && query.kinds == filter->kinds);
    query_release(&query);
}

static void ask(struct slice text, struct slice rest, const struct table_shape *shape,
                const struct table *table)
{
    struct filter *filter = filter_make(text, shape), *again = filter_make(text, shape);
    struct value row[COLUMNS];
    struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};
    size_t hits = 0;

    must(!filter == !again);
    if (!filter)
        return;
    must(slice_equal(filter_key(filter), filter_key(again)));
    read_again(filter);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        const struct slice line = slice_cut(&rest, '\n');
        row[i] = line.at ? value_of(line) : (struct value){.state = VALUE_NULL};
    }
    const bool passes = filter_passes_slow(filter, &change);
    struct index *index = index_new();
    struct index_node *node = index_add(index, filter);
    index_match(index, &change, count_hit, &hits);
    must(hits == passes);
    must(filter_passes_slow(again, &change) == passes);
    index_remove(index, node);
    must(index_size(index) == 0);
    index_free(index);
    filter_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct slice rest = slice_of(bytes, size);
    const struct slice text = slice_cut(&rest, '\n');
    struct table_shape *shape = shape_new();
    struct table *table = table_make();

    ask(text, rest, shape, table);
    table_free(table);
    table_shape_free(shape);
    return 0;
}
