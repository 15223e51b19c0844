/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * Reads JSON (RFC 8259) token by token, without copies.
 *
 *     {"a": [1.50, "x\n"]}
 *
 *     json_next:  OBJECT   NAME a   ARRAY   NUMBER 1.50   STRING x\n   ARRAY_END   OBJECT_END   END
 *
 * Texts are slices of the input: a number with every digit as it was written, a name or string
 * as it stands between its quotes.  Where has_escape is set, json_unescape() makes the real text;
 * else the slice is that already.
 *
 * The whole document is in one slice, borrowed until the reader is done.  Strict: no comments, no
 * trailing commas, no leading zeros, no control characters in strings, nothing behind the
 * document but white space.  Bytes from 0x80 on pass unchecked: who needs UTF-8 asks
 * slice_is_utf8().  Repeated names are the caller's business.  After a status other than OK the
 * reader stays where it is and says the same again.  No allocation; strings are scanned 16 bytes
 * at a time.
 */
enum json_kind {
    JSON_TOKEN_OBJECT, /* { */
    JSON_TOKEN_OBJECT_END,
    JSON_TOKEN_ARRAY, /* [ */
    JSON_TOKEN_ARRAY_END,
    JSON_TOKEN_NAME, /* of a member; its value is the next token */
    JSON_TOKEN_STRING,
    JSON_TOKEN_NUMBER,
    JSON_TOKEN_TRUE,
    JSON_TOKEN_FALSE,
    JSON_TOKEN_NULL,
    JSON_TOKEN_END, /* the document is complete, and nothing follows it */
};

#define JSON_MAX_DEPTH 512U

struct json_token {
    enum json_kind kind;
    bool has_escape;   /* of a name or a string: a \ is in it */
    struct slice text; /* of a name, a string or a number; else empty */
};

struct json_reader {
    const char *start, *at, *end; /* borrowed */
    const char *why;              /* what is wrong, after ERR_PARSE or ERR_AGAIN: static words */
    uint32_t depth, max_depth;
    uint8_t place;                         /* what may come next */
    uint8_t is_object[JSON_MAX_DEPTH / 8]; /* one bit per open bracket */
};

/* `max_depth`: open brackets at once, at most JSON_MAX_DEPTH. */
void json_reader_init(struct json_reader *reader, struct slice text, uint32_t max_depth);

/* OK; ERR_AGAIN: the text ends within the document; ERR_PARSE: not JSON; ERR_LIMIT: too deep. */
MUST_CHECK enum status json_next(struct json_reader *reader, struct json_token *out_token);

/* The next value, with all that is in it, is passed over. */
MUST_CHECK enum status json_skip(struct json_reader *reader);

/* The input from where the next token begins, behind white space and comma: for those who know
 * what has to stand there.  Empty at the end of the input or after an error. */
struct slice json_rest(struct json_reader *reader);
/* Takes the first `size` bytes of json_rest() for the next value (or, in an object, a member with
 * its value), whatever they are. */
void json_take(struct json_reader *reader, size_t size);
/* Passes over the first `size` bytes of json_rest(), which are known to end with the colon of a
 * member: its value is the next token.  json_enter: they begin with the { of that object. */
void json_jump(struct json_reader *reader, size_t size);
MUST_CHECK enum status json_enter(struct json_reader *reader, size_t size);

/* Appends the text that a raw string stands for.  ERR_PARSE: a lone surrogate or a bad escape;
 * nothing is appended then.  It never grows: `raw.size` bytes of room are always enough. */
MUST_CHECK enum status json_unescape(struct slice raw, struct buf *out);
