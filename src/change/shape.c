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

const struct column_shape *table_shape_find(const struct table_shape *shape, struct slice name)
{
    for (uint32_t i = 0; i < shape->column_count; i++) {
        if (slice_is(name, shape->columns[i].name))
            return &shape->columns[i];
    }
    return NULL;
}
