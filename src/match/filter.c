/* SPDX-License-Identifier: Apache-2.0 */
#include "match/filter.h"

#include "match/array.h"
#include "match/fold.h"
#include "match/json_text.h"
#include "match/jsonb.h"
#include "match/like.h"
#include "match/regex.h"
#include "match/scalar.h"

/* What one evaluation needs to know. */
struct asking {
    const struct filter *filter;
    const uint32_t *slots;
    const int32_t *places;
    const struct change *change;
};

static enum truth truth_of(bool is_true)
{
    return is_true ? TRUTH_TRUE : TRUTH_FALSE;
}

static struct slice operand_text(const struct operand *operand)
{
    return slice_of(operand->text, operand->size);
}

const struct value *filter_value(const struct change *change, int32_t place)
{
    static const struct value absent = {NULL, 0, VALUE_ABSENT};
    const struct value *row = change->kind == CHANGE_DELETE ? change->old_row : change->new_row;

    if (!row || place < 0)
        return &absent;
    if (row[place].state == VALUE_UNCHANGED && change->old_row)
        row = change->old_row;
    return &row[place];
}

static enum truth compare_scalar(const struct filter_node *node, struct slice text)
{
    struct scalar scalar;

    if (!scalar_parse(node->type.class, text, &scalar))
        return TRUTH_UNKNOWN;
    if (node->op == FILTER_IN) {
        for (uint32_t i = 0; i < node->operand_count; i++) {
            if (scalar_compare(node->type.class, &scalar, &node->operands[i].scalar) == 0)
                return TRUTH_TRUE;
        }
        return TRUTH_FALSE;
    }
    const int order = scalar_compare(node->type.class, &scalar, &node->operands[0].scalar);
    switch (node->op) {
    case FILTER_EQ:
        return truth_of(order == 0);
    case FILTER_NEQ:
    case FILTER_ISDISTINCT:
        return truth_of(order != 0);
    case FILTER_GT:
        return truth_of(order > 0);
    case FILTER_GTE:
        return truth_of(order >= 0);
    case FILTER_LT:
        return truth_of(order < 0);
    case FILTER_LTE:
        return truth_of(order <= 0);
    case FILTER_IN:
    case FILTER_LIKE:
    case FILTER_ILIKE:
    case FILTER_MATCH:
    case FILTER_IMATCH:
    case FILTER_IS:
    case FILTER_CS:
    case FILTER_CD:
        break;
    }
    return TRUTH_UNKNOWN;
}

static bool array_passes(const struct filter_node *node, const struct array *value,
                         const struct array *operand)
{
    if (node->op == FILTER_CS)
        return array_contains(value, operand);
    if (node->op == FILTER_CD)
        return array_contains(operand, value);
    return array_equal(value, operand);
}

static bool jsonb_passes(const struct filter_node *node, const struct jsonb *value,
                         const struct jsonb *operand)
{
    if (node->op == FILTER_CS)
        return jsonb_contains(value, operand);
    if (node->op == FILTER_CD)
        return jsonb_contains(operand, value);
    return jsonb_equal(value, operand);
}

static enum truth tree_result(const struct filter_node *node, bool passes_any)
{
    const bool is_unequal = node->op == FILTER_NEQ || node->op == FILTER_ISDISTINCT;

    return truth_of(passes_any != is_unequal);
}

static enum truth compare_array(const struct filter_node *node, struct slice text)
{
    CLEANUP(array_release) struct array value = {0};
    bool passes = false;

    if (!array_parse(node->type.element, text, &value))
        return TRUTH_UNKNOWN;
    for (uint32_t i = 0; i < node->operand_count && !passes; i++)
        passes = array_passes(node, &value, node->operands[i].tree);
    return tree_result(node, passes);
}

static enum truth compare_jsonb(const struct filter_node *node, struct slice text)
{
    CLEANUP(jsonb_release) struct jsonb value = {0};
    bool passes = false;

    if (!jsonb_parse(text, &value))
        return TRUTH_UNKNOWN;
    for (uint32_t i = 0; i < node->operand_count && !passes; i++)
        passes = jsonb_passes(node, &value, node->operands[i].tree);
    return tree_result(node, passes);
}

static enum truth compare_pattern(const struct filter_node *node, struct slice text)
{
    CLEANUP(buf_release) struct buf folded = BUF_INIT;

    if (node->op == FILTER_MATCH || node->op == FILTER_IMATCH)
        return truth_of(regex_matches(node->operands[0].regex, text));
    if (node->op == FILTER_ILIKE) {
        fold_add_lower(text, node->type.is_ascii_case, &folded);
        text = buf_slice(&folded);
    }
    return truth_of(like_matches(text, operand_text(&node->operands[0])));
}

static enum truth compare_is(const struct filter_node *node, bool is_null, struct slice text)
{
    struct scalar scalar = {0};

