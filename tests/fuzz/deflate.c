/* SPDX-License-Identifier: Apache-2.0 */
/* What a client offers and what it compresses.  The first byte chooses: 0 the header that offers,
 * 1 a payload, which inflates to no more than is allowed, else a message, which comes back as it
 * was. */
#include "serve/deflate.h"

#include <stdlib.h>

#include "serve/http_extension.h"
#include "serve/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MAX 5000

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void offer(struct slice header)
{
    CLEANUP(buf_release) struct buf answer = BUF_INIT;
    static struct http_request request;
    struct http_extension extension = {0};
    struct http_refusal refusal = {0};

    request.fields[0] = (struct http_field){SLICE("sec-websocket-extensions"), header};
    request.field_count = 1;
    if (http_extension_choose(&request, &extension, &refusal) != OK) {
        must(refusal.code == 400 && !extension.is_deflate);
        return;
    }
    http_extension_answer(&extension, &answer);
    must((answer.size > 0) == extension.is_deflate);
    must(extension.is_deflate || !extension.has_max_window);
}

static void inflate(struct deflate *deflate, struct slice payload)
{
    const size_t fair = 1024 + 64 * payload.size;
    struct slice message;

    if (deflate_read(deflate, payload, MAX, &message) == OK)
        must(message.size <= MAX && message.size <= fair);
}

static void there_and_back(struct deflate *deflate, struct slice own, struct slice shared)
{
    CLEANUP(buf_release) struct buf payload = BUF_INIT;
    struct slice message;

    deflate_add_stored(&payload, own);
    if (!deflate_add(deflate, &payload, shared))
        return;
    must(payload.size < own.size + deflate_stored_cost(own.size) + shared.size);
    const enum status status =
        deflate_read(deflate, buf_slice(&payload), (size_t)1 << 24, &message);
    must(status == OK || (status == ERR_LIMIT && shared.size > 64 * payload.size));
    if (status == OK) {
        must(message.size == own.size + shared.size);
        must(slice_equal(slice_of(message.at, own.size), own));
        must(slice_equal(slice_from(message, own.size), shared));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct deflate *deflate; /* one for all, as a worker's: nothing may be left behind */
    struct slice rest = slice_of(bytes + 1, size > 0 ? size - 1 : 0);

    if (size == 0)
        return 0;
    if (!deflate)
        deflate = deflate_new();
    if (bytes[0] == 0) {
        offer(rest);
    } else if (bytes[0] == 1) {
        inflate(deflate, rest);
    } else {
        const size_t own = rest.size < bytes[0] ? rest.size : bytes[0];
        there_and_back(deflate, slice_of(rest.at, own), slice_from(rest, own));
    }
    return 0;
}
