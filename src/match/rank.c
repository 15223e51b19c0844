/* SPDX-License-Identifier: Apache-2.0 */
#include "match/rank.h"

#include <math.h>

/* A numeric's first digits and the place of its point, which together need 62 bits. */
#define DIGITS 13
#define DIGITS_BITS 44
#define PLACES_BELOW 16384 /* more zeros than can follow a point */

/* The bits of a float order as it does, but for the sign. */
static int64_t rank_real(double real)
{
    int64_t bits;

    if (isnan(real))
        return INT64_MAX;
    memcpy(&bits, &real, sizeof bits);
    return bits >= 0 ? bits : INT64_MIN - bits;
}

/* The first digits as one number, as if zeros followed. */
static int64_t first_digits(struct slice whole, struct slice fraction)
{
    int64_t number = 0;

    for (size_t i = 0; i < DIGITS; i++) {
        char digit = '0';
        if (i < whole.size)
            digit = whole.at[i];
        else if (i - whole.size < fraction.size)
            digit = fraction.at[i - whole.size];
        number = number * 10 + (digit - '0');
    }
    return number;
}

/* 0.0012: no digit before the point, and two zeros behind it: place -2, digits 12. */
static int64_t rank_numeric(const struct numeric *numeric)
{
    struct slice fraction = numeric->fraction;
    int64_t place = (int64_t)numeric->whole.size;

    if (numeric->special != 0)
        return numeric->special < 0 ? INT64_MIN : INT64_MAX - 2 + numeric->special;
    if (numeric->sign == 0)
        return 0;
    while (numeric->whole.size == 0 && fraction.size > 0 && fraction.at[0] == '0') {
        fraction = slice_from(fraction, 1);
        place--;
    }
    return numeric->sign *
           ((place + PLACES_BELOW) << DIGITS_BITS | first_digits(numeric->whole, fraction));
}

/* The first eight bytes as a number, as if zeros followed. */
static int64_t rank_text(struct slice text)
{
    uint64_t number = 0;

    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | (i < text.size ? (unsigned char)text.at[i] : 0U);
    return (int64_t)(number ^ UINT64_C(1) << 63);
}

static int64_t rank_span(interval_span span)
{
    if (span > INT64_MAX)
        return INT64_MAX;
    return span < INT64_MIN ? INT64_MIN : (int64_t)span;
}

int64_t scalar_rank(enum value_class class, const struct scalar *scalar)
{
    switch (class) {
    case VALUE_INTEGER:
    case VALUE_BOOLEAN:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_TIMESTAMP:
        return scalar->integer;
    case VALUE_NUMERIC:
        return rank_numeric(&scalar->numeric);
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        return rank_real(scalar->real);
    case VALUE_INTERVAL:
        return rank_span(scalar->span);
    case VALUE_STRING:
    case VALUE_BPCHAR:
    case VALUE_UUID:
    case VALUE_BYTEA:
    case VALUE_EXACT:
    case VALUE_INET:
        return rank_text(scalar->text);
    case VALUE_OPAQUE:
    case VALUE_ARRAY:
    case VALUE_JSON:
    case VALUE_JSONB:
        break;
    }
    return 0;
}
