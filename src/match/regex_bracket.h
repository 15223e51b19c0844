/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

/*
 * The parts of a regular expression that stand for one character, for regex_translate.c: escapes
 * such as \u00e4 and brackets such as [^a-f[:digit:]\s].
 */
#define REGEX_MAX_DEPTH 200

struct regex_reader {
    struct slice text;
    size_t at;
    bool is_nocase, is_ascii;
    bool uses_word; /* (?&w) was written, and has yet to be defined */
    bool is_atom;   /* what was read last can be repeated */
    size_t depth;
    bool is_constraint[REGEX_MAX_DEPTH]; /* of each open parenthesis: (?= and its like */
    struct buf *out;
    struct fault *fault;
};

/* The byte so many places ahead, NUL behind the end. */
static inline char regex_peek(const struct regex_reader *reader, size_t ahead)
{
    const size_t at = reader->at + ahead;

    return (char)(at < reader->text.size ? reader->text.at[at] : '\0');
}

/* At a backslash: the one character that is meant; moves behind it. */
bool regex_escaped_character(struct regex_reader *reader, uint32_t *out);
/* The ranges of \d, \s or \w; the letter may be a capital. */
void regex_add_shorthand(struct regex_reader *reader, char letter);
/* At a [: translates up to its ].  NULL, or what is wrong. */
const char *regex_bracket(struct regex_reader *reader);
