/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"
#include "match/query.h"

/*
 * JSON as it stands in a value's text, walked without reading it into memory.  The text comes
 * from PostgreSQL, so it is valid; should it not be, the answers are false.
 */

/* Cuts one value, without the blanks around it, off the front of `rest`. */
bool json_text_cut(struct slice *rest, struct slice *out);
/* Steps over blanks and then `c`. */
bool json_text_skip(struct slice *rest, char c);
/* Appends what a string, given with its quotes, means. */
bool json_text_unescape(struct slice string, struct buf *out);

enum json_found {
    JSON_FOUND,
    JSON_FOUND_NOTHING, /* SQL NULL */
    JSON_BROKEN,
};

/* What a path leads to.  With ->> as its last step, text: a string without its quotes, in `scratch`
 * where it had to be unescaped, and nothing for JSON's null.  `is_jsonb`: a scalar is an array of
 * itself to ->0, as PostgreSQL has it for jsonb and not for json. */
enum json_found json_text_walk(struct slice json, const struct query_step *steps,
                               uint32_t step_count, bool is_jsonb, struct buf *scratch,
                               struct slice *out);
