/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

/*
 * A PostgreSQL array as a JSON array, by its column's type.
 *
 *     integer[]    {1,2,NULL}               [1,2,null]
 *     text[]       {a,"b \"c\"",""}         ["a","b \"c\"",""]
 *     text[]       [0:1]={a,b}              ["a","b"]              lower bounds are left out
 *     integer[]    {{1,2},{3,4}}            [[1,2],[3,4]]
 *     jsonb[]      {"{\"a\": 1}"}           [{"a": 1}]
 *     box[]        {(1,1),(0,0);...}        ["(1,1),(0,0)",...]    a delimiter of its own
 *
 * What cannot be read as an array is written as a JSON string of the whole text, so that the
 * message around it stays sound.
 */

/* "integer[]", "numeric(10,2)[]"; not "int2vector". */
static inline bool is_array_type(struct slice type)
{
    return type.size > 2 && type.at[type.size - 1] == ']' && type.at[type.size - 2] == '[';
}

void encode_v1_array(struct buf *out, struct slice type, struct slice text);

/* Appends json or jsonb as it is; as a string where a client's parser might choke on it: more
 * than JSON_MAX_DEPTH brackets deep, a lone surrogate (which json, unlike jsonb, lets through). */
void encode_v1_json(struct buf *out, struct slice text);
static inline bool is_json_type(struct slice type)
{
    return slice_is(type, "jsonb") || slice_is(type, "json");
}
