/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates, times and intervals as numbers that compare as PostgreSQL compares them.
 *
 *     date        "2026-01-02"                 days since 0000-03-01, proleptic Gregorian
 *     timestamp   "0044-03-15 12:00:00.5 BC"   microseconds since then
 *     timestamptz "2026-01-02 03:04:05+00"     the same; the offset is taken off
 *     interval    "1 mon -2 days 03:00:00"     microseconds, a month being 30 days, a day 24 hours
 *
 * Reads ISO style only (DateStyle and IntervalStyle are fixed by sql/sql.h).  "infinity" is the
 * largest number, "-infinity" the smallest.
 */
#include "match/scalar.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_SECOND)
#define DAYS_PER_MONTH INT64_C(30)
#define MONTHS_PER_YEAR INT64_C(12)
#define YEAR_MAX 6000000

static bool skip(struct slice *rest, char c)
{
    if (rest->size == 0 || rest->at[0] != c)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

/* Digits, at most nine of them unless they are of the size that a type can have anyway. */
static bool number(struct slice *rest, int64_t *out)
{
    size_t count = 0;
    int64_t value = 0;

    while (count < rest->size && rest->at[count] >= '0' && rest->at[count] <= '9') {
        if (value > INT64_C(10000000000))
            return false;
        value = value * 10 + (rest->at[count] - '0');
        count++;
    }
    *rest = slice_from(*rest, count);
    *out = value;
    return count > 0;
}

/* Days from 0000-03-01 to a day of the proleptic Gregorian calendar (H. Hinnant's algorithm). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t year_of_era = y - era * 400;
    const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
}

static bool cut_bc(struct slice *text)
{
    if (text->size < 3 || memcmp(text->at + text->size - 3, " BC", 3) != 0)
        return false;
    text->size -= 3;
    return true;
}

static bool day(struct slice *rest, bool is_bc, int64_t *out_days)
{
    int64_t year = 0, month = 0, day = 0;

    if (!number(rest, &year) || !skip(rest, '-') || !number(rest, &month) || !skip(rest, '-') ||
        !number(rest, &day))
        return false;
    if (year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *out_days = days_of(is_bc ? 1 - year : year, month, day);
    return true;
}

/* ".5" is 500000 us; nothing is 0. */
static bool fraction(struct slice *rest, int64_t *out_us)
{
    int64_t us = 0, unit = US_PER_SECOND / 10;

    *out_us = 0;
    if (!skip(rest, '.'))
        return true;
    while (rest->size > 0 && rest->at[0] >= '0' && rest->at[0] <= '9') {
        us += (rest->at[0] - '0') * unit;
        unit /= 10;
        *rest = slice_from(*rest, 1);
    }
    *out_us = us;
    return true;
}

/* "03:04:05.678"; the hours of an interval may be many. */
static bool clock(struct slice *rest, int64_t *out_us)
{
    int64_t hours = 0, minutes = 0, seconds = 0, us = 0;

    if (!number(rest, &hours) || !skip(rest, ':') || !number(rest, &minutes) || !skip(rest, ':') ||
        !number(rest, &seconds) || !fraction(rest, &us))
        return false;
    if (hours > INT64_C(2600000000) || minutes > 59 || seconds > 60)
        return false;
    *out_us = ((hours * 60 + minutes) * 60 + seconds) * US_PER_SECOND + us;
    return true;
}

/* "+00", "-03:30": what the clock is ahead of UTC; nothing is 0. */
static bool offset(struct slice *rest, int64_t *out_us)
{
    int64_t hours = 0, minutes = 0, seconds = 0;
    const bool is_behind = rest->size > 0 && rest->at[0] == '-';

    *out_us = 0;
    if (!is_behind && !(rest->size > 0 && rest->at[0] == '+'))
        return true;
    *rest = slice_from(*rest, 1);
    if (!number(rest, &hours) || (skip(rest, ':') && !number(rest, &minutes)) ||
        (skip(rest, ':') && !number(rest, &seconds)) || hours > 24)
        return false;
    const int64_t us = ((hours * 60 + minutes) * 60 + seconds) * US_PER_SECOND;
    *out_us = is_behind ? -us : us;
    return true;
}

static bool infinity(struct slice text, int64_t *out)
{
    if (slice_is(text, "infinity"))
        *out = INT64_MAX;
    else if (slice_is(text, "-infinity"))
        *out = INT64_MIN;
    else
        return false;
    return true;
}

bool date_parse(struct slice text, int64_t *out_days)
{
    if (infinity(text, out_days))
        return true;
    const bool is_bc = cut_bc(&text);
    return day(&text, is_bc, out_days) && text.size == 0;
}

bool time_parse(struct slice text, int64_t *out_us)
{
    return clock(&text, out_us) && text.size == 0;
}

bool timestamp_parse(struct slice text, int64_t *out_us)
{
    int64_t days = 0, us = 0, ahead = 0;

    if (infinity(text, out_us))
        return true;
    const bool is_bc = cut_bc(&text);
    if (!day(&text, is_bc, &days) || !skip(&text, ' ') || !clock(&text, &us) ||
        !offset(&text, &ahead) || text.size > 0)
        return false;
    /* PostgreSQL's epoch keeps its whole range, 4713 BC to 294276 AD, within 64 bits. */
    *out_us = (days - days_of(2000, 1, 1)) * US_PER_DAY + us - ahead;
    return true;
}

static int64_t sign(struct slice *rest)
{
    if (skip(rest, '-'))
        return -1;
    (void)skip(rest, '+');
    return 1;
}

/* "year", "mons", "days": how many days it is; 0 for another word. */
static int64_t unit_days(struct slice *rest)
{
    static const struct {
        const char *word;
        int64_t days;
    } units[] = {
        {"years", MONTHS_PER_YEAR * DAYS_PER_MONTH},
        {"year", MONTHS_PER_YEAR * DAYS_PER_MONTH},
        {"mons", DAYS_PER_MONTH},
        {"mon", DAYS_PER_MONTH},
        {"days", 1},
        {"day", 1},
    };

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (slice_starts(*rest, slice_text(units[i].word))) {
            *rest = slice_from(*rest, strlen(units[i].word));
            return units[i].days;
        }
    }
    return 0;
}

/* One part of an interval: "-1 years" or "-04:05:06.7". */
static bool interval_part(struct slice *rest, interval_span *span)
{
    const int64_t direction = sign(rest);
    struct slice before = *rest;
    int64_t count = 0;

    if (!number(rest, &count))
        return false;
    if (skip(rest, ' ')) {
        const int64_t days = unit_days(rest);
        *span += (interval_span)direction * count * days * US_PER_DAY;
        return days > 0;
    }
    *rest = before;
    if (!clock(rest, &count))
        return false;
    *span += (interval_span)direction * count;
    return true;
}

bool interval_parse(struct slice text, interval_span *out_us)
{
    interval_span span = 0;
    int64_t end = 0;

    /* PostgreSQL 17 and later. */
    if (infinity(text, &end)) {
        *out_us = (interval_span)end << 32;
        return true;
    }
    if (text.size == 0)
        return false;
    do {
        if (!interval_part(&text, &span))
            return false;
    } while (skip(&text, ' '));
    *out_us = span;
    return text.size == 0;
}
