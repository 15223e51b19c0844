/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/subscribe.h"

#include "base/mem.h"
#include "match/filter.h"
#include "serve/binding.h"
#include "serve/http_parse.h"
#include "serve/http_query.h"
#include "serve/worker.h"

struct subscribe {
    struct worker *worker;
    subscribe_done_fn *done;
    void *arg;
    struct binding *binding; /* owned, as are the filters */
    struct filter *filters[SUBSCRIBE_MAX];
    uint32_t count;                /* queries */
    struct subscribe_result since; /* its members for `since` */
    struct who who;
};

/* ---- the end of it ---- */

/* Reports; the subscribe may be freed by that, so this is the last thing done. */
static void refuse(struct subscribe *subscribe, int code, struct slice text)
{
    struct subscribe_result result = {
        .code = code, .headers = code == 503 ? "Retry-After: 1\r\n" : "", .text = text};

    subscribe->done(subscribe->arg, &result);
}

static int code_of(enum bind_refusal refusal)
{
    switch (refusal) {
    case BIND_OK:
        return 0;
    case BIND_BAD_QUERY:
    case BIND_UNKNOWN_TABLE:
    case BIND_INVALID:
        return 400;
    case BIND_DENIED:
        return 401;
    case BIND_UNAVAILABLE:
        return 503;
    }
    return 503;
}

static void on_bound(void *arg, struct bind_result *answer)
{
    struct subscribe *subscribe = arg;
    struct subscribe_result result = subscribe->since;

    if (answer->refusal != BIND_OK) {
        refuse(subscribe, code_of(answer->refusal), answer->text);
        return;
    }
    for (uint32_t i = 0; i < subscribe->count; i++) {
        subscribe->filters[i] = answer->bound[i].filter;
        answer->bound[i].filter = NULL;
    }
    result.headers = "";
    result.filters = subscribe->filters;
    result.count = subscribe->count;
    subscribe->done(subscribe->arg, &result);
}

/* ---- life ---- */

struct subscribe *subscribe_new(struct worker *worker, subscribe_done_fn *done, void *arg)
{
    struct subscribe *subscribe = mem_new(sizeof *subscribe);

    subscribe->worker = worker;
    subscribe->done = done;
    subscribe->arg = arg;
    subscribe->binding = binding_new(worker, on_bound, subscribe);
    return subscribe;
}

void subscribe_free(struct subscribe *subscribe)
{
    if (!subscribe)
        return;
    binding_free(subscribe->binding);
    for (uint32_t i = 0; i < subscribe->count; i++)
        filter_free(subscribe->filters[i]);
    mem_free(subscribe);
}

/* ---- words ---- */

/* What cannot be read as a position is one of no epoch: a told gap, as any other stale one. */
static void take_since(struct subscribe_result *since, struct slice text)
{
    since->has_since = true;
    since->has_token = !slice_is(text, "now");
    if (since->has_token && token_parse(text, &since->token) != OK)
        since->token = (struct token){0};
}

static enum status take_query(struct subscribe *subscribe, struct slice text, struct fault *fault)
{
    if (subscribe->count == SUBSCRIBE_MAX)
        return fault_set(fault, ERR_LIMIT, "more than %d queries", SUBSCRIBE_MAX);

    subscribe->count++;
    return binding_add(subscribe->binding, text, fault);
}

static enum status parse_one(struct subscribe *subscribe, struct slice name, struct slice value,
                             struct fault *fault)
{
    if (slice_is(name, "query"))
        return take_query(subscribe, value, fault);
    if (!slice_is(name, "since"))
        return fault_set(fault, ERR_INPUT, "unknown parameter \"%.*s\"; there are: query, since",
                         (int)(name.size < 100 ? name.size : 100), name.at);
    if (subscribe->since.has_since)
        return fault_set(fault, ERR_INPUT, "since is given twice");
    take_since(&subscribe->since, value);
    return OK;
}

static enum status parse_words(struct subscribe *subscribe, struct slice words, struct fault *fault)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;
    CLEANUP(buf_release) struct buf value = BUF_INIT;
    struct http_query parameters = http_query_of(words);

    while (http_query_next(&parameters, &name, &value)) {
        const enum status status = parse_one(subscribe, buf_slice(&name), buf_slice(&value), fault);
        if (status != OK)
            return status;
    }
    if (subscribe->count == 0)
        return fault_set(fault, ERR_INPUT, "missing the query params");
    return OK;
}

/* ---- the whole ---- */

/* An EventSource that lost its connection comes back with the id of its last event; the address
 * is still the first one. */
static void take_last_event(struct subscribe *subscribe, const struct http_request *http)
{
    const struct slice last = http_header(http, "Last-Event-ID");

    if (last.size > 0)
        take_since(&subscribe->since, last);
}

void subscribe_start(struct subscribe *subscribe, const struct http_request *http, bool is_sse)
{
    struct fault fault = {0};
    const char *text = NULL;

    if (parse_words(subscribe, http->query, &fault) != OK) {
        refuse(subscribe, 400, slice_text(fault.text));
        return;
    }
    if (is_sse)
        take_last_event(subscribe, http);
    const int code = who_from_request(&subscribe->worker->config, http, &subscribe->who, &text);
    if (code != 0)
        refuse(subscribe, code, slice_text(text));
    else
        binding_start(subscribe->binding, &subscribe->who);
}
