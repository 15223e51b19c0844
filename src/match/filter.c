/* SPDX-License-Identifier: Apache-2.0 */
#include "match/filter.h"

#include "match/array.h"
#include "match/column_type.h"
#include "match/fold.h"
#include "match/json_text.h"
#include "match/jsonb.h"
#include "match/like.h"
#include "match/regex.h"
#include "match/scalar.h"

/*
 * What a condition may turn out to be, as a set of these bits.  One bit: it is decided.  All: a
 * value is not known here.  They are ordered: "and" takes the least, "or" the greatest.
 */
enum truth {
    TRUTH_FALSE = 1,
    TRUTH_UNKNOWN = 2, /* SQL's, because of a NULL */
    TRUTH_TRUE = 4,
    TRUTH_OPEN = TRUTH_FALSE | TRUTH_UNKNOWN | TRUTH_TRUE,
};

/* What one evaluation needs to know. */
struct asking {
    const struct filter *filter;
    const uint32_t *slots;
    const int32_t *places;
    const struct change *change;
    bool is_of_old; /* the row before the update */
};

static unsigned truth_of(bool is_true)
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

const struct value *filter_old_value(const struct change *change, int32_t place)
{
    static const struct value absent = {NULL, 0, VALUE_ABSENT};

    return change->old_row && place >= 0 ? &change->old_row[place] : &absent;
}

