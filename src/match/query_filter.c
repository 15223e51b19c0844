/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query's filter, from text to a tree: PostgREST's logical conditions.
 *
 *     filter    = ["not."] ( bracket | condition )
 *     bracket   = ( "and(" | "or(" ) filter { "," filter } ")"
 *     condition = column { "->" key | "->>" key } "." ["not."] operator "." value
 *
 * Outside brackets a value runs to the end of the text, commas, colons and all (`in` splits it at
 * the commas); within brackets it ends at , or ) unless it is "quoted" or a {list} or [list].
 *
 *     and(a.eq.1,or(b.is.null,c.in.(x,"y,z")))     nodes: and, a, or, b, c
 *
 * Always true: nodes stand in the order they are written, parents before their children.
 */
#include "base/mem.h"
#include "match/query_lex.h"

#define OPERATORS                                                                                  \
    "eq, neq, gt, gte, lt, lte, in, like, ilike, match, imatch, is, isdistinct, cs, cd"

static const char *const op_words[] = {
    [FILTER_EQ] = "eq",
    [FILTER_NEQ] = "neq",
    [FILTER_GT] = "gt",
    [FILTER_GTE] = "gte",
    [FILTER_LT] = "lt",
    [FILTER_LTE] = "lte",
    [FILTER_IN] = "in",
    [FILTER_LIKE] = "like",
    [FILTER_ILIKE] = "ilike",
    [FILTER_MATCH] = "match",
    [FILTER_IMATCH] = "imatch",
    [FILTER_IS] = "is",
    [FILTER_ISDISTINCT] = "isdistinct",
    [FILTER_CS] = "cs",
    [FILTER_CD] = "cd",
};

struct filter_parser {
    struct query *query;
    struct query_lexer *lexer;
    unsigned depth; /* brackets around what is being read */
};

static enum status parse_filter(struct filter_parser *parser, bool is_required, uint32_t *out);

const char *filter_op_text(enum filter_op op)
{
    return op_words[op];
}

static bool op_find(struct slice word, enum filter_op *out)
{
    for (unsigned i = 0; i < sizeof op_words / sizeof op_words[0]; i++) {
        if (slice_is(word, op_words[i])) {
            *out = (enum filter_op)i;
            return true;
        }
    }
    return false;
}

/* What ends an unquoted word here. */
static const char *marks(const struct filter_parser *parser, const char *outside,
                         const char *inside)
{
    return parser->depth > 0 ? inside : outside;
}

static enum status add_node(struct filter_parser *parser, uint32_t *out)
{
    struct query *query = parser->query;

    if (query->node_count == QUERY_MAX_NODES)
        return fault_set(parser->lexer->fault, ERR_LIMIT,
                         "the filter has more than %d conditions and brackets", QUERY_MAX_NODES);
    query->nodes = mem_resize(query->nodes, (query->node_count + 1U) * sizeof *query->nodes);
    query->nodes[query->node_count] =
        (struct query_node){.first_child = QUERY_NONE, .next = QUERY_NONE};
    *out = query->node_count++;
    return OK;
}

static enum status add_value(struct filter_parser *parser, uint32_t node, struct slice text)
{
    struct query *query = parser->query;

    if (query->value_count == QUERY_MAX_VALUES)
        return fault_set(parser->lexer->fault, ERR_LIMIT, "the filter has more than %d values",
                         QUERY_MAX_VALUES);
    if ((query->value_count & (query->value_count - 1U)) == 0)
        query->values =
            mem_resize(query->values, (query->value_count == 0 ? 1U : 2U * query->value_count) *
                                          sizeof *query->values);
    query->values[query->value_count++] = (struct query_value){text, QUERY_NONE};
    query->nodes[node].value_count++;
    return OK;
}

static bool step_is_number(struct slice word, int32_t *out)
{
    const bool is_negative = word.size > 0 && word.at[0] == '-';
    uint64_t number = 0;

    if (slice_to_u64(slice_from(word, is_negative ? 1 : 0), INT32_MAX, &number) != OK)
        return false;
    *out = is_negative ? -(int32_t)number : (int32_t)number;
    return true;
}

