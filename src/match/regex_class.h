/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

/*
 * [[:alpha:]] and its like as ranges of code points, "\x{41}-\x{5A}...", to stand within a PCRE2
 * bracket.  They are those of libc, as in PostgreSQL, where PCRE2's own follow Unicode's
 * properties.  False for an unknown name.
 */
bool regex_class_add(struct slice name, bool is_ascii, struct buf *out);
/* One character or range of a bracket. */
void regex_range_add(uint32_t first, uint32_t last, struct buf *out);
