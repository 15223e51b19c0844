/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/map.h"

/*
 * Values as PostgreSQL prints them after it has read them: "01" as integer is "1".
 *
 *     SELECT $1::integer, $2::numeric, ...
 *
 * `$1::integer` gives the parameter that very type, so the type's input function reads it, as it
 * would a literal in WHERE, and its output function prints the result; no cast function is called.
 *
 * What one ask for casts has under way; used by control.c, in its thread.
 */
#define CASTS_IN_QUESTION ((size_t)500) /* columns of one SELECT: PostgreSQL takes 1,664 */

struct cast_item {
    char *text, *type; /* owned */
    char *canonical;   /* owned; NULL: not yet known */
};

struct casts {
    struct cast_item *items; /* owned */
    size_t count;
    size_t from, to;         /* the stretch that is asked now; it was empty at first */
    size_t bad_from, bad_to; /* a bad one is in here, where bad_to > 0 */
};

void casts_release(struct casts *casts);

/* The next question: appends its text, and fills params (room for CASTS_IN_QUESTION; borrowed).
 * Returns how many; 0: all are known. */
size_t casts_ask(struct casts *casts, struct buf *out_text, const char **params);
/* A question was answered well: the i-th value of it. */
void casts_take(struct casts *casts, size_t i, struct slice value);
/* A question was refused. OK: ask again, more narrowly; ERR_INPUT: out_index is the bad one. */
MUST_CHECK enum status casts_narrow(struct casts *casts, size_t *out_index);

/* Is a refusal with this code not a value's fault: resources, shutting down, cancelled, internal?
 */
bool casts_are_not_at_fault(const char *sqlstate);

/*
 * What was cast before, for a minute: at most 10,000 of at most 256 bytes.  Not for dates and
 * times, which know words such as 'now'.
 */
struct cast_cache {
    struct map map; /* "type\0text" -> canonical, owned */
    uint64_t since_ms;
};

void cast_cache_release(struct cast_cache *cache);
/* Fills in what is known, and what needs no cast (text). */
void cast_cache_apply(struct cast_cache *cache, struct casts *casts, uint64_t now_ms);
void cast_cache_store(struct cast_cache *cache, const struct casts *casts);
