/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/*
 * Appends one whole HTTP/1.1 answer:
 *
 *     http_reply(&out, 400, HTTP_TEXT, SLICE("missing the query params"), "", false);
 *
 *     HTTP/1.1 400 Bad Request
 *     Content-Type: text/plain; charset=utf-8
 *     Content-Length: 24
 *     X-Content-Type-Options: nosniff
 *     Connection: close
 *
 *     missing the query params
 *
 * extra_headers are whole lines with CRLF, or "" or NULL; they are ours, never a client's words.
 * A 204 has neither type nor length.
 */
#define HTTP_TEXT "text/plain; charset=utf-8"
#define HTTP_JSON "application/json"

void http_reply(struct buf *out, int code, const char *content_type, struct slice body,
                const char *extra_headers, bool keep_alive);
/* The same without the body itself: the answer to HEAD. */
void http_reply_head(struct buf *out, int code, const char *content_type, struct slice body,
                     const char *extra_headers, bool keep_alive);
/* 101 Switching Protocols; accept from websocket_accept_key; extra_headers as above. */
void http_reply_upgrade(struct buf *out, const char *accept, const char *extra_headers);
/* "Bad Request"; never NULL. */
const char *http_reason(int code);
