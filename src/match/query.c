/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query's head: which kinds of change, of which tables.
 *
 *     insert,update:sales.orders:total.gt.100
 *     kinds         schema.table filter, read by query_filter.c
 *
 * Only the first two colons separate, so that a value may hold more of them; a colon or a dot
 * within a name stands in double quotes: "a.b"."c:d".  A bare name means schema public.
 *
 * Always true: an unknown word is an error and never widens what is asked for.  Three messages
 * are those of the server that clients in the wild were written for; they stay as they are.
 */
#include "match/query.h"

#include "base/mem.h"
#include "match/filter.h"
#include "match/query_lex.h"

#define KINDS_WRONG "the change_type params does not match requirements"
#define TABLE_MISSING "the change_table params is not present"

static const struct {
    const char *text;
    unsigned kinds;
} kind_words[] = {
    {"*", QUERY_ROWS},        {"insert", QUERY_INSERT},     {"update", QUERY_UPDATE},
    {"delete", QUERY_DELETE}, {"truncate", QUERY_TRUNCATE},
};

static unsigned kinds_of(struct slice word)
{
    for (size_t i = 0; i < sizeof kind_words / sizeof kind_words[0]; i++) {
        if (slice_is(word, kind_words[i].text))
            return kind_words[i].kinds;
    }
    return 0;
}

static enum status parse_kinds(struct query *query, struct query_lexer *lexer)
{
    struct slice rest = lexer_until(lexer, ":");
    struct slice unknown = {0};

    do {
        const struct slice word = slice_cut(&rest, ',');
        const unsigned kinds = kinds_of(word);
        if (kinds == 0)
            unknown = word.at ? word : SLICE("");
        query->kinds |= kinds;
    } while (rest.at);
    if (query->kinds == 0)
        return fault_set(lexer->fault, ERR_INPUT, KINDS_WRONG);
    if (unknown.at)
        return fault_set(lexer->fault, ERR_INPUT,
                         KINDS_WRONG ": \"%.*s\" is none of *, insert, update, delete, truncate",
                         SLICE_ARG(query_shown(unknown)));
    return OK;
}

/* One name of the table part; is_star where it is an unquoted "*". */
static enum status parse_name(struct query_lexer *lexer, struct slice *out, bool *out_is_star)
{
    const bool is_quoted = lexer_sees(lexer, '"');
    const enum status status = lexer_word(lexer, ".:", out);

    *out_is_star = !is_quoted && status == OK && slice_is(*out, "*");
    if (status == OK && out->size == 0)
        return fault_set(lexer->fault, ERR_INPUT, TABLE_MISSING);
    return status;
}

static enum status parse_table(struct query *query, struct query_lexer *lexer)
{
    const struct slice all = lexer_rest(lexer);
    enum status status = parse_name(lexer, &query->table, &query->is_any_table);

    if (status != OK)
        return status;
    query->schema = SLICE("public");
    query->is_any_schema = query->is_any_table;
    if (lexer_skip(lexer, ".")) {
        query->schema = query->table;
        query->is_any_schema = query->is_any_table;
        status = parse_name(lexer, &query->table, &query->is_any_table);
        if (status != OK)
            return status;
    }
    if (query->is_any_schema && !query->is_any_table)
        return fault_set(lexer->fault, ERR_INPUT,
                         "a table is name, schema.name, schema.* or *, not *.%.*s",
                         SLICE_ARG(query_shown(query->table)));
    if (lexer_is_done(lexer) || lexer_sees(lexer, ':'))
        return OK;
    return fault_set(lexer->fault, ERR_INPUT,
                     "a table is name, schema.name, schema.* or *, a part with . or : in double "
                     "quotes: %.*s",
                     SLICE_ARG(query_shown(all)));
}

static enum status parse_all(struct query *query, struct query_lexer *lexer)
{
    enum status status = parse_kinds(query, lexer);

    if (status != OK)
        return status;
    if (!lexer_skip(lexer, ":") || lexer_is_done(lexer))
        return fault_set(lexer->fault, ERR_INPUT, TABLE_MISSING);
    status = parse_table(query, lexer);
    if (status != OK || lexer_is_done(lexer))
        return status;
    lexer->at++;
    if (query->is_any_table)
        return fault_set(lexer->fault, ERR_INPUT,
                         "a filter needs one table, not *: name its table, or leave out \"%.*s\"",
                         SLICE_ARG(query_shown(lexer_rest(lexer))));
    return query_parse_filter(query, lexer);
}

static enum status parse_text(struct slice text, struct query *out, struct fault *fault)
{
    struct query query = {.words = mem_text_n(text.at ? text.at : "", text.size)};
    struct query_lexer lexer = {query.words, query.words + text.size, fault};
    const enum status status = parse_all(&query, &lexer);
    if (status != OK) {
        query_release(&query);
        return status;
    }
    *out = query;
    return OK;
}

enum status query_parse(struct slice text, struct query *out, struct fault *fault)
{
    if (text.size > QUERY_MAX_SIZE)
        return fault_set(fault, ERR_LIMIT, "the query has %zu bytes, more than %d", text.size,
                         QUERY_MAX_SIZE);
    if (!slice_is_utf8(text) || (text.size > 0 && memchr(text.at, 0, text.size)))
        return fault_set(fault, ERR_INPUT, "the query is not valid UTF-8 text");
    return parse_text(text, out, fault);
}

/* Its text may be longer than the one that the client sent, for all its quotes. */
enum status query_of_filter(const struct filter *filter, struct query *out, struct fault *fault)
{
    return parse_text(filter_text(filter), out, fault);
}

void query_release(struct query *query)
{
    if (!query)
        return;
    for (uint32_t i = 0; i < query->cast_count; i++) {
        mem_free(query->casts[i].text);
        mem_free(query->casts[i].cast_type);
        mem_free(query->casts[i].canonical);
    }
    for (uint32_t i = 0; i < query->node_count; i++)
        mem_free(query->nodes[i].column_type);
    mem_free(query->casts);
    mem_free(query->values);
    mem_free(query->steps);
    mem_free(query->nodes);
    mem_free(query->words);
    *query = (struct query){0};
}

bool query_next_equality(const struct query *query, uint32_t *at, const struct query_node **out)
{
    while (*at < query->node_count) {
        const struct query_node *node = &query->nodes[(*at)++];
        if (node->kind == QUERY_CONDITION && node->is_required && !node->is_negated &&
            node->step_count == 0 && (node->op == FILTER_EQ || node->op == FILTER_IN)) {
            *out = node;
            return true;
        }
    }
    return false;
}
