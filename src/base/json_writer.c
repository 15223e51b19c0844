/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most text needs no escape, so it is copied eight bytes at a time, and each eight are looked at
 * as one number: a byte of `marks` has its top bit set where that byte must be escaped.
 *
 *     s a y   " h i " ...        copied as it is up to the first mark,
 *     . . . . X . . X            \" is written for it, and the copy goes on behind it.
 *
 * Cost: a dozen operations for eight bytes where nothing is escaped, and a copy begun anew behind
 * each escape.
 */
#include "base/json_writer.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

enum { ESCAPE_MAX = 6 }; /* bytes of \u001f */

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The lowest mark is exact; above it, a borrow may leave false ones. */
static inline uint64_t marks_of(uint64_t eight)
{
    const uint64_t quotes = eight ^ EACH_BYTE('"'), backslashes = eight ^ EACH_BYTE('\\');
    const uint64_t controls = (eight - EACH_BYTE(0x20)) & ~eight;

    return (((quotes - EACH_BYTE(1)) & ~quotes) | ((backslashes - EACH_BYTE(1)) & ~backslashes) |
            controls) &
           EACH_BYTE(0x80);
}

static inline bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static char *put_escape(char *to, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "--------btn-fr------------------";
    char letter = (char)c;

    if (c < 0x20)
        letter = letters[c];
    *to++ = '\\';
    if (letter != '-') {
        *to++ = letter;
        return to;
    }
    *to++ = 'u';
    *to++ = '0';
    *to++ = '0';
    *to++ = digits[c >> 4];
    *to++ = digits[c & 15];
    return to;
}

/* How many bytes stand before the first that must be escaped; copies them, or up to seven more. */
static inline size_t copy_plain(char *to, const char *from, size_t size)
{
    size_t at = 0;

    for (; size - at >= 8; at += 8) {
        uint64_t eight;

        memcpy(&eight, from + at, 8);
        memcpy(to + at, &eight, 8);
        const uint64_t marks = marks_of(le64toh(eight));
        if (marks != 0)
            return at + (size_t)__builtin_ctzll(marks) / 8;
    }
    for (; at < size; at++) {
        if (needs_escape((unsigned char)from[at]))
            return at;
        to[at] = from[at];
    }
    return at;
}

void json_add_escaped(struct buf *out, struct slice text)
{
    while (text.size > 0) {
        if (out->capacity - out->size < text.size + ESCAPE_MAX)
            buf_reserve(out, text.size + ESCAPE_MAX);

        char *to = out->at + out->size;
        const size_t plain = copy_plain(to, text.at, text.size);
        to += plain;
        if (plain < text.size)
            to = put_escape(to, (unsigned char)text.at[plain]);
        out->size = (size_t)(to - out->at);
        if (plain >= text.size)
            return;
        text = slice_of(text.at + plain + 1, text.size - plain - 1);
    }
}

void json_add_string(struct buf *out, struct slice text)
{
    buf_add_char(out, '"');
    json_add_escaped(out, text);
    buf_add_char(out, '"');
}
