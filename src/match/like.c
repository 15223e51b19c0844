/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does this text look like that pattern?
 *
 *     "%b_d"  on  "abcbid":  % takes nothing, "a" is not "b": % takes "a", then "b", "_" = "c",
 *             "d" is not "b": back to %, which takes one more ... "abc", then "bid".
 *
 * Only the last % ever needs to take more, so there is nothing to recurse into; the cost is at
 * most text times pattern, and capped.
 */
#include "match/like.h"

#define STEPS_MAX 100000000U

enum status like_pattern(struct slice text, struct buf *out, struct fault *fault)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];
        if (c == '\\') {
            if (i + 1 == text.size)
                return fault_set(fault, ERR_INPUT,
                                 "a pattern of like must not end with a backslash");
            c = text.at[++i];
            if (c != '*')
                buf_add_char(out, '\\');
            buf_add_char(out, c);
        } else {
            buf_add_char(out, (char)(c == '*' ? '%' : c));
        }
    }
    return OK;
}

static size_t character_size(struct slice text, size_t at)
{
    size_t size = 1;

    while (at + size < text.size && ((unsigned char)text.at[at + size] & 0xC0U) == 0x80)
        size++;
    return size;
}

/* Matches one piece of the pattern other than % at text[*at]; moves both behind what matched. */
static bool piece_matches(struct slice text, size_t *at, struct slice pattern, size_t *piece)
{
    if (*at == text.size)
        return false;
    if (pattern.at[*piece] == '_') {
        *at += character_size(text, *at);
        *piece += 1;
        return true;
    }
    const size_t literal = pattern.at[*piece] == '\\' && *piece + 1 < pattern.size ? 1 : 0;
    if (text.at[*at] != pattern.at[*piece + literal])
        return false;
    *at += 1;
    *piece += 1 + literal;
    return true;
}

bool like_matches(struct slice text, struct slice pattern)
{
    size_t at = 0, piece = 0;
    size_t any_at = 0, any_piece = SIZE_MAX; /* where the last % stands, and what it has taken */

    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        if (piece < pattern.size && pattern.at[piece] == '%') {
            any_piece = ++piece;
            any_at = at;
            if (piece == pattern.size)
                return true;
            continue;
        }
        if (piece == pattern.size && at == text.size)
            return true;
        if (piece < pattern.size && piece_matches(text, &at, pattern, &piece))
            continue;
        if (any_piece == SIZE_MAX || any_at == text.size)
            return false;
        any_at += character_size(text, any_at);
        at = any_at;
        piece = any_piece;
    }
    return false;
}
