/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parsed query meets its table: do the columns exist, do the operators fit their types?
 *
 *     orders(id bigint, region text)        and(id.gt.5,region.like.e*)
 *
 *     id.gt.5         bigint, ordered       cast: '5'::bigint
 *     region.like.e*  text                  no cast: a pattern is no value of the type
 *
 * Always true: what passes here compares as WHERE in PostgreSQL would; where we are not sure of a
 * type, the answer is an error that says what can be asked instead.
 */
#include "base/mem.h"
#include "match/column_type.h"
#include "match/query.h"
#include "match/query_lex.h"

static bool type_is_text(struct value_type type)
{
    return type.class == VALUE_STRING || type.class == VALUE_BPCHAR;
}

static bool op_fits(enum filter_op op, struct value_type type)
{
    switch (op) {
    case FILTER_IS:
        return true;
    case FILTER_EQ:
    case FILTER_NEQ:
    case FILTER_IN:
    case FILTER_ISDISTINCT:
        return type.class != VALUE_OPAQUE && type.class != VALUE_JSON;
    case FILTER_GT:
    case FILTER_GTE:
    case FILTER_LT:
    case FILTER_LTE:
        return type.is_ordered;
    case FILTER_LIKE:
    case FILTER_ILIKE:
    case FILTER_MATCH:
    case FILTER_IMATCH:
        return type_is_text(type);
    case FILTER_CS:
    case FILTER_CD:
        return type.class == VALUE_ARRAY || type.class == VALUE_JSONB;
    }
    return false;
}

static enum status refuse_column(const struct query_node *node, const struct table_shape *shape,
                                 struct fault *fault)
{
    CLEANUP(buf_release) struct buf names = BUF_INIT;

    for (uint32_t i = 0; i < shape->column_count; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", shape->columns[i].name);
    return fault_set(fault, ERR_INPUT, "table %s.%s has no column \"%.*s\"; it has %s",
                     shape->schema, shape->name, SLICE_ARG(query_shown(node->column)),
                     buf_text(&names));
}

static enum status refuse_op(const struct query_node *node, const char *type_name,
                             struct fault *fault)
{
    CLEANUP(buf_release) struct buf fitting = BUF_INIT;

    for (enum filter_op op = FILTER_EQ; op <= FILTER_CD; op++) {
        if (op_fits(op, node->type))
            buf_printf(&fitting, "%s%s", fitting.size > 0 ? ", " : "", filter_op_text(op));
    }
    return fault_set(fault, ERR_INPUT,
                     "operator \"%s\" does not fit \"%.*s\" of type %s; what can be asked: %s%s",
                     filter_op_text(node->op), SLICE_ARG(query_shown(node->column)), type_name,
                     buf_text(&fitting),
                     type_is_text(node->type) ? " (ranges of text need collation C)" : "");
}

/* What a JSON path leads to; "->" gives JSON again, "->>" text. */
static enum status bind_path(struct query *query, struct query_node *node,
                             const struct table_shape *shape, const struct column_shape *column,
                             struct fault *fault)
{
    const struct query_step *steps = query->steps + node->first_step;
    const uint32_t last = node->step_count - 1;

