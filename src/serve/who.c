/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/who.h"

#include "auth/identity.h"
#include "serve/http_parse.h"
#include "serve/worker.h"

#define MAX_COOKIE_FIELDS 16

static void take_identity(enum identity identity, const struct buf *user, struct who *out)
{
    *out = (struct who){WHO_NOBODY, ""};
    if (identity == IDENTITY_ADMIN)
        out->kind = WHO_ANYBODY;
    if (identity != IDENTITY_USER || user->size > COOKIE_USER_MAX)
        return;
    out->kind = WHO_USER;
    memcpy(out->user, user->at, user->size);
}

/* The one Origin field, or none; false: there are several. */
static bool find_origin(const struct http_request *http, struct slice *out)
{
    size_t cursor = 0;
    struct slice another;

    *out = (struct slice){NULL, 0};
    return !http_header_next(http, "Origin", &cursor, out) ||
           !http_header_next(http, "Origin", &cursor, &another);
}

int who_from_request(const struct worker_config *config, const struct http_request *http,
                     struct who *out, const char **out_text)
{
    CLEANUP(buf_release) struct buf user = BUF_INIT;
    struct slice cookies[MAX_COOKIE_FIELDS];
    struct identity_request request = {
        .admin = http_header(http, "SP-ADM"), .cookies = cookies, .host = http->host};
    size_t cursor = 0;

    *out = (struct who){WHO_NOBODY, ""};
    *out_text = "more than one Origin";
    if (!find_origin(http, &request.origin))
        return 400;
    if (!config->is_auth_on) {
        const struct origin_rule *rule = &config->identity.origins;
        out->kind = WHO_ANYBODY;
        *out_text = "this origin is not among allowed_origins";
        return rule->count == 0 || origin_is_allowed(rule, request.origin, http->host) ? 0 : 403;
    }
    while (request.cookie_count < MAX_COOKIE_FIELDS &&
           http_header_next(http, "Cookie", &cursor, &cookies[request.cookie_count]))
        request.cookie_count++;
    const enum identity identity = identity_of(&config->identity, &request, &user);
    take_identity(identity, &user, out);
    *out_text = identity_text(identity);
    return identity_http_status(identity);
}

/* A cookie's value is judged as if it had come in a Cookie field of our own page. */
enum status who_from_token(const struct worker_config *config, struct slice token, struct who *out)
{
    CLEANUP(buf_release) struct buf value = BUF_INIT;
    CLEANUP(buf_release) struct buf user = BUF_INIT;
    CLEANUP(buf_release) struct buf field = BUF_INIT;

    *out = (struct who){WHO_ANYBODY, ""};
    if (!config->is_auth_on || identity_is_admin(config->identity.admin_secret, token))
        return OK;
    out->kind = WHO_NOBODY;
    buf_add_text(&field, COOKIE_NAME "=");
    buf_add(&field, token);
    const struct slice fields = buf_slice(&field);
    if (config->identity.cookie_secret.size == 0 ||
        cookie_verify(config->identity.cookie_secret, SLICE(COOKIE_NAME), &fields, 1, &value) !=
            OK ||
        cookie_user(buf_slice(&value), &user) != OK)
        return ERR_DENIED;
    take_identity(IDENTITY_USER, &user, out);
    return out->kind == WHO_USER ? OK : ERR_DENIED;
}