static unsigned compare_scalar(const struct filter_node *node, struct slice text)
{
    struct scalar scalar;

    if (!scalar_parse(node->type.class, text, &scalar))
        return TRUTH_OPEN;
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

static unsigned tree_result(const struct filter_node *node, bool passes_any)
{
    const bool is_unequal = node->op == FILTER_NEQ || node->op == FILTER_ISDISTINCT;

    return truth_of(passes_any != is_unequal);
}

static unsigned compare_array(const struct filter_node *node, struct slice text)
{
    CLEANUP(array_release) struct array value = {0};
    bool passes = false;

    if (!array_parse(node->type.element, text, &value))
        return TRUTH_OPEN;
    for (uint32_t i = 0; i < node->operand_count && !passes; i++)
        passes = array_passes(node, &value, node->operands[i].tree);
    return tree_result(node, passes);
}

static unsigned compare_jsonb(const struct filter_node *node, struct slice text)
{
    CLEANUP(jsonb_release) struct jsonb value = {0};
    bool passes = false;

    if (!jsonb_parse(text, &value))
        return TRUTH_OPEN;
    for (uint32_t i = 0; i < node->operand_count && !passes; i++)
        passes = jsonb_passes(node, &value, node->operands[i].tree);
    return tree_result(node, passes);
}

static unsigned compare_pattern(const struct filter_node *node, struct slice text)
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

static unsigned compare_is(const struct filter_node *node, bool is_null, struct slice text)
{
    struct scalar scalar = {0};

    if (node->is == IS_NULL || node->is == IS_UNKNOWN)
        return truth_of(is_null);
    if (is_null)
        return TRUTH_FALSE;
    if (!scalar_parse(VALUE_BOOLEAN, text, &scalar))
        return TRUTH_OPEN;
    return truth_of((scalar.integer != 0) == (node->is == IS_TRUE));
}

static unsigned compare_text(const struct filter_node *node, struct slice text)
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

static unsigned condition_truth(const struct asking *asking, const struct filter_node *node)
{
    CLEANUP(buf_release) struct buf scratch = BUF_INIT;
    const uint32_t slot = asking->slots ? asking->slots[node->slot] : node->slot;
    const int32_t place = asking->places[slot];
    const struct value *value = asking->is_of_old ? filter_old_value(asking->change, place)
                                                  : filter_value(asking->change, place);
    bool is_null = value->state == VALUE_NULL;
    struct slice text = {0};

    if (!is_null && value->state != VALUE_TEXT)
        return TRUTH_OPEN;
    if (!is_null)
        text = value_slice(value);
    if (!is_null && node->step_count > 0) {
        const enum json_found found = json_text_walk(text, node->steps, node->step_count,
                                                     !node->type.is_json, &scratch, &text);
        if (found == JSON_BROKEN)
            return TRUTH_OPEN;
        is_null = found == JSON_FOUND_NOTHING;
    }
    if (node->op == FILTER_IS)
        return compare_is(node, is_null, text);
    if (is_null)
        return node->op == FILTER_ISDISTINCT ? TRUTH_TRUE : TRUTH_UNKNOWN;
    return compare_text(node, text);
}

static unsigned node_truth(const struct asking *asking, uint32_t at);

static unsigned negated(unsigned truths)
{
    return (truths & TRUTH_UNKNOWN) | (truths & TRUTH_TRUE ? TRUTH_FALSE : 0U) |
           (truths & TRUTH_FALSE ? TRUTH_TRUE : 0U);
}

/* All that the lesser of one of `a` and one of `b` can be. */
static unsigned lesser(unsigned a, unsigned b)
{
    const unsigned is_above_a = a & ~(unsigned)TRUTH_FALSE, is_above_b = b & ~(unsigned)TRUTH_FALSE;
    unsigned out = ((a | b) & TRUTH_FALSE) | (a & b & TRUTH_TRUE);

    if (is_above_a != 0 && is_above_b != 0 && ((a | b) & TRUTH_UNKNOWN) != 0)
        out |= TRUTH_UNKNOWN;
    return out;
}

/* "or" is the negation of "and" over negated parts. */
static unsigned bracket_truth(const struct asking *asking, uint32_t at)
{
    const struct filter_node *nodes = asking->filter->nodes;
    const bool is_or = nodes[at].kind == QUERY_OR;
    unsigned truths = TRUTH_TRUE;

    for (uint32_t i = at + 1; i < nodes[at].end && truths != TRUTH_FALSE; i = nodes[i].end) {
        const unsigned part = node_truth(asking, i);
        truths = lesser(truths, is_or ? negated(part) : part);
    }
    return is_or ? negated(truths) : truths;
}

static unsigned node_truth(const struct asking *asking, uint32_t at)
{
    const struct filter_node *node = &asking->filter->nodes[at];
    const unsigned truths =
        node->kind == QUERY_CONDITION ? condition_truth(asking, node) : bracket_truth(asking, at);

    return node->is_negated ? negated(truths) : truths;
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
    case CHANGE_DROPPED:
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
    const struct asking asking = {filter, slots, places, change, false};

    if (!kind_is_asked(filter->kinds, change->kind))
        return false;
    /* A truncation takes away every row, whatever they were. */
    return change->kind == CHANGE_TRUNCATE || filter->node_count == 0 ||
           node_truth(&asking, 0) == TRUTH_TRUE;
}

/* Without an old row only key columns are known of it, and they are as they were: what they decide
 * of it they decide of the new one. */
static bool has_scope(const struct filter *filter, const struct change *change)
{
    return change->kind == CHANGE_UPDATE && change->old_row && filter->node_count > 0 &&
           kind_is_asked(filter->kinds, change->kind);
}

enum filter_scope filter_scope_of(const struct filter *filter, const uint32_t *slots,
                                  const int32_t *places, const struct change *change)
{
    if (!has_scope(filter, change))
        return filter_passes(filter, slots, places, change) ? SCOPE_WITHIN : SCOPE_OUT;

    struct asking asking = {filter, slots, places, change, false};
    const unsigned now = node_truth(&asking, 0);
    if (now != TRUTH_TRUE && (now & TRUTH_TRUE) != 0)
        return SCOPE_OUT;
    asking.is_of_old = true;
    const unsigned before = node_truth(&asking, 0);
    if (now == TRUTH_TRUE)
        return (before & TRUTH_TRUE) != 0 ? SCOPE_WITHIN : SCOPE_ENTER;
    return before == TRUTH_TRUE ? SCOPE_LEAVE : SCOPE_OUT;
}

/* ---- columns by name ---- */

int32_t filter_place(const struct table *table, const char *column, const char *type)
{
    const int place = table_find_column(table, slice_text(column));

    if (place < 0)
        return PLACE_MISSING;
    return column_type_suits(type, table->columns[place].type) ? place : PLACE_OF_OTHER_TYPE;
}

static void find_places(const struct filter *filter, const struct table *table, int32_t *places)
{
    for (uint32_t i = 0; i < filter->column_count; i++)
        places[i] = filter_place(table, filter->columns[i], filter->types[i]);
}

bool filter_passes_slow(const struct filter *filter, const struct change *change)
{
    int32_t places[QUERY_MAX_NODES];

    if (!filter_is_for(filter, change))
        return false;
    find_places(filter, change->table, places);
    return filter_passes(filter, NULL, places, change);
}

enum filter_scope filter_scope_slow(const struct filter *filter, const struct change *change)
{
    int32_t places[QUERY_MAX_NODES];

    if (!filter_is_for(filter, change))
        return SCOPE_OUT;
    find_places(filter, change->table, places);
    return filter_scope_of(filter, NULL, places, change);
}

enum status filter_check_table(const struct filter *filter, const struct table *table,
                               struct fault *why)
{
    for (uint32_t i = 0; i < filter->column_count; i++) {
        const char *column = filter->columns[i];
        const int32_t place = filter_place(table, column, filter->types[i]);
        if (place == PLACE_MISSING)
            return fault_set(why, ERR_NOT_FOUND, "column \"%s\" is gone", column);
        if (place == PLACE_OF_OTHER_TYPE) {
            const int now = table_find_column(table, slice_text(column));
            return fault_set(why, ERR_NOT_FOUND, "column \"%s\" has become %.*s", column,
                             SLICE_ARG(table->columns[now].type));
        }
    }
    return OK;
}
