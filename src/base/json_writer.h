/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

/*
 * Text into JSON.
 *
 *     json_add_string(&out, SLICE("a \"b\"\n"))     appends     "a \"b\"\n"
 */

/* Appends `text` as a JSON string with quotes (RFC 8259, section 7): ", \ and control characters
 * are escaped (\b \f \n \r \t, else \u00xx), everything else stands as it is. */
void json_add_string(struct buf *out, struct slice text);

/* The same without the quotes around it. */
void json_add_escaped(struct buf *out, struct slice text);
