/* SPDX-License-Identifier: Apache-2.0 */
/* A client's message of pgcdc.v1 from any bytes: what is taken holds what the protocol promises,
 * what is refused has a code and words that are UTF-8, and the same bytes say the same twice.
 * They are read as the text of a jsonb array, too: whatever it is, what is written is JSON. */
#include "serve/v1_message.h"

#include <stdlib.h>

#include "base/json_reader.h"
#include "encode/v1_array.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_refusal(const struct v1_refusal *refusal)
{
    if (!refusal->code || refusal->fault.text[0] == '\0' ||
        !slice_is_utf8(slice_text(refusal->fault.text)) || !slice_is_utf8(slice_text(refusal->id)))
        abort();
}

static void check_message(const struct v1_message *message)
{
    const bool has_id = message->kind == V1_SUBSCRIBE || message->kind == V1_UNSUBSCRIBE;

    if (has_id != (message->id != NULL) || (has_id && message->id[0] == '\0') ||
        (message->kind == V1_SUBSCRIBE) != (message->query != NULL) ||
        (message->kind == V1_AUTH) != (message->token != NULL) ||
        (message->select_count > 0) != (message->select != NULL))
        abort();
    for (uint32_t i = 0; i < message->select_count; i++) {
        if (!slice_is_utf8(slice_text(message->select[i])))
            abort();
    }
}

static void check_json(struct slice text)
{
    struct json_reader reader;

    json_reader_init(&reader, text, JSON_MAX_DEPTH);
    if (json_skip(&reader) != OK || json_rest(&reader).size > 0)
        abort();
}

static void check_arrays(struct slice text)
{
    static const char *const types[] = {"integer[]", "boolean[]", "bytea[]",
                                        "text[]",    "json[]",    "box[]"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;

        encode_v1_array(&out, slice_text(types[i]), text);
        /* its own limit of depth, and the array's around it; numbers are taken as they are */
        if (i > 0 && i != 4)
            check_json(buf_slice(&out));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct slice text = slice_of(bytes, size);
    struct v1_message message, again;
    struct v1_refusal refusal;

    check_arrays(text);
    if (v1_message_parse(text, &message, &refusal) != OK) {
        check_refusal(&refusal);
        return 0;
    }
    check_message(&message);
    if (v1_message_parse(text, &again, &refusal) != OK || again.kind != message.kind)
        abort();
    v1_message_release(&again);
    v1_message_release(&message);
    return 0;
}