    if (node->is == IS_NULL || node->is == IS_UNKNOWN)
        return truth_of(is_null);
    if (is_null)
        return TRUTH_FALSE;
    if (!scalar_parse(VALUE_BOOLEAN, text, &scalar))
        return TRUTH_UNKNOWN;
    return truth_of((scalar.integer != 0) == (node->is == IS_TRUE));
}

static enum truth compare_text(const struct filter_node *node, struct slice text)
{
    if (node->op == FILTER_LIKE || node->op == FILTER_ILIKE || node->op == FILTER_MATCH ||
        node->op == FILTER_IMATCH)
        return compare_pattern(node, text);
    if (node->type.class == VALUE_ARRAY)
        return compare_array(node, text);
    if (node->type.class == VALUE_JSONB)
        return compare_jsonb(node, text);
    return compare_scalar(node, text);
}

static enum truth condition_truth(const struct asking *asking, const struct filter_node *node)
{
    CLEANUP(buf_release) struct buf scratch = BUF_INIT;
    const uint32_t slot = asking->slots ? asking->slots[node->slot] : node->slot;
    const struct value *value = filter_value(asking->change, asking->places[slot]);
    bool is_null = value->state == VALUE_NULL;
    struct slice text = {0};

    if (!is_null && value->state != VALUE_TEXT)
        return TRUTH_UNKNOWN;
    if (!is_null)
        text = value_slice(value);
    if (!is_null && node->step_count > 0) {
        const enum json_found found = json_text_walk(text, node->steps, node->step_count,
                                                     !node->type.is_json, &scratch, &text);
        if (found == JSON_BROKEN)
            return TRUTH_UNKNOWN;
        is_null = found == JSON_FOUND_NOTHING;
    }
    if (node->op == FILTER_IS)
        return compare_is(node, is_null, text);
    if (is_null)
        return node->op == FILTER_ISDISTINCT ? TRUTH_TRUE : TRUTH_UNKNOWN;
    return compare_text(node, text);
}

static enum truth node_truth(const struct asking *asking, uint32_t at);

/* and: false wins over unknown, unknown over true; or: true over unknown, unknown over false. */
static enum truth bracket_truth(const struct asking *asking, uint32_t at)
{
    const struct filter_node *nodes = asking->filter->nodes;
    const enum truth winner = nodes[at].kind == QUERY_AND ? TRUTH_FALSE : TRUTH_TRUE;
    enum truth truth = winner == TRUTH_FALSE ? TRUTH_TRUE : TRUTH_FALSE;

    for (uint32_t i = at + 1; i < nodes[at].end; i = nodes[i].end) {
        const enum truth child = node_truth(asking, i);
        if (child == winner)
            return winner;
        if (child == TRUTH_UNKNOWN)
            truth = TRUTH_UNKNOWN;
    }
    return truth;
}

static enum truth node_truth(const struct asking *asking, uint32_t at)
{
    const struct filter_node *node = &asking->filter->nodes[at];
    const enum truth truth =
        node->kind == QUERY_CONDITION ? condition_truth(asking, node) : bracket_truth(asking, at);

    if (!node->is_negated || truth == TRUTH_UNKNOWN)
        return truth;
    return truth == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static bool kind_is_asked(unsigned kinds, enum change_kind kind)
{
    switch (kind) {
    case CHANGE_INSERT:
        return (kinds & QUERY_INSERT) != 0;
    case CHANGE_UPDATE:
        return (kinds & QUERY_UPDATE) != 0;
    case CHANGE_DELETE:
        return (kinds & QUERY_DELETE) != 0;
    case CHANGE_TRUNCATE:
        return (kinds & QUERY_TRUNCATE) != 0;
    case CHANGE_GAP:
        break;
    }
    return false;
}

bool filter_is_for(const struct filter *filter, const struct change *change)
{
    if (!kind_is_asked(filter->kinds, change->kind) || !change->table)
        return false;
    return (!filter->schema || slice_is(change->table->schema, filter->schema)) &&
           (!filter->table || slice_is(change->table->name, filter->table));
}

bool filter_passes(const struct filter *filter, const uint32_t *slots, const int32_t *places,
                   const struct change *change)
{
    const struct asking asking = {filter, slots, places, change};

    if (!kind_is_asked(filter->kinds, change->kind))
        return false;
    /* A truncation takes away every row, whatever they were. */
    return change->kind == CHANGE_TRUNCATE || filter->node_count == 0 ||
           node_truth(&asking, 0) == TRUTH_TRUE;
}

bool filter_passes_slow(const struct filter *filter, const struct change *change)
{
    int32_t places[QUERY_MAX_NODES];

    if (!filter_is_for(filter, change))
        return false;
    for (uint32_t i = 0; i < filter->column_count; i++)
        places[i] = table_find_column(change->table, slice_text(filter->columns[i]));
    return filter_passes(filter, NULL, places, change);
}
