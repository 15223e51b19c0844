/* SPDX-License-Identifier: Apache-2.0 */
#include "change/shape.h"

#include "base/mem.h"

void table_shape_free(struct table_shape *shape)
{
    if (!shape)
        return;
    for (uint32_t i = 0; i < shape->column_count; i++) {
        mem_free(shape->columns[i].name);
        mem_free(shape->columns[i].type);
        mem_free(shape->columns[i].cast_type);
        mem_free(shape->columns[i].element_cast_type);
    }
    mem_free(shape->columns);
    mem_free(shape->schema);
    mem_free(shape->name);
    mem_free(shape);
}

struct table_shape *table_shape_copy(const struct table_shape *shape)
{
    struct table_shape *copy = mem_new(sizeof *copy);

    *copy = *shape;
    copy->schema = mem_text(shape->schema);
    copy->name = mem_text(shape->name);
    copy->columns = mem_array(shape->column_count, sizeof *copy->columns);
    for (uint32_t i = 0; i < shape->column_count; i++) {
        struct column_shape *column = &copy->columns[i];
        *column = shape->columns[i];
        column->name = mem_text(column->name);
        column->type = mem_text(column->type);
        column->cast_type = mem_text(column->cast_type);
        column->element_cast_type = mem_text(column->element_cast_type);
    }
    return copy;
}

const struct column_shape *table_shape_find(const struct table_shape *shape, struct slice name)
{
    for (uint32_t i = 0; i < shape->column_count; i++) {
        if (slice_is(name, shape->columns[i].name))
            return &shape->columns[i];
    }
    return NULL;
}
