/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bound query becomes a filter: one block of memory, constants read, patterns compiled.
 *
 * There may be a million filters, so all of one but its regular expressions and trees lies in one
 * allocation, whose size is known beforehand: first what needs alignment, then all texts.
 *
 * The key is the query again, written in one way only, and behind a NUL what it was bound for:
 *
 *     update:orders:total.eq.1e2
 *     update:"public"."orders":"total".eq."100" NUL 2,0,1,0,0;numeric
 *
 * The values are in PostgreSQL's own spelling, so "total.eq.1e2" and "total.eq.100" are one filter.
 */
#include "match/array.h"
#include "match/fold.h"
#include "match/filter.h"
#include "match/jsonb.h"
#include "match/like.h"
#include "match/regex.h"
#include "match/scalar.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#define ALIGNMENT 16

struct compiler {
    const struct query *query;
    struct filter *filter;
    char *at, *end; /* what is left of the filter's block, but for texts */
    char *text, *text_end;
    struct fault *fault;
};

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void *take(struct compiler *compiler, size_t size)
{
    void *memory = compiler->at;

    assert(aligned(size) <= (size_t)(compiler->end - compiler->at));
    compiler->at += aligned(size);
    return memory;
}

static char *take_text(struct compiler *compiler, struct slice text)
{
    char *copy = compiler->text;

    assert(text.size < (size_t)(compiler->text_end - compiler->text));
    if (text.size > 0)
        memcpy(copy, text.at, text.size);
    compiler->text += text.size + 1;
    return copy;
}

/* The text that a value is compared as. */
static struct slice value_text(const struct query *query, const struct query_value *value)
{
    if (value->cast == QUERY_NONE)
        return value->text;
    return slice_text(query->casts[value->cast].canonical);
}

/* ---- the key ---- */

static void add_quoted(struct buf *out, struct slice text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text.at[i]);
    }
    buf_add_char(out, '"');
}

static void text_add_condition(struct buf *out, const struct query *query,
                               const struct query_node *node)
{
    const bool is_list = node->op == FILTER_IN;

    add_quoted(out, node->column);
    for (uint32_t i = 0; i < node->step_count; i++) {
        const struct query_step *step = &query->steps[node->first_step + i];
        buf_add_text(out, step->is_text ? "->>" : "->");
        if (step->is_number)
            buf_add(out, step->key);
        else
            add_quoted(out, step->key);
    }
    buf_printf(out, ".%s.%s", filter_op_text(node->op), is_list ? "(" : "");
    for (uint32_t i = 0; i < node->value_count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        add_quoted(out, value_text(query, &query->values[node->first_value + i]));
    }
    buf_add_text(out, is_list ? ")" : "");
}

static void text_add_node(struct buf *out, const struct query *query, uint32_t at)
{
    const struct query_node *node = &query->nodes[at];
    const char *comma = "";

    buf_add_text(out, node->is_negated ? "not." : "");
    if (node->kind == QUERY_CONDITION) {
        text_add_condition(out, query, node);
        return;
    }
    buf_add_text(out, node->kind == QUERY_AND ? "and(" : "or(");
    for (uint32_t i = node->first_child; i != QUERY_NONE; i = query->nodes[i].next) {
        buf_add_text(out, comma);
        text_add_node(out, query, i);
        comma = ",";
    }
    buf_add_char(out, ')');
}

static void text_add_head(struct buf *out, const struct query *query)
{
    static const char *const words[] = {"insert", "update", "delete", "truncate"};
    const char *comma = "";

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((query->kinds & 1U << i) == 0)
            continue;
        buf_printf(out, "%s%s", comma, words[i]);
        comma = ",";
    }
    buf_add_char(out, ':');
    if (!query->is_any_schema) {
        add_quoted(out, query->schema);
        buf_add_char(out, '.');
    }
    if (query->is_any_table)
        buf_add_char(out, '*');
    else
        add_quoted(out, query->table);
}

/* Returns the size of the text in it. */
static size_t key_build(struct buf *out, const struct query *query)
{
    text_add_head(out, query);
    if (query->node_count > 0) {
        buf_add_char(out, ':');
        text_add_node(out, query, 0);
    }
    const size_t text_size = out->size;
    for (uint32_t i = 0; i < query->node_count; i++) {
        const struct query_node *node = &query->nodes[i];
        if (node->kind != QUERY_CONDITION)
            continue;
        buf_add_char(out, '\0');
        buf_printf(out, "%d,%d,%d,%d,%d;%s", (int)node->type.class, (int)node->type.element,
                   (int)node->type.is_ordered, (int)node->type.is_ascii_case,
                   (int)node->type.is_json, node->column_type);
    }
    return text_size;
}

