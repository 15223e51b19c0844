/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/endpoints.h"

#include "auth/identity.h"
#include "base/metrics.h"
#include "serve/http_parse.h"
#include "serve/http_reply.h"
#include "serve/worker.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void answer_ping(const struct worker *worker, struct answer *out)
{
    (void)worker;
    buf_add_text(&out->body, "zpour");
}

static void answer_live(const struct worker *worker, struct answer *out)
{
    (void)worker;
    buf_add_text(&out->body, "live");
}

static void answer_ready(const struct worker *worker, struct answer *out)
{
    const struct serve_source *source = &worker->config.source;

    out->type = HTTP_JSON;
    if (!source->is_live(source->arg)) {
        out->code = 503;
        out->headers = "Retry-After: 1\r\n";
    }
    source->print(source->arg, &out->body);
}

static void answer_metrics(const struct worker *worker, struct answer *out)
{
    (void)worker;
    out->type = METRICS_TYPE;
    metrics_print(&out->body);
}

static const struct endpoint {
    const char *path;
    bool any_method, is_private;
    void (*answer)(const struct worker *worker, struct answer *out);
} endpoints[] = {
    {"/ping", true, false, answer_ping},
    {"/live", false, false, answer_live},
    {"/ready", false, false, answer_ready},
    {"/metrics", false, true, answer_metrics},
};

static bool may_see_private(const struct worker *worker, const struct http_request *http,
                            bool is_local)
{
    return is_local || worker->config.is_metrics_public ||
           (worker->config.is_auth_on &&
            identity_is_admin(worker->config.identity.admin_secret, http_header(http, "SP-ADM")));
}

bool endpoint_answer(const struct worker *worker, const struct http_request *http, bool is_local,
                     struct answer *out)
{
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        const struct endpoint *endpoint = &endpoints[i];
        if (!slice_is(http->path, endpoint->path))
            continue;

        const bool is_get = slice_is(http->method, "GET") || http->is_head;
        if (!endpoint->any_method && !is_get) {
            out->code = 405;
            out->headers = "Allow: GET, HEAD\r\n";
            buf_add_text(&out->body, "only GET and HEAD here");
        } else if (endpoint->is_private && !may_see_private(worker, http, is_local)) {
            out->code = 403;
            buf_add_text(&out->body, "only from this machine, or with the admin header");
        } else {
            endpoint->answer(worker, out);
        }
        return true;
    }
    return false;
}
