/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of any length, compared as the digits that PostgreSQL printed.
 *
 *     "-0012.3400"   sign -1, whole "12", fraction "34"
 *
 * Nothing is rounded: a numeric may have 131,072 digits before the point and 16,383 behind it.
 * NaN equals itself and is above everything, as PostgreSQL has it.
 */
#include "match/scalar.h"

enum {
    NUMERIC_NAN = 2,
};

static bool special_parse(struct slice text, struct numeric *out)
{
    static const struct {
        const char *text;
        int8_t special;
    } words[] = {{"NaN", NUMERIC_NAN}, {"Infinity", 1}, {"-Infinity", -1}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_is(text, words[i].text)) {
            *out = (struct numeric){.special = words[i].special};
            return true;
        }
    }
    return false;
}

static struct slice digits(struct slice *rest)
{
    size_t count = 0;

    while (count < rest->size && rest->at[count] >= '0' && rest->at[count] <= '9')
        count++;
    const struct slice all = slice_of(rest->at, count);
    *rest = slice_from(*rest, count);
    return all;
}

bool numeric_parse(struct slice text, struct numeric *out)
{
    if (text.size == 0)
        return false;
    if (special_parse(text, out))
        return true;
    const bool is_negative = text.at[0] == '-';
    struct numeric number = {.sign = is_negative ? -1 : 1};

    if (is_negative)
        text = slice_from(text, 1);
    number.whole = digits(&text);
    if (number.whole.size == 0)
        return false;
    if (text.size > 0 && text.at[0] == '.') {
        text = slice_from(text, 1);
        number.fraction = digits(&text);
    }
    if (text.size > 0)
        return false;
    while (number.whole.size > 0 && number.whole.at[0] == '0')
        number.whole = slice_from(number.whole, 1);
    while (number.fraction.size > 0 && number.fraction.at[number.fraction.size - 1] == '0')
        number.fraction.size--;
    if (number.whole.size == 0 && number.fraction.size == 0)
        number.sign = 0;
    *out = number;
    return true;
}

int numeric_compare(const struct numeric *a, const struct numeric *b)
{
    if (a->special != 0 || b->special != 0)
        return (a->special > b->special) - (a->special < b->special);
    if (a->sign != b->sign)
        return a->sign < b->sign ? -1 : 1;
    int size = (a->whole.size > b->whole.size) - (a->whole.size < b->whole.size);
    if (size == 0)
        size = slice_compare(a->whole, b->whole);
    if (size == 0)
        size = slice_compare(a->fraction, b->fraction);
    return a->sign < 0 ? -size : size;
}

void numeric_add_key(const struct numeric *number, struct buf *out)
{
    if (number->special != 0) {
        buf_add_char(out, (char)('x' + number->special));
        return;
    }
    buf_add_char(out, number->sign < 0 ? '-' : '+');
    buf_add(out, number->whole);
    buf_add_char(out, '.');
    buf_add(out, number->fraction);
}
