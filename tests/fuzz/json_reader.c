/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader on any bytes: it stays within them, ends, and agrees with itself: what can be
 * read token by token can be skipped, and the other way round.  Against a second reader: what
 * jansson accepts, it accepts (jansson stops at a NUL as if the text ended there). */
#include "base/json_reader.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static enum status read_all(struct slice text)
{
    CLEANUP(buf_release) struct buf scratch = BUF_INIT;
    struct json_reader reader;
    struct json_token token;
    enum status status;

    json_reader_init(&reader, text, 64);
    while (!(status = json_next(&reader, &token)) && token.kind != JSON_TOKEN_END) {
        if (token.has_escape && !json_unescape(token.text, &scratch) &&
            scratch.size > token.text.size)
            abort();
        buf_reset(&scratch);
    }
    return status;
}

static enum status skip_all(struct slice text)
{
    struct json_reader reader;
    struct json_token token;

    json_reader_init(&reader, text, 64);
    const enum status status = json_skip(&reader);
    return status ? status : json_next(&reader, &token);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct slice text = slice_of(bytes, size);
    const enum status status = read_all(text);
    json_t *const other =
        json_loadb(text.at, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);

    if (status != skip_all(text))
        abort();
    if (other && !memchr(text.at, 0, size) && status != OK && status != ERR_LIMIT)
        abort();
    json_decref(other);
    return 0;
}
