/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/identity.h"

#include "auth/cookie.h"
#include "base/crypto.h"

bool identity_is_admin(struct slice admin_secret, struct slice given)
{
    return given.at && admin_secret.size >= IDENTITY_ADMIN_SECRET_MIN &&
           crypto_secret_is(admin_secret, given);
}

enum identity identity_of(const struct identity_config *config,
                          const struct identity_request *request, struct buf *out_user)
{
    CLEANUP(buf_release) struct buf value = BUF_INIT;

    if (identity_is_admin(config->admin_secret, request->admin))
        return IDENTITY_ADMIN;
    if (cookie_verify(config->cookie_secret, SLICE(COOKIE_NAME), request->cookies,
                      request->cookie_count, &value) != OK)
        return IDENTITY_NOBODY;
    if (!origin_is_allowed(&config->origins, request->origin, request->host))
        return IDENTITY_BAD_ORIGIN;
    return cookie_user(buf_slice(&value), out_user) == OK ? IDENTITY_USER : IDENTITY_BAD_COOKIE;
}

int identity_http_status(enum identity identity)
{
    switch (identity) {
    case IDENTITY_ADMIN:
    case IDENTITY_USER:
        return 0;
    case IDENTITY_NOBODY:
        return 401;
    case IDENTITY_BAD_COOKIE:
        return 400;
    case IDENTITY_BAD_ORIGIN:
        return 403;
    }
    return 401;
}

const char *identity_text(enum identity identity)
{
    switch (identity) {
    case IDENTITY_ADMIN:
    case IDENTITY_USER:
        return NULL;
    case IDENTITY_NOBODY:
        return "no `" COOKIE_NAME "` found in cookies";
    case IDENTITY_BAD_COOKIE:
        return "cannot find the user_id inside the cookie";
    case IDENTITY_BAD_ORIGIN:
        return "a page of this origin may not use the cookie: the administrator can add the "
               "origin to allowed_origins";
    }
    return NULL;
}
