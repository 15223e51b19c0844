/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/log.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void must(bool is_done, const char *what)
{
    if (is_done)
        return;
    log_error("OpenSSL cannot compute %s: its installation or its configuration is broken", what);
    abort();
}

void crypto_sha1(struct slice bytes, unsigned char out[CRYPTO_SHA1_SIZE])
{
    must(EVP_Digest(bytes.at, bytes.size, out, NULL, EVP_sha1(), NULL) == 1, "SHA-1");
}

void crypto_sha256(struct slice bytes, unsigned char out[CRYPTO_SHA256_SIZE])
{
    must(EVP_Digest(bytes.at, bytes.size, out, NULL, EVP_sha256(), NULL) == 1, "SHA-256");
}

void crypto_hmac_sha256(struct slice key, struct slice bytes, unsigned char out[CRYPTO_SHA256_SIZE])
{
    static const char nothing[1] = "";

    must(key.size <= INT_MAX, "HMAC-SHA256 with so large a key");
    /* A NULL key would mean "the key of the call before". */
    must(HMAC(EVP_sha256(), key.at ? key.at : nothing, (int)key.size,
              (const unsigned char *)(bytes.at ? bytes.at : nothing), bytes.size, out,
              NULL) != NULL,
         "HMAC-SHA256");
}

void crypto_random(void *out, size_t size)
{
    must(size <= INT_MAX && RAND_bytes(out, (int)size) == 1, "random bytes");
}

void crypto_base64_write(char *out, struct slice bytes)
{
    const unsigned char *in = (const unsigned char *)bytes.at;

    for (size_t left = bytes.size; left > 0;) {
        const size_t taken = left < 3 ? left : 3;
        const uint32_t group = (uint32_t)in[0] << 16 | (taken > 1 ? (uint32_t)in[1] << 8 : 0U) |
                               (taken > 2 ? (uint32_t)in[2] : 0U);
        *out++ = base64_digits[group >> 18];
        *out++ = base64_digits[group >> 12 & 63U];
        *out++ = (char)(taken > 1 ? base64_digits[group >> 6 & 63U] : '=');
        *out++ = (char)(taken > 2 ? base64_digits[group & 63U] : '=');
        in += taken;
        left -= taken;
    }
    *out = '\0';
}

void crypto_base64_add(struct buf *out, struct slice bytes)
{
    const size_t size = CRYPTO_BASE64_SIZE(bytes.size);

    buf_reserve(out, size + 1);
    crypto_base64_write(out->at + out->size, bytes);
    out->size += size;
}

/* The six bits a digit stands for, or -1. */
static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

enum status crypto_base64_read(struct slice text, void *out, size_t room, size_t *out_size)
{
    unsigned char *at = out;
    size_t padding = 0;

    if (text.size % 4 != 0)
        return ERR_INPUT;
    while (padding < 2 && padding < text.size && text.at[text.size - 1 - padding] == '=')
        padding++;
    const size_t size = text.size / 4 * 3 - padding;
    if (size > room)
        return ERR_INPUT;

    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.size - padding; i++) {
        const int value = digit_value(text.at[i]);
        if (value < 0)
            return ERR_INPUT;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *at++ = (unsigned char)(bits >> count);
            bits &= (1U << count) - 1;
        }
    }
    if (bits != 0)
        return ERR_INPUT;
    *out_size = size;
    return OK;
}

void crypto_hex_add(struct buf *out, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.size; i++) {
        const unsigned char c = (unsigned char)bytes.at[i];
        buf_add_char(out, digits[c >> 4]);
        buf_add_char(out, digits[c & 15U]);
    }
}

bool crypto_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || CRYPTO_memcmp(a.at, b.at, a.size) == 0);
}

bool crypto_secret_is(struct slice secret, struct slice given)
{
    unsigned char want[CRYPTO_SHA256_SIZE];
    unsigned char got[CRYPTO_SHA256_SIZE];

    crypto_hmac_sha256(secret, secret, want);
    crypto_hmac_sha256(secret, given, got);
    return CRYPTO_memcmp(want, got, sizeof want) == 0;
}

void crypto_wipe(void *bytes, size_t size)
{
    OPENSSL_cleanse(bytes, size);
}
