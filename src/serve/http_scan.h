/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "serve/http_parse.h"

/*
 * The first, strict reading of a request head: finds its end, takes the request line apart, and
 * refuses every byte and line form that two parsers could read in two ways.  Fails as early as
 * the bytes allow: a peer that speaks TLS or HTTP/2 is told at once.  For those who read heads.
 */
struct http_scan {
    struct slice head; /* all of it, with the empty line at its end */
    struct slice method, target;
    bool is_http_1_0;
};

MUST_CHECK enum status http_scan(struct slice bytes, struct http_scan *out,
                                 struct http_refusal *refusal);

/* Fills the refusal and returns ERR_LIMIT for 414 and 431, else ERR_INPUT. */
enum status http_refuse(struct http_refusal *refusal, int code, const char *text);
enum status http_refuse_with(struct http_refusal *refusal, int code, const char *text,
                             const char *headers);
/* May it stand in a token (RFC 9110, section 5.6.2)? */
bool http_is_token_char(unsigned char c);
