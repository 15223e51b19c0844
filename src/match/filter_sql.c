/* SPDX-License-Identifier: Apache-2.0 */
#include "match/filter_sql.h"

#include "match/like.h"
#include "match/query.h"
#include "sql/quote.h"

struct writer {
    struct buf *out;
    const struct query *query;
    struct fault *fault;
};

static const char *const operators[] = {
    [FILTER_EQ] = "=",    [FILTER_NEQ] = "<>",    [FILTER_GT] = ">",
    [FILTER_GTE] = ">=",  [FILTER_LT] = "<",      [FILTER_LTE] = "<=",
    [FILTER_IN] = "IN",   [FILTER_LIKE] = "LIKE", [FILTER_ILIKE] = "ILIKE",
    [FILTER_MATCH] = "~", [FILTER_IMATCH] = "~*", [FILTER_IS] = "IS",
    [FILTER_CS] = "@>",   [FILTER_CD] = "<@",     [FILTER_ISDISTINCT] = "IS DISTINCT FROM",
};

/* "doc"->'a'->-1->>'b': with brackets around it, since comparisons bind as strongly, and around a
 * number, since ->- would be an operator of that name. */
static void add_subject(struct writer *writer, const struct query_node *node)
{
    if (node->step_count > 0)
        buf_add_char(writer->out, '(');
    sql_quote_identifier(writer->out, node->column);
    for (uint32_t i = 0; i < node->step_count; i++) {
        const struct query_step *step = &writer->query->steps[node->first_step + i];
        buf_add_text(writer->out, step->is_text ? " ->> " : " -> ");
        if (step->is_number) {
            buf_printf(writer->out, "(%d)", step->number);
        } else {
            sql_quote_literal(writer->out, step->key);
            buf_add_text(writer->out, "::text");
        }
    }
    if (node->step_count > 0)
        buf_add_char(writer->out, ')');
}

static enum status add_pattern(struct writer *writer, const struct query_node *node,
                               struct slice text)
{
    CLEANUP(buf_release) struct buf pattern = BUF_INIT;

    if (node->op == FILTER_LIKE || node->op == FILTER_ILIKE) {
        const enum status status = like_pattern(text, &pattern, writer->fault);
        if (status != OK)
            return status;
        text = buf_slice(&pattern);
    }
    sql_quote_literal(writer->out, text);
    return OK;
}

/* Without a cast the literal is of unknown type, and takes that of the column. */
static enum status add_value(struct writer *writer, const struct query_node *node,
                             const struct query_value *value)
{
    if (value->cast == QUERY_NONE)
        return add_pattern(writer, node, value->text);

    const struct query_cast *cast = &writer->query->casts[value->cast];
    if (!cast->canonical)
        return fault_set(writer->fault, ERR_INPUT, "the value \"%.60s\" is null as %s", cast->text,
                         cast->cast_type);
    sql_quote_literal(writer->out, slice_text(cast->canonical));
    buf_printf(writer->out, "::%s", cast->cast_type);
    return OK;
}

/* As NullTest of the value itself: a composite one of nothing but NULLs is not NULL here. */
static void add_is(struct writer *writer, const struct query_node *node)
{
    const struct slice what = writer->query->values[node->first_value].text;

    if (slice_equal_nocase(what, SLICE("true")))
        buf_add_text(writer->out, " IS TRUE");
    else if (slice_equal_nocase(what, SLICE("false")))
        buf_add_text(writer->out, " IS FALSE");
    else
        buf_add_text(writer->out, " IS NOT DISTINCT FROM NULL");
}

static enum status add_condition(struct writer *writer, const struct query_node *node)
{
    const bool is_list = node->op == FILTER_IN;

    add_subject(writer, node);
    if (node->op == FILTER_IS) {
        add_is(writer, node);
        return OK;
    }
    buf_printf(writer->out, " %s %s", operators[node->op], is_list ? "(" : "");
    for (uint32_t i = 0; i < node->value_count; i++) {
        const struct query_value *value = &writer->query->values[node->first_value + i];
        buf_add_text(writer->out, i > 0 ? ", " : "");
        const enum status status = add_value(writer, node, value);
        if (status != OK)
            return status;
    }
    buf_add_text(writer->out, is_list ? ")" : "");
    return OK;
}

static enum status add_node(struct writer *writer, const struct query_node *node)
{
    const char *between = "";

    if (node->is_negated)
        buf_add_text(writer->out, "NOT ");
    buf_add_char(writer->out, '(');
    if (node->kind == QUERY_CONDITION) {
        const enum status status = add_condition(writer, node);
        if (status != OK)
            return status;
    }
    for (uint32_t i = node->first_child; i != QUERY_NONE; i = writer->query->nodes[i].next) {
        buf_add_text(writer->out, between);
        const enum status status = add_node(writer, &writer->query->nodes[i]);
        if (status != OK)
            return status;
        between = node->kind == QUERY_AND ? " AND " : " OR ";
    }
    buf_add_char(writer->out, ')');
    return OK;
}

enum status filter_sql(struct buf *out, const struct query *query, struct fault *fault)
{
    struct writer writer = {out, query, fault};
    const size_t before = out->size;

    if (query->node_count == 0)
        return OK;
    const enum status status = add_node(&writer, &query->nodes[0]);
    if (status != OK)
        out->size = before;
    return status;
}
