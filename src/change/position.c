/* SPDX-License-Identifier: Apache-2.0 */
#include "change/position.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static enum status parse_half(struct slice text, uint32_t *out_half)
{
    uint32_t half = 0;

    if (text.size < 1 || text.size > 8)
        return ERR_PARSE;
    for (size_t i = 0; i < text.size; i++) {
        const int digit = hex_digit(text.at[i]);
        if (digit < 0)
            return ERR_PARSE;
        half = half << 4 | (uint32_t)digit;
    }
    *out_half = half;
    return OK;
}

enum status lsn_parse(struct slice text, lsn *out_lsn)
{
    uint32_t high, low;
    struct slice rest = text;
    const struct slice first = slice_cut(&rest, '/');

    if (parse_half(first, &high) != OK || parse_half(rest, &low) != OK)
        return ERR_PARSE;
    *out_lsn = (lsn)high << 32 | low;
    return OK;
}

uint32_t position_check(lsn commit, int64_t commit_time_us)
{
    uint64_t mixed = (commit ^ (uint64_t)commit_time_us * 0x9E3779B97F4A7C15U) + 1;

    /* The finalizer of splitmix64: every bit of the result depends on every bit of both. */
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBU;
    mixed ^= mixed >> 31;
    return (uint32_t)mixed ? (uint32_t)mixed : 1;
}

void lsn_print(struct buf *out, lsn value)
{
    buf_printf(out, LSN_FORMAT, LSN_ARG(value));
}