/* ---- the block ---- */

static size_t aligned_size(const struct query *query)
{
    size_t size = aligned(sizeof(struct filter)) + 2 * aligned(query->node_count * sizeof(char *)) +
                  aligned(query->node_count * sizeof(struct filter_node));

    for (uint32_t i = 0; i < query->node_count; i++)
        size += aligned(query->nodes[i].step_count * sizeof(struct query_step)) +
                aligned(query->nodes[i].value_count * sizeof(struct operand));
    return size;
}

static size_t texts_size(const struct query *query, size_t key_size)
{
    size_t size = key_size + 1 + query->schema.size + 1 + query->table.size + 1;

    for (uint32_t i = 0; i < query->node_count; i++) {
        const struct query_node *node = &query->nodes[i];
        /* A pattern may grow: in lower case a letter may take one byte more. */
        const size_t growth = node->op == FILTER_ILIKE || node->op == FILTER_LIKE ? 2 : 1;
        if (node->kind != QUERY_CONDITION)
            continue;
        size += node->column.size + 1 + strlen(node->column_type) + 1;
        for (uint32_t k = 0; k < node->value_count; k++)
            size += value_text(query, &query->values[node->first_value + k]).size * growth + 1;
    }
    for (uint32_t i = 0; i < query->step_count; i++)
        size += query->steps[i].key.size + 1;
    return size;
}

static uint16_t column_slot(struct compiler *compiler, struct slice name, const char *type)
{
    struct filter *filter = compiler->filter;

    for (uint16_t i = 0; i < filter->column_count; i++) {
        if (slice_is(name, filter->columns[i]))
            return i;
    }
    filter->columns[filter->column_count] = take_text(compiler, name);
    filter->types[filter->column_count] = take_text(compiler, slice_text(type));
    return filter->column_count++;
}

static enum status refuse_value(struct compiler *compiler, struct slice text)
{
    return fault_set(compiler->fault, ERR_INPUT, "the value \"%.*s\" cannot be compared",
                     (int)(text.size < 60 ? text.size : 60), text.at);
}

static enum status operand_pattern(struct compiler *compiler, const struct filter_node *node,
                                   struct slice text, struct operand *out)
{
    CLEANUP(buf_release) struct buf pattern = BUF_INIT;
    CLEANUP(buf_release) struct buf folded = BUF_INIT;
    const enum status status = like_pattern(text, &pattern, compiler->fault);

    if (status != OK)
        return status;
    if (node->op == FILTER_ILIKE)
        fold_add_lower(buf_slice(&pattern), node->type.is_ascii_case, &folded);
    const struct slice all = buf_slice(node->op == FILTER_ILIKE ? &folded : &pattern);
    out->text = take_text(compiler, all);
    out->size = (uint32_t)all.size;
    return OK;
}

static enum status operand_tree(struct compiler *compiler, const struct filter_node *node,
                                struct slice text, struct operand *out)
{
    if (node->type.class == VALUE_ARRAY) {
        struct array *array = mem_new(sizeof *array);
        out->tree = array;
        return array_parse(node->type.element, text, array) ? OK : refuse_value(compiler, text);
    }
    struct jsonb *jsonb = mem_new(sizeof *jsonb);
    out->tree = jsonb;
    return jsonb_parse(text, jsonb) ? OK : refuse_value(compiler, text);
}

static enum status operand_make(struct compiler *compiler, const struct filter_node *node,
                                struct slice text, struct operand *out)
{
    if (node->op == FILTER_LIKE || node->op == FILTER_ILIKE)
        return operand_pattern(compiler, node, text, out);
    out->text = take_text(compiler, text);
    out->size = (uint32_t)text.size;
    if (node->op == FILTER_MATCH || node->op == FILTER_IMATCH)
        return regex_new(text, node->op == FILTER_IMATCH, node->type.is_ascii_case, &out->regex,
                         compiler->fault);
    if (node->op == FILTER_IS)
        return OK;
    const struct slice copy = slice_of(out->text, out->size);
    if (node->type.class == VALUE_ARRAY || node->type.class == VALUE_JSONB)
        return operand_tree(compiler, node, copy, out);
    return scalar_parse(node->type.class, copy, &out->scalar) ? OK : refuse_value(compiler, text);
}

