/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"

/*
 * Upper and lower case, one character for one, as PostgreSQL's lower() does with libc: by
 * towlower(3) of a UTF-8 locale, or of ASCII letters alone where the database's or the column's
 * LC_CTYPE is C.  The process's own locale is neither asked nor set.
 */
uint32_t fold_lower(uint32_t c, bool is_ascii);
uint32_t fold_upper(uint32_t c, bool is_ascii);

/* Appends `text` in lower case. */
void fold_add_lower(struct slice text, bool is_ascii, struct buf *out);

/* A class as iswctype(3) knows it: "alpha", "digit", "space", ...; which characters are in it. */
unsigned long fold_class(const char *name);
bool fold_is(uint32_t c, unsigned long class, bool is_ascii);

/* The character at text[*at], which moves behind it.  Of broken UTF-8, single bytes. */
uint32_t fold_next(struct slice text, size_t *at);
void fold_add(struct buf *out, uint32_t c);
