/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/*
 * Types as wal2json prints them, made good again.
 *
 * wal2json 2.5 takes format_type()'s text for a JSON string when it begins with a quote and does
 * not end with ], and prints it as it is.  All others it escapes.  So a type's place holds
 *
 *     of the type      format_type()      wal2json prints      JSON?   wal2json_type_text()
 *     integer          integer            "integer"            yes     integer
 *     plain."Kind of"  plain."Kind of"    "plain.\"Kind of\""  yes     plain."Kind of"
 *     "My Type"        "My Type"          "My Type"            yes     "My Type"
 *     "int".kind       "int".kind         "int".kind           no      "int".kind
 *     "quo""te"        "quo""te"          "quo""te"            no      "quo""te"
 *     "a\"             "a\"               "a\"                 no      "a\"
 *     "My Type"[]      "My Type"[]        "\"My Type\"[]"      yes     "My Type"[]
 *
 * and any role that may create a type can make the output invalid.  Nothing but a quoted
 * identifier can stand there bare, so what was meant can be told.  Three names can't be told apart
 * from others and are read as those: a type that itself is named `x[]` or `x.y`, and one named as
 * a built-in type of several words (`"character varying"`).  One that is named as a number type
 * or `"boolean"` is known by its values, which are strings.
 */

/* The bytes of the type that `rest` begins with; 0 if there is none.  What follows it must be in
 * `rest`, too. */
size_t wal2json_type_size(struct slice rest);

/* Appends format_type()'s text for one that wal2json_type_size() measured. */
MUST_CHECK enum status wal2json_type_text(struct slice token, bool value_is_string,
                                          struct buf *out);