static enum is_what is_what_of(struct slice text)
{
    if (slice_equal_nocase(text, SLICE("true")))
        return IS_TRUE;
    if (slice_equal_nocase(text, SLICE("false")))
        return IS_FALSE;
    return slice_equal_nocase(text, SLICE("unknown")) ? IS_UNKNOWN : IS_NULL;
}

static enum status compile_condition(struct compiler *compiler, const struct query_node *from,
                                     struct filter_node *node)
{
    const struct query *query = compiler->query;

    node->op = from->op;
    node->type = from->type;
    node->slot = column_slot(compiler, from->column, from->column_type);
    if (node->op == FILTER_IS)
        node->is = is_what_of(query->values[from->first_value].text);
    node->steps = take(compiler, from->step_count * sizeof *node->steps);
    for (uint32_t i = 0; i < from->step_count; i++) {
        struct query_step *step = &node->steps[node->step_count++];
        *step = query->steps[from->first_step + i];
        step->key.at = take_text(compiler, step->key);
    }
    node->operands = take(compiler, from->value_count * sizeof *node->operands);
    for (uint32_t i = 0; i < from->value_count; i++) {
        const struct slice text = value_text(query, &query->values[from->first_value + i]);
        const enum status status =
            operand_make(compiler, node, text, &node->operands[node->operand_count++]);
        if (status != OK)
            return status;
    }
    return OK;
}

/* Nodes stand in the same order in the query; what is inside one lies up to its `end`. */
static enum status compile_node(struct compiler *compiler, uint32_t at)
{
    const struct query *query = compiler->query;
    const struct query_node *from = &query->nodes[at];
    struct filter_node *node = &compiler->filter->nodes[at];
    enum status status = OK;

    compiler->filter->node_count = (uint16_t)(at + 1);
    node->kind = from->kind;
    node->is_negated = from->is_negated;
    if (from->kind == QUERY_CONDITION)
        status = compile_condition(compiler, from, node);
    for (uint32_t i = from->first_child; status == OK && i != QUERY_NONE; i = query->nodes[i].next)
        status = compile_node(compiler, i);
    node->end = compiler->filter->node_count;
    return status;
}

enum status query_compile(struct query *query, struct filter **out, struct fault *fault)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    assert(query->is_bound || query->node_count == 0);
    for (uint32_t i = 0; i < query->cast_count; i++) {
        if (!query->casts[i].canonical)
            return fault_set(fault, ERR_INPUT, "the value \"%.60s\" is null as %s",
                             query->casts[i].text, query->casts[i].cast_type);
    }
    const size_t text_size = key_build(&key, query);
    const size_t front = aligned_size(query), size = front + texts_size(query, key.size);
    struct filter *filter = mem_new(size);
    char *block = (char *)filter;
    struct compiler compiler = {query,         filter,        block + aligned(sizeof *filter),
                                block + front, block + front, block + size,
                                fault};

    filter->key = take_text(&compiler, buf_slice(&key));
    filter->key_size = (uint32_t)key.size;
    filter->text_size = (uint32_t)text_size;
    filter->kinds = query->kinds;
    filter->schema = query->is_any_schema ? NULL : take_text(&compiler, query->schema);
    filter->table = query->is_any_table ? NULL : take_text(&compiler, query->table);
    filter->columns = take(&compiler, query->node_count * sizeof *filter->columns);
    filter->types = take(&compiler, query->node_count * sizeof *filter->types);
    filter->nodes = take(&compiler, query->node_count * sizeof *filter->nodes);
    const enum status status = query->node_count > 0 ? compile_node(&compiler, 0) : OK;
    if (status != OK) {
        filter_free(filter);
        return status;
    }
    *out = filter;
    return OK;
}

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    for (uint32_t i = 0; i < filter->node_count; i++) {
        struct filter_node *node = &filter->nodes[i];
        for (uint32_t k = 0; k < node->operand_count; k++) {
            regex_free(node->operands[k].regex);
            if (node->type.class == VALUE_ARRAY)
                array_release(node->operands[k].tree);
            else if (node->operands[k].tree)
                jsonb_release(node->operands[k].tree);
            mem_free(node->operands[k].tree);
        }
    }
    mem_free(filter);
}