/* The name of a column or of a step; it may hold "-", but not "->". */
static enum status parse_name(struct filter_parser *parser, struct slice *out)
{
    struct query_lexer *lexer = parser->lexer;
    const char *start = lexer->at;

    if (lexer_sees(lexer, '"'))
        return lexer_quoted(lexer, out);
    for (;;) {
        (void)lexer_until(lexer, marks(parser, ".-", ".-,()"));
        if (!lexer_sees(lexer, '-') || slice_starts(lexer_rest(lexer), SLICE("->")))
            break;
        lexer->at++;
    }
    *out = slice_of(start, (size_t)(lexer->at - start));
    return OK;
}

/* "->a" and "->>b", behind the column's name. */
static enum status parse_steps(struct filter_parser *parser, uint32_t node)
{
    struct query *query = parser->query;
    struct query_lexer *lexer = parser->lexer;

    query->nodes[node].first_step = query->step_count;
    while (lexer_skip(lexer, "->")) {
        struct query_step step = {.is_text = lexer_skip(lexer, ">")};
        const bool is_quoted = lexer_sees(lexer, '"');
        const enum status status = parse_name(parser, &step.key);

        if (status != OK)
            return status;
        if (step.key.size == 0 && !is_quoted)
            return fault_set(lexer->fault, ERR_INPUT, "a JSON path has an empty step");
        step.is_number = !is_quoted && step_is_number(step.key, &step.number);
        query->steps = mem_resize(query->steps, (query->step_count + 1U) * sizeof *query->steps);
        query->steps[query->step_count++] = step;
        query->nodes[node].step_count++;
    }
    return OK;
}

static enum status parse_list_value(struct filter_parser *parser, uint32_t node,
                                    const char *end_marks)
{
    struct query_lexer *lexer = parser->lexer;
    struct slice value;
    const bool is_quoted = lexer_sees(lexer, '"');
    const enum status status = lexer_word(lexer, end_marks, &value);

    if (status != OK)
        return status;
    if (is_quoted && !lexer_is_done(lexer) && !strchr(end_marks, *lexer->at))
        return fault_set(lexer->fault, ERR_INPUT, "text behind a closing quote: %.*s",
                         SLICE_ARG(query_shown(lexer_rest(lexer))));
    return add_value(parser, node, value);
}

/* in.(a,"b,c"), and outside brackets in.a,b, too. */
static enum status parse_list(struct filter_parser *parser, uint32_t node)
{
    struct query_lexer *lexer = parser->lexer;
    const bool has_parentheses = lexer_skip(lexer, "(");
    const char *end_marks = has_parentheses ? ",)" : marks(parser, ",", ",()");
    const bool is_list = has_parentheses || parser->depth == 0;

    if (has_parentheses ? lexer_sees(lexer, ')') : lexer_is_done(lexer))
        return fault_set(lexer->fault, ERR_INPUT, "\"in\" needs at least one value: in.(a,b)");
    do {
        const enum status status = parse_list_value(parser, node, end_marks);
        if (status != OK)
            return status;
    } while (is_list && lexer_skip(lexer, ","));
    if (has_parentheses && !lexer_skip(lexer, ")"))
        return fault_set(lexer->fault, ERR_INPUT, "the list of \"in\" has no closing )");
    return OK;
}

static enum status parse_value(struct filter_parser *parser, uint32_t node)
{
    struct query_lexer *lexer = parser->lexer;
    const bool is_inside = parser->depth > 0;
    struct slice value;
    enum status status = OK;

    if (lexer_sees(lexer, '"'))
        status = lexer_quoted(lexer, &value);
    else if (is_inside && (lexer_sees(lexer, '{') || lexer_sees(lexer, '[')))
        status = lexer_balanced(lexer, &value);
    else
        value = lexer_until(lexer, is_inside ? ",)" : "");
    return status != OK ? status : add_value(parser, node, value);
}

static enum status parse_operator(struct filter_parser *parser, uint32_t node)
{
    struct query_lexer *lexer = parser->lexer;
    struct query_node *condition = &parser->query->nodes[node];
    struct slice word;

