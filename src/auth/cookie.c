/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/cookie.h"

#include <assert.h>

#include <jansson.h>

#include "base/crypto.h"

#define SIGNATURE_SIZE CRYPTO_BASE64_SIZE(CRYPTO_SHA256_SIZE)
#define VALUE_MAX 4096 /* bytes of a value that is read as JSON */

static bool is_field_text(struct slice field)
{
    for (size_t i = 0; i < field.size; i++) {
        const unsigned char c = (unsigned char)field.at[i];
        if (c != '\t' && (c < 0x20 || c > 0x7E))
            return false;
    }
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decodes `text` over what `out` held; false: the result is not UTF-8. */
static bool decode(struct slice text, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < text.size; i++) {
        const int high = text.at[i] == '%' && i + 2 < text.size ? hex_value(text.at[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text.at[i + 2]) : -1;
        if (low < 0) {
            buf_add_char(out, text.at[i]);
            continue;
        }
        buf_add_char(out, (char)(high << 4 | low));
        i += 2;
    }
    return slice_is_utf8(buf_slice(out));
}

static void sign(struct slice secret, struct slice value, unsigned char out[CRYPTO_SHA256_SIZE])
{
    crypto_hmac_sha256(slice_of(secret.at, COOKIE_KEY_SIZE), value, out);
}

/* Does `text` begin with the signature of its rest? */
static bool is_signed(struct slice secret, struct slice text)
{
    unsigned char given[CRYPTO_SHA256_SIZE];
    unsigned char want[CRYPTO_SHA256_SIZE];
    size_t size = 0;

    if (text.size < SIGNATURE_SIZE)
        return false;
    if (crypto_base64_read(slice_of(text.at, SIGNATURE_SIZE), given, sizeof given, &size) != OK ||
        size != sizeof given)
        return false;
    sign(secret, slice_from(text, SIGNATURE_SIZE), want);
    return crypto_equal(slice_of(given, sizeof given), slice_of(want, sizeof want));
}

/* Looks at `name=value`; a verified cookie of the wanted name is left in `text`. */
static bool verify_one(struct slice secret, struct slice wanted, struct slice pair,
                       struct buf *text)
{
    const struct slice name = slice_cut(&pair, '=');

    if (!pair.at || slice_trim(name).size == 0)
        return false;
    if (!decode(slice_trim(name), text) || !slice_equal(buf_slice(text), wanted))
        return false;
    return decode(slice_trim(pair), text) && is_signed(secret, buf_slice(text));
}

enum status cookie_verify(struct slice secret, struct slice name, const struct slice *fields,
                          size_t count, struct buf *out_value)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const size_t start = out_value->size;
    bool is_found = false;

    if (secret.size < COOKIE_SECRET_MIN)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        struct slice rest = fields[i];
        if (!is_field_text(rest))
            continue;
        while (rest.at) {
            if (!verify_one(secret, name, slice_cut(&rest, ';'), &text))
                continue;
            out_value->size = start;
            buf_add(out_value, slice_from(buf_slice(&text), SIGNATURE_SIZE));
            is_found = true;
        }
    }
    return is_found ? OK : ERR_NOT_FOUND;
}

void cookie_sign(struct slice secret, struct slice value, struct buf *out)
{
    unsigned char signature[CRYPTO_SHA256_SIZE];

    assert(secret.size >= COOKIE_SECRET_MIN);
    sign(secret, value, signature);
    crypto_base64_add(out, slice_of(signature, sizeof signature));
    buf_add(out, value);
}

/* Appends the user id, if the JSON holds a good one. */
static bool read_user(struct slice json, struct buf *out_user)
{
    json_t *const root = json_loadb(json.at, json.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *const member = json_object_get(root, "user_id");
    const struct slice user = slice_of(json_string_value(member), json_string_length(member));
    bool is_good = user.size > 0 && user.size <= COOKIE_USER_MAX;

    for (size_t i = 0; is_good && i < user.size; i++)
        is_good = user.at[i] > 0x20 && user.at[i] < 0x7F;
    if (is_good)
        buf_add(out_user, user);
    json_decref(root);
    return is_good;
}

enum status cookie_user(struct slice value, struct buf *out_user)
{
    CLEANUP(buf_release) struct buf plain = BUF_INIT;

    if (value.size == 0 || value.size > VALUE_MAX)
        return ERR_INPUT;
    if (read_user(value, out_user))
        return OK;

    /* A site that wrote its JSON as a text: {\"user_id\":\"...\"}, or all of it in quotes. */
    if (value.size >= 2 && value.at[0] == '"' && value.at[value.size - 1] == '"')
        value = slice_of(value.at + 1, value.size - 2);
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] == '\\' && i + 1 < value.size && value.at[i + 1] == '"')
            continue;
        buf_add_char(&plain, value.at[i]);
    }
    return read_user(buf_slice(&plain), out_user) ? OK : ERR_INPUT;
}
