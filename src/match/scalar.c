/* SPDX-License-Identifier: Apache-2.0 */
#include "match/scalar.h"

#include <math.h>
#include <stdlib.h>

static bool integer_parse(struct slice text, int64_t *out)
{
    const bool is_negative = text.size > 0 && text.at[0] == '-';
    uint64_t number = 0;

    if (slice_to_u64(slice_from(text, is_negative ? 1 : 0),
                     (uint64_t)INT64_MAX + (is_negative ? 1 : 0), &number) != OK)
        return false;
    *out = is_negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

/* strtod is of the "C" locale here: nothing in this program sets another. */
static bool real_parse(struct slice text, bool is_float, double *out)
{
    char copy[512]; /* the longest that PostgreSQL prints has 25 characters */
    char *end = NULL;

    if (text.size == 0 || text.size >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    *out = is_float ? (double)strtof(copy, &end) : strtod(copy, &end);
    if (*out == 0)
        *out = 0; /* -0 equals 0 */
    return end == copy + text.size;
}

/* A column prints t and f; a cast to text prints true and false. */
static bool boolean_parse(struct slice text, int64_t *out)
{
    *out = slice_is(text, "t") || slice_is(text, "true");
    return *out || slice_is(text, "f") || slice_is(text, "false");
}

static struct slice without_blanks_behind(struct slice text)
{
    while (text.size > 0 && text.at[text.size - 1] == ' ')
        text.size--;
    return text;
}

/* "10.0.0.1/32" is what a cast to text makes of a column's "10.0.0.1". */
static struct slice without_host_mask(struct slice text)
{
    const bool is_v6 = text.size > 0 && memchr(text.at, ':', text.size);
    const struct slice mask = is_v6 ? SLICE("/128") : SLICE("/32");

    if (text.size > mask.size && slice_equal(slice_from(text, text.size - mask.size), mask))
        text.size -= mask.size;
    return text;
}

bool scalar_parse(enum value_class class, struct slice text, struct scalar *out)
{
    switch (class) {
    case VALUE_INTEGER:
        return integer_parse(text, &out->integer);
    case VALUE_NUMERIC:
        return numeric_parse(text, &out->numeric);
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        return real_parse(text, class == VALUE_FLOAT, &out->real);
    case VALUE_BOOLEAN:
        return boolean_parse(text, &out->integer);
    case VALUE_BPCHAR:
        out->text = without_blanks_behind(text);
        return true;
    case VALUE_STRING:
    case VALUE_UUID:
    case VALUE_BYTEA:
    case VALUE_EXACT:
        out->text = text;
        return true;
    case VALUE_INET:
        out->text = without_host_mask(text);
        return true;
    case VALUE_DATE:
        return date_parse(text, &out->integer);
    case VALUE_TIME:
        return time_parse(text, &out->integer);
    case VALUE_TIMESTAMP:
        return timestamp_parse(text, &out->integer);
    case VALUE_INTERVAL:
        return interval_parse(text, &out->span);
    case VALUE_OPAQUE:
    case VALUE_ARRAY:
    case VALUE_JSON:
    case VALUE_JSONB:
        break;
    }
    return false;
}

/* NaN equals NaN and is above all other numbers. */
static int real_compare(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

int scalar_compare(enum value_class class, const struct scalar *a, const struct scalar *b)
{
    switch (class) {
    case VALUE_INTEGER:
    case VALUE_BOOLEAN:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_TIMESTAMP:
        return (a->integer > b->integer) - (a->integer < b->integer);
    case VALUE_NUMERIC:
        return numeric_compare(&a->numeric, &b->numeric);
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        return real_compare(a->real, b->real);
    case VALUE_INTERVAL:
        return (a->span > b->span) - (a->span < b->span);
    case VALUE_STRING:
    case VALUE_BPCHAR:
    case VALUE_UUID:
    case VALUE_BYTEA:
    case VALUE_EXACT:
    case VALUE_INET:
        return slice_compare(a->text, b->text);
    case VALUE_OPAQUE:
    case VALUE_ARRAY:
    case VALUE_JSON:
    case VALUE_JSONB:
        break;
    }
    return -1;
}

void scalar_add_key(enum value_class class, const struct scalar *scalar, struct buf *out)
{
    switch (class) {
    case VALUE_INTEGER:
    case VALUE_BOOLEAN:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_TIMESTAMP:
        buf_add_bytes(out, &scalar->integer, sizeof scalar->integer);
        return;
    case VALUE_NUMERIC:
        numeric_add_key(&scalar->numeric, out);
        return;
    case VALUE_FLOAT:
    case VALUE_DOUBLE: {
        const double real = isnan(scalar->real) ? (double)NAN : scalar->real;
        buf_add_bytes(out, &real, sizeof real);
        return;
    }
    case VALUE_INTERVAL:
        buf_add_bytes(out, &scalar->span, sizeof scalar->span);
        return;
    case VALUE_STRING:
    case VALUE_BPCHAR:
    case VALUE_UUID:
    case VALUE_BYTEA:
    case VALUE_EXACT:
    case VALUE_INET:
        buf_add(out, scalar->text);
        return;
    case VALUE_OPAQUE:
    case VALUE_ARRAY:
    case VALUE_JSON:
    case VALUE_JSONB:
        return;
    }
}
