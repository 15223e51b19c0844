/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "auth/cookie.h"
#include "base/bytes.h"

struct http_request;
struct worker_config;

/*
 * Who a client is, once that has been found out: what decides on every query it asks.
 *
 *     WHO_ANYBODY   may ask anything: authentication is off, or the admin secret was given
 *     WHO_USER      a signed cookie: only what is his (auth/grant.h)
 *     WHO_NOBODY    has not proved anything yet; may only do so (pgcdc.v1's auth)
 */
enum who_kind {
    WHO_NOBODY,
    WHO_USER,
    WHO_ANYBODY,
};

struct who {
    enum who_kind kind;
    char user[COOKIE_USER_MAX + 1]; /* of WHO_USER */
};

/* From a request's header fields.  Returns 0, or the HTTP status to refuse with (401 for nobody)
 * and a static text. */
int who_from_request(const struct worker_config *config, const struct http_request *http,
                     struct who *out, const char **out_text);
/* From a text that is the admin secret or a signed cookie's value.  ERR_DENIED: it is neither. */
MUST_CHECK enum status who_from_token(const struct worker_config *config, struct slice token,
                                      struct who *out);
