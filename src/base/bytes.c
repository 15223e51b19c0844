/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

static unsigned char lower(char c)
{
    return (unsigned char)((c >= 'A' && c <= 'Z') ? c + ('a' - 'A') : c);
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    }
    return true;
}

bool slice_starts(struct slice a, struct slice prefix)
{
    return a.size >= prefix.size && slice_equal(slice_of(a.at, prefix.size), prefix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice a)
{
    while (a.size > 0 && is_blank(a.at[0]))
        a = slice_from(a, 1);
    while (a.size > 0 && is_blank(a.at[a.size - 1]))
        a.size--;
    return a;
}

struct slice slice_cut(struct slice *rest, char mark)
{
    const struct slice whole = *rest;
    const char *found = whole.size > 0 ? memchr(whole.at, mark, whole.size) : NULL;

    if (!found) {
        *rest = (struct slice){NULL, 0};
        return whole;
    }
    const size_t before = (size_t)(found - whole.at);
    *rest = slice_from(whole, before + 1);
    return slice_of(whole.at, before);
}

int slice_compare(struct slice a, struct slice b)
{
    const size_t shared = a.size < b.size ? a.size : b.size;
    const int order = shared > 0 ? memcmp(a.at, b.at, shared) : 0;

    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

/* The size of the UTF-8 character at `p`, 0 when it is not one (RFC 3629, section 4). */
static size_t utf8_character_size(const unsigned char *p, size_t left)
{
    size_t size;
    unsigned char low = 0x80, high = 0xBF; /* what the second byte may be */

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        size = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        size = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        size = 4;
    else
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0; /* shorter forms exist */
    else if (p[0] == 0xED)
        high = 0x9F; /* surrogates */
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F; /* beyond U+10FFFF */
    if (left < size || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    }
    return size;
}

bool slice_is_utf8(struct slice a)
{
    const unsigned char *p = (const unsigned char *)a.at;

    for (size_t at = 0; at < a.size;) {
        const size_t size = utf8_character_size(p + at, a.size - at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

enum status slice_to_u64(struct slice a, uint64_t max, uint64_t *out_number)
{
    uint64_t number = 0;

    if (a.size == 0)
        return ERR_INPUT;
    for (size_t i = 0; i < a.size; i++) {
        const char c = a.at[i];
        if (c < '0' || c > '9')
            return ERR_INPUT;
        const uint64_t digit = (uint64_t)(c - '0');
        if (number > (max - digit) / 10 || digit > max)
            return ERR_INPUT;
        number = number * 10 + digit;
    }
    *out_number = number;
    return OK;
}

void buf_release(struct buf *buf)
{
    if (!buf)
        return;
    mem_free(buf->at);
    *buf = BUF_INIT;
}

void buf_reserve(struct buf *buf, size_t more)
{
    if (buf->capacity - buf->size >= more)
        return;

    size_t capacity = buf->capacity ? buf->capacity * 2 : 64;
    if (capacity < buf->size + more)
        capacity = buf->size + more;
    buf->at = mem_resize(buf->at, capacity);
    buf->capacity = capacity;
}

void buf_add_slow(struct buf *buf, const void *bytes, size_t size)
{
    buf_reserve(buf, size);
    memcpy(buf->at + buf->size, bytes, size);
    buf->size += size;
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add_bytes(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    const int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (wanted > 0) {
        buf_reserve(buf, (size_t)wanted + 1);
        (void)vsnprintf(buf->at + buf->size, (size_t)wanted + 1, format, again);
        buf->size += (size_t)wanted;
    }
    va_end(again);
}

const char *buf_text(struct buf *buf)
{
    buf_reserve(buf, 1);
    buf->at[buf->size] = '\0';
    return buf->at;
}

void buf_drop(struct buf *buf, size_t count)
{
    memmove(buf->at, buf->at + count, buf->size - count);
    buf->size -= count;
}
