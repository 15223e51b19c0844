/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"

struct http_refusal;

/*
 * The parameters of a query string, in order:
 *
 *     struct http_query query = http_query_of(request.query);
 *     while (http_query_next(&query, &name, &value))      (both reset and filled, decoded)
 *
 * As in HTML forms, and in the original: `+` is a space (a plus is written %2B), empty parts are
 * skipped, and `a` alone has the empty value.  http_parse has checked all escapes, UTF-8 and the
 * number of parameters.
 */
struct http_query {
    struct slice rest;
};

struct http_query http_query_of(struct slice query);
bool http_query_next(struct http_query *query, struct buf *name, struct buf *value);

/* Is every `%` followed by two hexadecimal digits, and the decoded text UTF-8 without NUL?
 * ERR_INPUT with 400 otherwise. */
MUST_CHECK enum status http_escapes_check(struct slice text, struct http_refusal *refusal);
