/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"

/*
 * Which user does a signed cookie name?
 *
 *     Cookie: theme=dark; SP-CKS=fwgDUpnOKxojztP%2BWe...qrcZg%3D{"user_id":"a0ee..."}
 *                                \__ 44 characters, base64 __/\_______ value _______/
 *
 * The signature is HMAC-SHA256(value) under the first 32 bytes of the secret (which has 64 at
 * least), in standard base64.  Only the value is signed, not the name: whoever holds another
 * cookie signed by the same site can rename it, so what the value says is checked, too.
 *
 * As the original reads them: each Cookie field is skipped if it holds anything but visible
 * ASCII, spaces and tabs; it is split at `;`; name and value are trimmed and percent-decoded
 * (`+` stays `+`, a broken escape stays as it is), skipped if that is not UTF-8.  The last cookie
 * of the name whose signature holds wins.  Any thread; nothing is kept.
 */
#define COOKIE_NAME "SP-CKS"
#define COOKIE_SECRET_MIN 64 /* bytes a secret must have */
#define COOKIE_KEY_SIZE 32   /* bytes of it that sign */
#define COOKIE_USER_MAX 128  /* bytes of a user id */

/* Appends the verified value to `out_value`.  `fields` are the values of all Cookie header
 * fields, in order.  ERR_NOT_FOUND: no cookie of that name whose signature holds. */
MUST_CHECK enum status cookie_verify(struct slice secret, struct slice name,
                                     const struct slice *fields, size_t count,
                                     struct buf *out_value);

/* Appends the user id of a verified value: a JSON object with a text `user_id`, possibly with
 * every quote written as \".  ERR_INPUT: it is not that, or the id is empty, longer than
 * COOKIE_USER_MAX or holds anything but visible ASCII. */
MUST_CHECK enum status cookie_user(struct slice value, struct buf *out_user);

/* Appends signature and value, as the site that signs in would (for tests and tools). */
void cookie_sign(struct slice secret, struct slice value, struct buf *out);
