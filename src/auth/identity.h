/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "auth/origin.h"
#include "base/bytes.h"

/*
 * Who asks?
 *
 *     a signed SP-CKS cookie that holds    -> IDENTITY_USER, from an allowed origin only
 *     SP-ADM: <admin_secret>               -> IDENTITY_ADMIN, may ask anything
 *     neither                              -> IDENTITY_NOBODY, 401
 *
 * The header is looked at first: a page cannot make a browser send it, so it needs no origin.
 * The secret is compared in constant time.  Any thread; nothing is kept.
 */
#define IDENTITY_ADMIN_SECRET_MIN 32 /* bytes an admin secret must have */

struct identity_config {
    struct slice cookie_secret; /* borrowed; size 0: cookies are not taken */
    struct slice admin_secret;  /* borrowed; size 0: the header is not taken */
    struct origin_rule origins;
};

struct identity_request {
    struct slice admin;          /* value of the SP-ADM field; at == NULL: none */
    const struct slice *cookies; /* values of all Cookie fields */
    size_t cookie_count;
    struct slice origin; /* at == NULL: none */
    struct slice host;
};

enum identity {
    IDENTITY_ADMIN,
    IDENTITY_USER,       /* out_user holds the id */
    IDENTITY_NOBODY,     /* 401 */
    IDENTITY_BAD_COOKIE, /* 400: signed, but it names no user */
    IDENTITY_BAD_ORIGIN, /* 403: a cookie from a page that may not use it */
};

/* The admin header alone, for /metrics and the like. */
bool identity_is_admin(struct slice admin_secret, struct slice given);
enum identity identity_of(const struct identity_config *config,
                          const struct identity_request *request, struct buf *out_user);
/* What to answer: 0 and NULL for those who may go on. */
int identity_http_status(enum identity identity);
const char *identity_text(enum identity identity);
