/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>

#include "base/bytes.h"

/*
 * Messages are written as a text of fields, so that a case is one line:
 *
 *     "B 8:100 8:0 4:7"        a byte B, then numbers as <size>:<value>
 *     "R 4:1 's 't d ..."      '... is a string with its NUL, a lone letter is a byte
 *     "t=abc"                  a value: t, its length and its bytes
 */
static inline void add_number(struct buf *out, unsigned size, uint64_t value)
{
    for (unsigned i = size; i-- > 0;)
        buf_add_char(out, (char)(value >> (8 * i)));
}

static inline void add_field(struct buf *out, struct slice field)
{
    if (field.at[0] == '\'') {
        buf_add_bytes(out, field.at + 1, field.size - 1);
        buf_add_char(out, '\0');
    } else if (field.size >= 2 && field.at[1] == '=') {
        buf_add_char(out, field.at[0]);
        add_number(out, 4, field.size - 2);
        buf_add_bytes(out, field.at + 2, field.size - 2);
    } else if (field.size > 2 && field.at[1] == ':') {
        add_number(out, (unsigned)(field.at[0] - '0'), strtoull(field.at + 2, NULL, 0));
    } else {
        buf_add(out, field);
    }
}

static inline void add_message(struct buf *out, const char *text)
{
    struct slice fields = slice_text(text);

    while (fields.size > 0) {
        const struct slice field = slice_cut(&fields, ' ');
        if (field.size > 0)
            add_field(out, field);
    }
}
