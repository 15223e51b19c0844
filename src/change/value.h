/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * One column's value in one row, as the text that PostgreSQL prints, whichever plugin sent it.
 *
 *     integer 5           "5"              boolean true     "t"
 *     numeric 1.50        "1.50"           bytea            "\xdeadbeef"
 *     timestamptz         "2026-01-02 03:04:05.678+00"      jsonb   "{\"a\": [1, 2]}"
 *
 * The session settings behind that text are fixed (sql/sql.h): DateStyle ISO, UTC, and so on.
 * NaN and the infinities are null in wal2json's output, hence VALUE_NULL there.
 */
enum value_state {
    VALUE_ABSENT,    /* not sent: no part of the replica identity, or left out by a column list */
    VALUE_NULL,      /* SQL NULL */
    VALUE_TEXT,      /* `text` holds it */
    VALUE_UNCHANGED, /* a TOASTed value that this update did not touch, so that it was not sent */
};

struct value {
    const char *text; /* borrowed; valid only for VALUE_TEXT; not NUL-terminated */
    uint32_t size;    /* bytes, below 1 GiB */
    enum value_state state;
};

static inline struct slice value_slice(const struct value *value)
{
    return slice_of(value->text, value->size);
}

static inline struct value value_of(struct slice text)
{
    return (struct value){text.at, (uint32_t)text.size, VALUE_TEXT};
}
