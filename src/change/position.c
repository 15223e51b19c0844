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

void lsn_print(struct buf *out, lsn value)
{
    buf_printf(out, LSN_FORMAT, LSN_ARG(value));
}
