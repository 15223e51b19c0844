/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * How values of a type are compared, which is what counts of a type here.
 *
 * numeric(10,2) and a domain over numeric are both VALUE_NUMERIC: 1.0 equals 1.00.  A type that
 * is VALUE_OPAQUE is one of which we cannot say surely what equals what, so no comparison but
 * `is.null` is taken.
 */
enum value_class {
    VALUE_OPAQUE,
    VALUE_INTEGER,
    VALUE_NUMERIC,
    VALUE_FLOAT,  /* real: four bytes */
    VALUE_DOUBLE, /* double precision */
    VALUE_BOOLEAN,
    VALUE_STRING, /* text, varchar, name, "char" */
    VALUE_BPCHAR, /* character(n): trailing blanks do not count */
    VALUE_DATE,
    VALUE_TIME,
    VALUE_TIMESTAMP, /* with or without time zone: always printed in UTC */
    VALUE_INTERVAL,
    VALUE_UUID,
    VALUE_BYTEA,
    VALUE_EXACT, /* enums, inet and such: equal when printed alike, no order known here */
    VALUE_INET,  /* the same; a cast to text adds the /32 that the column does not print */
    VALUE_ARRAY,
    VALUE_JSON, /* only paths into it can be compared */
    VALUE_JSONB,
};

struct value_type {
    enum value_class class;
    enum value_class element; /* of VALUE_ARRAY */
    bool is_ordered;          /* gt, gte, lt, lte are known */
    bool is_ascii_case;       /* ilike and imatch fold a to z only */
    bool is_json;             /* a path into json, whose rules are not all those of jsonb */
};

struct column_shape;
struct table_shape;

struct value_type value_type_of(const struct table_shape *shape, const struct column_shape *column);

/* What a literal is cast to before it is compared; NULL where text is taken as it is. */
const char *value_type_cast(struct value_type type, const struct column_shape *column);
