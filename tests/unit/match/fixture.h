/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A table to ask about, and filters made without PostgreSQL: a value stands for its own cast.
 *
 *     id integer (key) · name text · price numeric · is_on boolean · code character(5) ·
 *     tags text[] · doc jsonb · raw json · at timestamptz · place point
 */
#include "unit.h"

#include "base/mem.h"
#include "change/shape.h"
#include "match/filter.h"
#include "match/query.h"

static const struct {
    const char *name, *type, *cast_type, *element_cast_type;
    uint32_t base_oid, element_oid;
    bool is_collation_c;
} fixture_columns[] = {
    {"id", "integer", "integer", NULL, 23, 0, false},
    {"name", "text", "text", NULL, 25, 0, false},
    {"price", "numeric(10,2)", "numeric", NULL, 1700, 0, false},
    {"is_on", "boolean", "boolean", NULL, 16, 0, false},
    {"code", "character(5)", "bpchar", NULL, 1042, 0, true},
    {"tags", "text[]", "text[]", "text", 1009, 25, false},
    {"doc", "jsonb", "jsonb", NULL, 3802, 0, false},
    {"raw", "json", "json", NULL, 114, 0, false},
    {"at", "timestamp with time zone", "timestamp with time zone", NULL, 1184, 0, false},
    {"place", "point", "point", "double precision", 600, 701, false},
};
#define FIXTURE_COLUMNS ((uint32_t)(sizeof fixture_columns / sizeof fixture_columns[0]))

/* Made once, kept for ever. */
static inline const struct table_shape *fixture_shape(void)
{
    static struct table_shape *shape;

    if (shape)
        return shape;
    shape = mem_new(sizeof *shape);
    shape->schema = mem_text("public");
    shape->name = mem_text("t");
    shape->column_count = FIXTURE_COLUMNS;
    shape->columns = mem_array(FIXTURE_COLUMNS, sizeof *shape->columns);
    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++)
        shape->columns[i] = (struct column_shape){
            .name = mem_text(fixture_columns[i].name),
            .type = mem_text(fixture_columns[i].type),
            .cast_type = mem_text(fixture_columns[i].cast_type),
            .element_cast_type = mem_text(fixture_columns[i].element_cast_type),
            .base_oid = fixture_columns[i].base_oid,
            .element_oid = fixture_columns[i].element_oid,
            .kind = 'b',
            .is_key = i == 0,
            .is_collation_c = fixture_columns[i].is_collation_c,
            .is_deterministic = true,
        };
    return shape;
}

static inline struct table *fixture_table(void)
{
    struct column_spec specs[FIXTURE_COLUMNS];

    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++)
        specs[i] = (struct column_spec){slice_text(fixture_columns[i].name),
                                        slice_text(fixture_columns[i].type), i == 0};
    return table_new(SLICE("public"), SLICE("t"), specs, FIXTURE_COLUMNS);
}

/* All three steps; on failure the words are in the fault. */
static inline struct filter *fixture_filter(const char *text, struct fault *fault)
{
    CLEANUP(query_release) struct query query = {0};
    struct filter *filter = NULL;

    if (query_parse(slice_text(text), &query, fault) != OK)
        return NULL;
    if (!query_is_for_many(&query) && query_bind(&query, fixture_shape(), fault) != OK)
        return NULL;
    for (uint32_t i = 0; i < query.cast_count; i++)
        query.casts[i].canonical = mem_text(query.casts[i].text);
    if (query_compile(&query, &filter, fault) != OK)
        return NULL;
    return filter;
}

static inline struct filter *fixture_filter_must(const char *text)
{
    struct fault fault = {0};
    struct filter *filter = fixture_filter(text, &fault);

    if (!filter)
        fail_msg("%s: %s", text, fault.text);
    return filter;
}

static const struct value fixture_null = {NULL, 0, VALUE_NULL};
static const struct value fixture_absent = {NULL, 0, VALUE_ABSENT};
static const struct value fixture_unchanged = {NULL, 0, VALUE_UNCHANGED};

/* A row of texts; NULL is NULL. */
static inline void fixture_row(struct value *row, const char *const *texts)
{
    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++)
        row[i] = texts[i] ? value_of(slice_text(texts[i])) : fixture_null;
}
