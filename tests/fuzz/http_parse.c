/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP head on any bytes: it stays within them, every slice of a taken request lies in them,
 * and what is decided of some bytes is not decided otherwise when more have come. */
#include "serve/http_parse.h"

#include <stdlib.h>

#include "serve/http_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static bool is_within(struct slice part, struct slice whole)
{
    return part.size == 0 || (part.at >= whole.at && part.at + part.size <= whole.at + whole.size);
}

static void check_request(const struct http_request *request, struct slice head)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;
    CLEANUP(buf_release) struct buf value = BUF_INIT;
    struct http_query query = http_query_of(request->query);
    struct http_refusal refusal;
    int count = 0;

    must(request->field_count <= HTTP_FIELD_COUNT_MAX);
    for (size_t i = 0; i < request->field_count; i++) {
        must(is_within(request->fields[i].name, head));
        must(is_within(request->fields[i].value, head));
    }
    must(is_within(request->method, head) && is_within(request->query, head));
    must(request->path.size > 0 && request->path.at[0] == '/');
    while (http_query_next(&query, &name, &value)) {
        count++;
        must(slice_is_utf8(buf_slice(&name)) && slice_is_utf8(buf_slice(&value)));
        must(value.size == 0 || !memchr(value.at, '\0', value.size));
    }
    must(count <= HTTP_PARAMETER_COUNT_MAX);
    (void)!http_upgrade_check(request, &refusal);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct slice whole = slice_of(bytes, size);
    struct http_request request, early_request;
    struct http_refusal refusal = {0}, early_refusal = {0};
    size_t head_size = 0, early_size = 0;
    const enum status status = http_parse(whole, &request, &head_size, &refusal);

    if (status == OK) {
        must(head_size <= size && head_size <= HTTP_HEAD_MAX);
        check_request(&request, slice_of(bytes, head_size));
    }
    must(status != ERR_AGAIN || size < HTTP_HEAD_MAX);

    const size_t cut = size > 0 ? bytes[size - 1] * size / 256 : 0;
    const enum status early =
        http_parse(slice_of(bytes, cut), &early_request, &early_size, &early_refusal);
    if (early == OK)
        must(status == OK && early_size == head_size);
    else if (early != ERR_AGAIN)
        must(status == early && refusal.code == early_refusal.code);
    return 0;
}
