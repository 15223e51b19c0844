/* SPDX-License-Identifier: Apache-2.0 */
#include "match/query_lex.h"

#define SHOWN_SIZE 60

struct slice query_shown(struct slice word)
{
    if (word.size <= SHOWN_SIZE)
        return word;
    word.size = SHOWN_SIZE;
    while (word.size > 0 && ((unsigned char)word.at[word.size] & 0xC0U) == 0x80)
        word.size--;
    return word;
}

bool lexer_skip(struct query_lexer *lexer, const char *text)
{
    if (!slice_starts(lexer_rest(lexer), slice_text(text)))
        return false;
    lexer->at += strlen(text);
    return true;
}

struct slice lexer_until(struct query_lexer *lexer, const char *marks)
{
    const char *start = lexer->at;

    while (lexer->at < lexer->end && !strchr(marks, *lexer->at))
        lexer->at++;
    return slice_of(start, (size_t)(lexer->at - start));
}

enum status lexer_quoted(struct query_lexer *lexer, struct slice *out)
{
    const struct slice all = lexer_rest(lexer);
    char *to = lexer->at + 1;
    const char *start = to;

    for (lexer->at++; lexer->at < lexer->end; lexer->at++) {
        char c = *lexer->at;
        if (c == '"') {
            lexer->at++;
            *out = slice_of(start, (size_t)(to - start));
            return OK;
        }
        if (c == '\\' && lexer->at + 1 < lexer->end)
            c = *++lexer->at;
        *to++ = c;
    }
    return fault_set(lexer->fault, ERR_INPUT, "a double quote is not closed: %.*s",
                     SLICE_ARG(query_shown(all)));
}

enum status lexer_word(struct query_lexer *lexer, const char *marks, struct slice *out)
{
    if (lexer_sees(lexer, '"'))
        return lexer_quoted(lexer, out);
    *out = lexer_until(lexer, marks);
    return OK;
}

enum status lexer_balanced(struct query_lexer *lexer, struct slice *out)
{
    const char *start = lexer->at;
    unsigned depth = 0;
    bool is_quoted = false;

    for (; lexer->at < lexer->end; lexer->at++) {
        const char c = *lexer->at;
        if (is_quoted && c == '\\' && lexer->at + 1 < lexer->end)
            lexer->at++;
        else if (c == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && (c == '{' || c == '['))
            depth++;
        else if (!is_quoted && (c == '}' || c == ']') && --depth == 0) {
            lexer->at++;
            *out = slice_of(start, (size_t)(lexer->at - start));
            return OK;
        }
    }
    return fault_set(lexer->fault, ERR_INPUT, "a %c is not closed: %.*s", *start,
                     SLICE_ARG(query_shown(slice_of(start, (size_t)(lexer->end - start)))));
}
