/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

/*
 * Two ways to hold bytes: a slice is borrowed, a buf is owned and grows.
 *
 *     CLEANUP(buf_release) struct buf line = BUF_INIT;
 *     buf_add_text(&line, "client ");
 *     buf_add(&line, name);                       (a slice)
 *     buf_printf(&line, ": %d", count);
 */
struct slice {
    const char *at; /* not NUL-terminated; may be NULL when size is 0 */
    size_t size;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
/* For printf's "%.*s". */
#define SLICE_ARG(slice) (int)(slice).size, (slice).at

static inline struct slice slice_of(const void *at, size_t size)
{
    return (struct slice){(const char *)at, size};
}

static inline struct slice slice_text(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_text(text));
}

static inline struct slice slice_from(struct slice a, size_t start)
{
    return (struct slice){a.at + start, a.size - start};
}

bool slice_equal_nocase(struct slice a, struct slice b); /* ASCII letters only */
bool slice_starts(struct slice a, struct slice prefix);
struct slice slice_trim(struct slice a); /* without spaces and tabs at both ends */
/* Cuts `rest` at the first `mark`: returns what is before it and moves `rest` behind it.
 * Without a mark, returns all of `rest` and leaves it empty with at == NULL. */
struct slice slice_cut(struct slice *rest, char mark);
/* Orders by bytes, then by size: negative, 0 or positive. */
int slice_compare(struct slice a, struct slice b);
/* All of it valid UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool slice_is_utf8(struct slice a);
/* A decimal number without sign, no more than `max`; ERR_INPUT otherwise. */
MUST_CHECK enum status slice_to_u64(struct slice a, uint64_t max, uint64_t *out_number);

struct buf {
    char *at;        /* owned; not NUL-terminated unless buf_text was called */
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
};

#define BUF_INIT ((struct buf){0})

void buf_release(struct buf *buf);              /* frees and zeroes */
void buf_reserve(struct buf *buf, size_t more); /* room for `more` bytes behind size */
void buf_add_slow(struct buf *buf, const void *bytes, size_t size);
void buf_add_text(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
const char *buf_text(struct buf *buf); /* with a NUL behind it; borrowed until the next change */
void buf_drop(struct buf *buf, size_t count); /* removes the first `count` bytes */

static inline void buf_add_bytes(struct buf *buf, const void *bytes, size_t size)
{
    if (buf->capacity - buf->size < size) {
        buf_add_slow(buf, bytes, size);
        return;
    }
    if (size > 0)
        memcpy(buf->at + buf->size, bytes, size);
    buf->size += size;
}

static inline void buf_add(struct buf *buf, struct slice slice)
{
    buf_add_bytes(buf, slice.at, slice.size);
}

static inline void buf_add_char(struct buf *buf, char c)
{
    buf_add_bytes(buf, &c, 1);
}

static inline void buf_reset(struct buf *buf)
{
    buf->size = 0;
}

static inline struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->at, buf->size};
}
