/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"

/*
 * The little cryptography there is, by OpenSSL 3: hashes, base64, comparing and making secrets.
 *
 *     unsigned char digest[CRYPTO_SHA1_SIZE];
 *     crypto_sha1(key, digest);
 *     char accept[CRYPTO_BASE64_SIZE(CRYPTO_SHA1_SIZE) + 1];            (28 characters and a NUL)
 *     crypto_base64_write(accept, slice_of(digest, sizeof digest));
 *
 * The hashes and crypto_random cannot fail: an OpenSSL that cannot compute them is a broken
 * installation, and stops the process with a message.  Any thread.
 */
#define CRYPTO_SHA1_SIZE 20
#define CRYPTO_SHA256_SIZE 32
/* Characters of the base64 of `size` bytes, padding included, NUL not included. */
#define CRYPTO_BASE64_SIZE(size) (((size_t)(size) + 2) / 3 * 4)

void crypto_sha1(struct slice bytes, unsigned char out[CRYPTO_SHA1_SIZE]);
void crypto_sha256(struct slice bytes, unsigned char out[CRYPTO_SHA256_SIZE]);
void crypto_hmac_sha256(struct slice key, struct slice bytes,
                        unsigned char out[CRYPTO_SHA256_SIZE]);
void crypto_random(void *out, size_t size); /* fit for secrets */

/* Standard base64 (RFC 4648 section 4), padded.  `_write` ends with a NUL: the room it needs is
 * CRYPTO_BASE64_SIZE(bytes.size) + 1. */
void crypto_base64_add(struct buf *out, struct slice bytes);
void crypto_base64_write(char *out, struct slice bytes);
/* Strict: no spaces, padding required, unused bits zero.  ERR_INPUT: not that, or more than
 * `room` bytes; nothing that counts has been written then. */
MUST_CHECK enum status crypto_base64_read(struct slice text, void *out, size_t room,
                                          size_t *out_size);
void crypto_hex_add(struct buf *out, struct slice bytes); /* lower case */

/* Equal?  Takes the same time wherever the first difference is; the sizes are no secret. */
bool crypto_equal(struct slice a, struct slice b);
/* As crypto_equal for a secret whose size is nobody's business, either. */
bool crypto_secret_is(struct slice secret, struct slice given);
void crypto_wipe(void *bytes, size_t size); /* zeroes, and the compiler may not leave it out */