    if (lexer_skip(lexer, "not."))
        condition->is_negated = !condition->is_negated;
    word = lexer_until(lexer, marks(parser, ".", ".,)"));
    if (!op_find(word, &condition->op))
        return fault_set(lexer->fault, ERR_INPUT,
                         "unknown operator \"%.*s\" behind \"%.*s\"; known are " OPERATORS,
                         SLICE_ARG(query_shown(word)), SLICE_ARG(query_shown(condition->column)));
    if (!lexer_skip(lexer, "."))
        return fault_set(lexer->fault, ERR_INPUT,
                         "the condition on \"%.*s\" has no value: column.%s.value",
                         SLICE_ARG(query_shown(condition->column)), filter_op_text(condition->op));
    return OK;
}

static enum status parse_condition(struct filter_parser *parser, uint32_t node)
{
    struct query_lexer *lexer = parser->lexer;
    const struct slice all = lexer_rest(lexer);
    struct slice column;
    enum status status = parse_name(parser, &column);

    if (status != OK)
        return status;
    parser->query->nodes[node].column = column;
    status = parse_steps(parser, node);
    if (status != OK)
        return status;
    if (column.size == 0 || !lexer_skip(lexer, "."))
        return fault_set(lexer->fault, ERR_INPUT,
                         "a condition is column.operator.value, and(..) or or(..), not \"%.*s\"",
                         SLICE_ARG(query_shown(all)));
    status = parse_operator(parser, node);
    if (status != OK)
        return status;
    parser->query->nodes[node].first_value = parser->query->value_count;
    return parser->query->nodes[node].op == FILTER_IN ? parse_list(parser, node)
                                                      : parse_value(parser, node);
}

/* Behind "and(" or "or(": the conditions and the closing bracket. */
static enum status parse_bracket(struct filter_parser *parser, uint32_t node)
{
    const struct query_node self = parser->query->nodes[node];
    const bool is_required = self.is_required && self.kind == QUERY_AND && !self.is_negated;
    uint32_t last = QUERY_NONE;

    if (++parser->depth > QUERY_MAX_DEPTH)
        return fault_set(parser->lexer->fault, ERR_LIMIT,
                         "the filter has more than %d brackets within each other", QUERY_MAX_DEPTH);
    do {
        uint32_t child = QUERY_NONE;
        const enum status status = parse_filter(parser, is_required, &child);
        if (status != OK)
            return status;
        if (last == QUERY_NONE)
            parser->query->nodes[node].first_child = child;
        else
            parser->query->nodes[last].next = child;
        last = child;
    } while (lexer_skip(parser->lexer, ","));
    if (!lexer_skip(parser->lexer, ")"))
        return fault_set(parser->lexer->fault, ERR_INPUT,
                         "a bracket is not closed by ), but \"%.*s\"",
                         SLICE_ARG(query_shown(lexer_rest(parser->lexer))));
    parser->depth--;
    return OK;
}

static enum status parse_filter(struct filter_parser *parser, bool is_required, uint32_t *out)
{
    uint32_t node = 0;
    const enum status status = add_node(parser, &node);

    if (status != OK)
        return status;
    *out = node;
    struct query_node *self = &parser->query->nodes[node];
    self->is_required = is_required;
    self->is_negated = lexer_skip(parser->lexer, "not.");
    if (lexer_skip(parser->lexer, "and("))
        self->kind = QUERY_AND;
    else if (lexer_skip(parser->lexer, "or("))
        self->kind = QUERY_OR;
    else
        return parse_condition(parser, node);
    return parse_bracket(parser, node);
}

enum status query_parse_filter(struct query *query, struct query_lexer *lexer)
{
    struct filter_parser parser = {query, lexer, 0};
    uint32_t root = 0;

    if (lexer_is_done(lexer))
        return fault_set(
            lexer->fault, ERR_INPUT,
            "the filter is empty: write column.operator.value, or leave out its colon");
    const enum status status = parse_filter(&parser, true, &root);
    if (status != OK)
        return status;
    if (!lexer_is_done(lexer))
        return fault_set(lexer->fault, ERR_INPUT, "text behind the end of the filter: %.*s",
                         SLICE_ARG(query_shown(lexer_rest(lexer))));
    return OK;
}
