/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "match/value_type.h"

struct regex;
struct like;

/*
 * The constant side of a condition, read once when the filter is compiled.
 *
 *     total.gt.1.50      text "1.50", scalar: numeric +, "1" "5"
 */
struct numeric {
    struct slice whole, fraction; /* without leading and trailing zeros; borrowed */
    int8_t sign;                  /* -1, 0 for zero, 1 */
    int8_t special;               /* -1 -Infinity, 1 Infinity, 2 NaN; else 0 */
};

/* One value, read.  Slices point into the text that was read. */
struct scalar {
    union {
        int64_t integer; /* integers, boolean, date, time, timestamp */
        double real;
        struct numeric numeric;
        struct slice text;
        __extension__ __int128 span; /* interval, microseconds */
    };
};

struct operand {
    char *text; /* owned; canonical, as PostgreSQL prints it */
    uint32_t size;
    struct scalar scalar;
    void *tree;          /* owned; of arrays and jsonb: see array.h, jsonb.h */
    struct regex *regex; /* owned; of match and imatch */
};
