/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"
#include "base/json_writer.h"
#include "change/table.h"
#include "change/value.h"

/*
 * One value as JSON, by the class of its column: what the plain messages and pgcdc.v1 share.
 * Inline, since it is what encoding a change mostly does.
 */

/* A number that JSON can write: NaN and the infinities end in a letter. */
static inline bool is_finite_number(struct slice text)
{
    return text.size > 0 && text.at[text.size - 1] <= '9';
}

static inline bool is_json_null(const struct column *column, const struct value *value)
{
    return value->state == VALUE_NULL ||
           (column->class == COLUMN_NUMBER && !is_finite_number(value_slice(value)));
}

/* Text of a class, which is not to be written as null. */
static inline void encode_text(struct buf *out, enum column_class class, struct slice text)
{
    switch (class) {
    case COLUMN_NUMBER:
        buf_add(out, text);
        break;
    case COLUMN_BOOLEAN:
        buf_add(out, text.size > 0 && text.at[0] == 't' ? SLICE("true") : SLICE("false"));
        break;
    case COLUMN_BYTEA:
        if (slice_starts(text, SLICE("\\x")))
            text = slice_from(text, 2);
        json_add_string(out, text);
        break;
    case COLUMN_STRING:
        json_add_string(out, text);
        break;
    }
}
