/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks filters about rows, one line in, one line out, so that a script can compare with what
 * SELECT ... WHERE says without the whole server (tests/integration/filter_cases.py).  Fields are
 * separated by tabs and percent-encoded; a field "\N" is NULL.
 *
 *     shape  ctype_is_c (name type cast_type oid element_oid kind is_c is_deterministic)...  ok
 *     query  text                                                casts (text type)... | error words
 *     cast   canonical...                                        ok | error words
 *     row    value...                                            1 | 0
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "match/filter.h"
#include "match/query.h"

#define FIELDS_MAX 2100
#define SHAPE_FIELDS 8

static struct table_shape *shape;
static struct table *table;
static struct query query;
static struct filter *filter;

static void decode(char *field)
{
    char *to = field;

    for (const char *from = field; *from != '\0';) {
        if (*from == '%') {
            const char digits[3] = {from[1], from[2], '\0'};
            *to++ = (char)strtoul(digits, NULL, 16);
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

static void encode(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        printf("%%%02X", (unsigned)(unsigned char)text.at[i]);
}

static void answer(enum status status, const struct fault *fault)
{
    printf("%s\t", status == OK ? "ok" : "error");
    if (status != OK)
        encode(slice_text(fault->text));
    printf("\n");
}

static void take_shape(char **fields, uint32_t count)
{
    struct column_spec specs[64];

    table_shape_free(shape);
    shape = mem_new(sizeof *shape);
    shape->schema = mem_text("public");
    shape->name = mem_text("t");
    shape->is_ctype_c = fields[0][0] == '1';
    shape->column_count = (count - 1) / SHAPE_FIELDS;
    shape->columns = mem_array(shape->column_count, sizeof *shape->columns);
    for (uint32_t i = 0; i < shape->column_count && i < 64; i++) {
        char **field = fields + 1 + (size_t)i * SHAPE_FIELDS;
        shape->columns[i] = (struct column_shape){
            .name = mem_text(field[0]),
            .type = mem_text(field[1]),
            .cast_type = mem_text(field[2]),
            .base_oid = (uint32_t)strtoul(field[3], NULL, 10),
            .element_oid = (uint32_t)strtoul(field[4], NULL, 10),
            .kind = field[5][0],
            .is_collation_c = field[6][0] == '1',
            .is_deterministic = field[7][0] == '1',
        };
        specs[i] = (struct column_spec){slice_text(shape->columns[i].name),
                                        slice_text(shape->columns[i].type), i == 0};
    }
    table_free(table);
    table = table_new(SLICE("public"), SLICE("t"), specs, shape->column_count);
    printf("ok\t\n");
}

static void take_query(const char *text)
{
    struct fault fault = {0};

    query_release(&query);
    enum status status = query_parse(slice_text(text), &query, &fault);
    if (status == OK)
        status = query_bind(&query, shape, &fault);
    if (status != OK) {
        answer(status, &fault);
        return;
    }
    printf("casts");
    for (uint32_t i = 0; i < query.cast_count; i++) {
        printf("\t");
        encode(slice_text(query.casts[i].text));
        printf("\t");
        encode(slice_text(query.casts[i].cast_type));
    }
    printf("\n");
}

static void take_casts(char **fields, uint32_t count)
{
    struct fault fault = {0};

    for (uint32_t i = 0; i < count && i < query.cast_count; i++)
        query.casts[i].canonical = mem_text(fields[i]);
    filter_free(filter);
    filter = NULL;
    const enum status status = query_compile(&query, &filter, &fault);
    answer(status, &fault);
}

static void ask_row(char **fields, const bool *is_null, uint32_t count)
{
    struct value row[64] = {0};
    struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};

    for (uint32_t i = 0; i < count && i < 64; i++) {
        row[i] = value_of(slice_text(fields[i]));
        if (is_null[i])
            row[i] = (struct value){.state = VALUE_NULL};
    }
    printf("%d\n", filter_passes_slow(filter, &change));
}

static void take_line(char *line)
{
    static char *fields[FIELDS_MAX];
    static bool is_null[FIELDS_MAX];
    uint32_t count = 0;
    char *rest = line;
    char *field = NULL;

    while ((field = strsep(&rest, "\t")) != NULL && count < FIELDS_MAX) {
        is_null[count] = strcmp(field, "\\N") == 0;
        decode(field);
        fields[count++] = field;
    }
    if (strcmp(fields[0], "shape") == 0)
        take_shape(fields + 1, count - 1);
    else if (strcmp(fields[0], "query") == 0)
        take_query(fields[1]);
    else if (strcmp(fields[0], "cast") == 0)
        take_casts(fields + 1, count - 1);
    else
        ask_row(fields + 1, is_null + 1, count - 1);
    fflush(stdout);
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size = 0;

    while ((size = getline(&line, &capacity, stdin)) > 0) {
        line[size - 1] = '\0';
        take_line(line);
    }
    free(line);
    filter_free(filter);
    query_release(&query);
    table_free(table);
    table_shape_free(shape);
    return 0;
}
