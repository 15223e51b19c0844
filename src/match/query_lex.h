/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/query.h"

/*
 * The words of a query, one after the other, for query.c and query_filter.c.
 *
 * Works in the query's own copy of its text: quoted words are unescaped in place ("a\"b" takes
 * more room than a"b), so no word needs memory of its own.
 */
struct query_lexer {
    char *at, *end;
    struct fault *fault; /* may be NULL */
};

/* As much of a word as an error message should show, whole characters only. */
struct slice query_shown(struct slice word);

static inline bool lexer_is_done(const struct query_lexer *lexer)
{
    return lexer->at == lexer->end;
}

static inline bool lexer_sees(const struct query_lexer *lexer, char c)
{
    return lexer->at < lexer->end && *lexer->at == c;
}

static inline struct slice lexer_rest(const struct query_lexer *lexer)
{
    return slice_of(lexer->at, (size_t)(lexer->end - lexer->at));
}

/* Steps over `text` where it comes next. */
bool lexer_skip(struct query_lexer *lexer, const char *text);
/* Everything up to one of `marks` or the end. */
struct slice lexer_until(struct query_lexer *lexer, const char *marks);
/* Behind a double quote: everything up to the closing one, \" and \\ unescaped. */
MUST_CHECK enum status lexer_quoted(struct query_lexer *lexer, struct slice *out);
/* A quoted word, or everything up to one of `marks`. */
MUST_CHECK enum status lexer_word(struct query_lexer *lexer, const char *marks, struct slice *out);
/* {...} or [...] with all that is nested in it, quotes included, as it stands. */
MUST_CHECK enum status lexer_balanced(struct query_lexer *lexer, struct slice *out);

/* query_filter.c: the part behind the second colon; fills nodes, steps and values. */
MUST_CHECK enum status query_parse_filter(struct query *query, struct query_lexer *lexer);
