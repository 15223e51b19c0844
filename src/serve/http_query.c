/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_query.h"

#include <stdint.h>

#include "serve/http_scan.h"
#include "serve/utf8.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte at *at, decoded, and moves behind it; -1 for a bad escape. */
static int next_byte(struct slice text, size_t *at)
{
    if (text.at[*at] != '%')
        return (uint8_t)text.at[(*at)++];
    if (text.size - *at < 3)
        return -1;
    const int high = hex(text.at[*at + 1]), low = hex(text.at[*at + 2]);
    *at += 3;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

enum status http_escapes_check(struct slice text, struct http_refusal *refusal)
{
    uint8_t utf8 = UTF8_START;

    for (size_t at = 0; at < text.size;) {
        const int byte = next_byte(text, &at);
        if (byte < 0)
            return http_refuse(refusal, 400, "% must be followed by two hexadecimal digits");
        if (byte == 0)
            return http_refuse(refusal, 400, "the request target holds a NUL (%00)");
        const char c = (char)byte;
        utf8 = utf8_next(utf8, slice_of(&c, 1));
    }
    if (utf8 != UTF8_START)
        return http_refuse(refusal, 400, "the request target is not UTF-8");
    return OK;
}

struct http_query http_query_of(struct slice query)
{
    return (struct http_query){query};
}

static void decode(struct slice text, struct buf *out)
{
    buf_reset(out);
    for (size_t at = 0; at < text.size;) {
        const bool is_plus = text.at[at] == '+';
        const int byte = next_byte(text, &at);
        buf_add_char(out, (char)(is_plus ? ' ' : byte));
    }
}

bool http_query_next(struct http_query *query, struct buf *name, struct buf *value)
{
    struct slice part = {0};

    while (query->rest.at && part.size == 0)
        part = slice_cut(&query->rest, '&');
    if (part.size == 0)
        return false;
    decode(slice_cut(&part, '='), name);
    decode(part, value);
    return true;
}
