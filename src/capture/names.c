/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/names.h"

#include <stdlib.h>

#include "base/mem.h"
#include "capture/types.h"
#include "catalog/hypertable.h"
#include "sql/sql.h"

struct names {
    struct sql *side; /* borrowed */
    struct types *types;
    struct hypertables *hypertables;
    void (*known)(void *arg);
    void *arg;
    bool is_asking;
};

struct names *names_new(struct sql *side, void (*known)(void *arg), void *arg)
{
    struct names *names = mem_new(sizeof *names);

    names->side = side;
    names->types = types_new();
    names->hypertables = hypertables_new(side, known, arg);
    names->known = known;
    names->arg = arg;
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    sql_forget(names->side, names);
    hypertables_free(names->hypertables);
    types_free(names->types);
    mem_free(names);
}

struct types *names_types(struct names *names)
{
    return names->types;
}

enum status names_of_table(struct names *names, struct slice schema, struct slice name,
                           struct slice *out_schema, struct slice *out_name)
{
    const enum status status =
        hypertables_find(names->hypertables, schema, name, out_schema, out_name);

    if (status != ERR_NOT_FOUND)
        return status;
    *out_schema = schema;
    *out_name = name;
    return OK;
}

/* An oid is a number of 32 bits without sign, a modifier one with it. */
static int64_t number_of(const struct sql_answer *answer, int row, int column)
{
    char text[24] = {0};
    const struct slice value = sql_value(answer, row, column);

    if (value.size >= sizeof text)
        return 0;
    memcpy(text, value.at, value.size);
    return strtoll(text, NULL, 10);
}

static void on_types(void *arg, const struct sql_answer *answer)
{
    struct names *names = arg;

    names->is_asking = false;
    if (answer->status != OK)
        return; /* asked again by the next names_ask */
    for (int row = 0; row < answer->rows; row++) {
        const struct slice name =
            sql_is_null(answer, row, 2) ? (struct slice){NULL, 0} : sql_value(answer, row, 2);
        types_answer(names->types, (uint32_t)number_of(answer, row, 0),
                     (int32_t)number_of(answer, row, 1), name);
    }
    types_answered(names->types);
    names->known(names->arg);
}

bool names_ask(struct names *names)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (names->is_asking)
        return true;
    if (types_wanted(names->types) == 0 || !sql_is_up(names->side))
        return types_wanted(names->types) > 0;
    types_query(names->types, &text);
    names->is_asking = true;
    sql_ask(names->side, buf_text(&text), NULL, 0, on_types, names);
    return true;
}

void names_reset(struct names *names)
{
    types_reset(names->types);
    hypertables_reset(names->hypertables);
}
