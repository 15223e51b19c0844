/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"

/*
 * One HTTP/1.1 request head, understood or refused.  No I/O: the caller keeps all bytes of the
 * head in one buffer and asks again, with all of them, whenever more have come.
 *
 *     switch (http_parse(buf_slice(&received), &request, &size, &refusal)) {
 *     case ERR_AGAIN:   read on; the caller's own deadline ends this
 *     case ERR_INPUT:
 *     case ERR_LIMIT:   answer refusal.code with refusal.text and refusal.headers, and close
 *     case OK:          request is valid as long as the buffer; bytes from `size` on are behind it
 *
 * Strict, because a proxy in front of us must never see another request than we do: any doubt
 * about where the head ends or whether a body follows is 400.  No request here has a body, so one
 * is refused, too.  Refused among others: a bare LF or CR, NUL and other control characters, folded
 * lines, space before the colon, no Host or two, any Transfer-Encoding, a Content-Length other
 * than one 0, Expect (417), HTTP/0.9 and 2 (400), other versions (505), TRACE and CONNECT (405),
 * unknown methods (501), a bad or NUL percent-escape, and a target that is not UTF-8 once decoded.
 *
 * After anything but OK nothing of *out counts.
 * The path is as it was sent: neither decoded nor freed of `..` and `//`; it is only compared.
 */
#define HTTP_TARGET_MAX 8192 /* bytes; 414 */
#define HTTP_FIELDS_MAX 8192 /* bytes of all header fields; 431 */
#define HTTP_FIELD_COUNT_MAX 100
#define HTTP_PARAMETER_COUNT_MAX 64
/* No head is larger: a buffer of this size is never asked for more. */
#define HTTP_HEAD_MAX (HTTP_TARGET_MAX + HTTP_FIELDS_MAX + 64)

struct http_field {
    struct slice name, value; /* the value without spaces around it */
};

struct http_request { /* every slice is borrowed from the bytes that were parsed */
    struct slice method;
    struct slice path;  /* "/ws" */
    struct slice query; /* "query=*:orders", without `?`; at is NULL when there is no `?` */
    struct slice host;  /* "example.org:8080"; empty when a 1.0 request has none */
    bool is_http_1_0;
    bool is_head;       /* answer it without a body */
    bool is_keep_alive; /* may another request follow? */
    size_t field_count;
    struct http_field fields[HTTP_FIELD_COUNT_MAX];
};

/* What to answer instead; every text is static. */
struct http_refusal {
    int code;            /* 400, 405, 414, 417, 426, 431, 501 or 505 */
    const char *text;    /* one line for the body, without a line feed */
    const char *headers; /* further header lines, each with CRLF, such as Allow; or "" */
};

MUST_CHECK enum status http_parse(struct slice bytes, struct http_request *out, size_t *out_size,
                                  struct http_refusal *refusal);

/* The first value of that name, in any case; at is NULL when there is none. */
struct slice http_header(const struct http_request *request, const char *name);
/* Every value of that name in turn: start with *cursor = 0; false at the end. */
bool http_header_next(const struct http_request *request, const char *name, size_t *cursor,
                      struct slice *out_value);
size_t http_header_count(const struct http_request *request, const char *name);
/* Is `item` in the comma-separated list(s) of that name, in any case?
 * "Connection: keep-alive, Upgrade" has "upgrade". */
bool http_header_lists(const struct http_request *request, const char *name, const char *item);

/*
 * Does it ask properly for a WebSocket (RFC 6455 section 4.2.1)?  If not, ERR_INPUT with 405 for
 * another method than GET, 426 when it is no upgrade or of another version, 400 for the key.
 * With OK the key is http_header(request, "Sec-WebSocket-Key").
 */
MUST_CHECK enum status http_upgrade_check(const struct http_request *request,
                                          struct http_refusal *refusal);
