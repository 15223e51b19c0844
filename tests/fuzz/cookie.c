/* SPDX-License-Identifier: Apache-2.0 */
/* Cookie fields, one a line: what verifies is what cookie_sign would have made, and any value that
 * is signed and percent-encoded comes back as it was. */
#include "auth/cookie.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FIELDS_MAX 16

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void read_fields(struct slice bytes)
{
    CLEANUP(buf_release) struct buf value = BUF_INIT;
    CLEANUP(buf_release) struct buf user = BUF_INIT;
    struct slice fields[FIELDS_MAX];
    size_t count = 0;

    while (bytes.at && count < FIELDS_MAX)
        fields[count++] = slice_cut(&bytes, '\n');
    if (cookie_verify(SLICE(SECRET), SLICE(COOKIE_NAME), fields, count, &value) != OK) {
        must(value.size == 0);
        return;
    }
    must(slice_is_utf8(buf_slice(&value)));
    if (cookie_user(buf_slice(&value), &user) == OK)
        must(user.size > 0 && user.size <= COOKIE_USER_MAX);
}

static void sign_and_read(struct slice value)
{
    CLEANUP(buf_release) struct buf cookie = BUF_INIT;
    CLEANUP(buf_release) struct buf field = BUF_INIT;
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    cookie_sign(SLICE(SECRET), value, &cookie);
    buf_add_text(&field, COOKIE_NAME "=");
    for (size_t i = 0; i < cookie.size; i++)
        buf_printf(&field, "%%%02x", (unsigned char)cookie.at[i]);
    const struct slice slice = buf_slice(&field);
    const enum status status = cookie_verify(SLICE(SECRET), SLICE(COOKIE_NAME), &slice, 1, &out);
    must((status == OK) == slice_is_utf8(value));
    must(status != OK || slice_equal(buf_slice(&out), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    CLEANUP(buf_release) struct buf user = BUF_INIT;
    const struct slice input = slice_of(bytes, size);

    read_fields(input);
    sign_and_read(input);
    if (cookie_user(input, &user) == OK)
        must(user.size > 0 && user.size <= COOKIE_USER_MAX);
    else
        must(user.size == 0);
    return 0;
}
