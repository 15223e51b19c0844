/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/*
 * The type of a column, as a filter remembers what it was bound for.
 *
 *     numeric(10,2)                 numeric
 *     character varying(20)[]       character varying[]
 *     timestamp(3) with time zone   timestamp with time zone
 *     "bit", bit(4)                 bit
 *
 * A modifier changes which values fit a column, but not how they are compared.
 */
void column_type_plain(struct slice type, struct buf *out);

/*
 * Does a filter that was bound for `bound` (plain) compare values of a column that is of type
 * `type` now as WHERE does?  So it does where the plain types are the same, and where the values
 * of one are values of the other and compared alike: between the integers, of numeric with
 * integers, between text and varchar.
 */
bool column_type_suits(const char *bound, struct slice type);
