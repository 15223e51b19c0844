/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/operand.h"

/*
 * One value of a scalar type: read from PostgreSQL's text, compared, and made into a key under
 * which equal values are found together.
 *
 *     VALUE_NUMERIC   "1.50" and "1.5" read to the same digits, so they compare as 0 and have the
 *                     same key
 *
 * Reads only what PostgreSQL prints (sql/sql.h fixes the settings); false for anything else.  No
 * memory is taken: what is read may point into the text.
 */
bool scalar_parse(enum value_class class, struct slice text, struct scalar *out);

/* Negative, 0 or positive; both of this class. */
int scalar_compare(enum value_class class, const struct scalar *a, const struct scalar *b);

/* Appends bytes that are the same for equal values, and only for those. */
void scalar_add_key(enum value_class class, const struct scalar *scalar, struct buf *out);

/* numeric.c */
bool numeric_parse(struct slice text, struct numeric *out);
int numeric_compare(const struct numeric *a, const struct numeric *b);
void numeric_add_key(const struct numeric *number, struct buf *out);

/* datetime.c */
bool date_parse(struct slice text, int64_t *out_days);
bool time_parse(struct slice text, int64_t *out_us);
bool timestamp_parse(struct slice text, int64_t *out_us);
__extension__ typedef __int128 interval_span;
bool interval_parse(struct slice text, interval_span *out_us);