    if (node->type.class != VALUE_JSON && node->type.class != VALUE_JSONB)
        return fault_set(fault, ERR_INPUT,
                         "a path with -> or ->> needs json or jsonb; \"%s\" is %s", column->name,
                         column->type);
    for (uint32_t i = 0; i < last; i++) {
        if (steps[i].is_text)
            return fault_set(fault, ERR_INPUT,
                             "->> gives text, so it can only be the last step of a path: \"%.*s\"",
                             SLICE_ARG(query_shown(steps[i].key)));
    }
    const bool is_json = node->type.class == VALUE_JSON;
    if (steps[last].is_text)
        node->type = (struct value_type){.class = VALUE_STRING, .is_ascii_case = shape->is_ctype_c};
    node->type.is_json = is_json;
    return OK;
}

static enum status check_is(const struct query *query, const struct query_node *node,
                            const struct column_shape *column, struct fault *fault)
{
    const struct slice what = query->values[node->first_value].text;

    if (slice_equal_nocase(what, SLICE("null")))
        return OK;
    if (!slice_equal_nocase(what, SLICE("true")) && !slice_equal_nocase(what, SLICE("false")) &&
        !slice_equal_nocase(what, SLICE("unknown")))
        return fault_set(fault, ERR_INPUT,
                         "\"is\" takes null, true, false or unknown, not \"%.*s\"",
                         SLICE_ARG(query_shown(what)));
    if (node->type.class != VALUE_BOOLEAN)
        return fault_set(fault, ERR_INPUT,
                         "is.%.*s needs a boolean column; \"%.*s\" is %s: is.null can be asked",
                         SLICE_ARG(what), SLICE_ARG(query_shown(node->column)),
                         node->step_count > 0 ? "no boolean" : column->type);
    return OK;
}

/* Patterns and the words of "is" are no values of the column's type. */
static bool op_wants_cast(enum filter_op op)
{
    return op != FILTER_IS && op != FILTER_LIKE && op != FILTER_ILIKE && op != FILTER_MATCH &&
           op != FILTER_IMATCH;
}

static void add_casts(struct query *query, const struct query_node *node,
                      const struct column_shape *column)
{
    const bool is_path_text = node->step_count > 0 && node->type.class == VALUE_STRING;
    const char *cast_type = value_type_cast(node->type, column);

    if (!cast_type || is_path_text || !op_wants_cast(node->op))
        return;
    for (uint32_t i = 0; i < node->value_count; i++) {
        struct query_value *value = &query->values[node->first_value + i];
        struct query_cast *cast = &query->casts[query->cast_count];
        cast->text = mem_text_n(value->text.at, value->text.size);
        cast->cast_type = mem_text(cast_type);
        value->cast = query->cast_count++;
    }
}

static enum status bind_condition(struct query *query, struct query_node *node,
                                  const struct table_shape *shape, struct fault *fault)
{
    const struct column_shape *column = table_shape_find(shape, node->column);
    enum status status = OK;

    if (!column)
        return refuse_column(node, shape, fault);
    node->type = value_type_of(shape, column);
    if (node->step_count > 0)
        status = bind_path(query, node, shape, column, fault);
    if (status == OK && node->op == FILTER_IS)
        status = check_is(query, node, column, fault);
    if (status != OK)
        return status;
    if (!op_fits(node->op, node->type))
        return refuse_op(node,
                         node->step_count == 0              ? column->type
                         : node->type.class == VALUE_STRING ? "text (->>)"
                                                            : column->type,
                         fault);
    CLEANUP(buf_release) struct buf plain = BUF_INIT;
    column_type_plain(slice_text(column->type), &plain);
    node->column_type = mem_text(buf_text(&plain));
    add_casts(query, node, column);
    return OK;
}

static void bound_drop(struct query *query)
{
    for (uint32_t i = 0; i < query->cast_count; i++) {
        mem_free(query->casts[i].text);
        mem_free(query->casts[i].cast_type);
        mem_free(query->casts[i].canonical);
    }
    mem_free(query->casts);
    query->casts = NULL;
    query->cast_count = 0;
    query->is_bound = false;
    for (uint32_t i = 0; i < query->node_count; i++) {
        mem_free(query->nodes[i].column_type);
        query->nodes[i].column_type = NULL;
    }
    for (uint32_t i = 0; i < query->value_count; i++)
        query->values[i].cast = QUERY_NONE;
}

enum status query_bind(struct query *query, const struct table_shape *shape, struct fault *fault)
{
    bound_drop(query);
    query->casts = mem_array(query->value_count + 1U, sizeof *query->casts);
    for (uint32_t i = 0; i < query->node_count; i++) {
        if (query->nodes[i].kind != QUERY_CONDITION)
            continue;
        const enum status status = bind_condition(query, &query->nodes[i], shape, fault);
        if (status != OK) {
            bound_drop(query);
            return status;
        }
    }
    query->is_bound = true;
    return OK;
}
