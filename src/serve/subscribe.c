/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/subscribe.h"

#include "auth/grant.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "catalog/control.h"
#include "match/filter.h"
#include "match/query.h"
#include "serve/http_parse.h"
#include "serve/http_query.h"
#include "serve/worker.h"

#define MAX_COOKIE_FIELDS 16
#define RETRY "Retry-After: 1\r\n"

struct subscribe {
    struct worker *worker;
    subscribe_done_fn *done;
    void *arg;
    struct query queries[SUBSCRIBE_MAX]; /* owned */
    struct filter *filters[SUBSCRIBE_MAX];
    uint32_t count, at;            /* queries; the one being worked on */
    struct subscribe_result since; /* its members for `since` */
    struct buf user;               /* of a signed cookie; empty: may ask anything */
    struct grant *grant; /* owned; while the owner of this query's values is in question */
    const struct grant_question *question;
    struct ask *ask; /* the question under way, or NULL */
};

struct subscribe *subscribe_new(struct worker *worker, subscribe_done_fn *done, void *arg)
{
    struct subscribe *subscribe = mem_new(sizeof *subscribe);

    subscribe->worker = worker;
    subscribe->done = done;
    subscribe->arg = arg;
    return subscribe;
}

void subscribe_free(struct subscribe *subscribe)
{
    if (!subscribe)
        return;
    ask_cancel(subscribe->ask);
    grant_free(subscribe->grant);
    buf_release(&subscribe->user);
    for (uint32_t i = 0; i < subscribe->count; i++) {
        query_release(&subscribe->queries[i]);
        filter_free(subscribe->filters[i]);
    }
    mem_free(subscribe);
}

/* Reports; the subscribe may be freed by that, so this is the last thing done. */
static void refuse(struct subscribe *subscribe, int code, const char *headers, const char *text)
{
    struct subscribe_result result = {.code = code, .headers = headers, .text = slice_text(text)};

    subscribe->done(subscribe->arg, &result);
}

static void succeed(struct subscribe *subscribe)
{
    struct subscribe_result result = subscribe->since;

    result.headers = "";
    result.filters = subscribe->filters;
    result.count = subscribe->count;

    subscribe->done(subscribe->arg, &result);
}

/* ---- 1: words ---- */

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

    const enum status status = query_parse(text, &subscribe->queries[subscribe->count], fault);
    if (status == OK)
        subscribe->count++;
    return status;
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

/* ---- 2: who ---- */

/* Returns 0, or the code to refuse with. */
static int find_out_who(struct subscribe *subscribe, const struct http_request *http,
                        const char **out_text)
{
    const struct worker_config *config = &subscribe->worker->config;
    struct slice cookies[MAX_COOKIE_FIELDS], origin = {NULL, 0}, value;
    struct identity_request request = {
        .admin = http_header(http, "SP-ADM"), .cookies = cookies, .host = http->host};
    size_t cursor = 0, origins = 0;

    while (http_header_next(http, "Origin", &cursor, &value)) {
        origin = value;
        origins++;
    }
    *out_text = "more than one Origin";
    if (origins > 1)
        return 400;
    if (!config->is_auth_on) {
        const struct origin_rule *rule = &config->identity.origins;
        *out_text = "this origin is not among allowed_origins";
        return rule->count == 0 || origin_is_allowed(rule, origin, http->host) ? 0 : 403;
    }

    request.origin = origin;
    for (cursor = 0; request.cookie_count < MAX_COOKIE_FIELDS &&
                     http_header_next(http, "Cookie", &cursor, &value);)
        cookies[request.cookie_count++] = value;
    const enum identity identity = identity_of(&config->identity, &request, &subscribe->user);
    if (identity != IDENTITY_USER)
        buf_reset(&subscribe->user);
    *out_text = identity_text(identity);
    return identity_http_status(identity);
}

/* ---- 4 to 6: table, values, filter ---- */

static void go_on(struct subscribe *subscribe);

/* What the database could not tell now may be had in a moment. */
static void refuse_for_now(struct subscribe *subscribe, const struct ask_answer *answer)
{
    log_debug("subscription: no answer from the database: %s", answer->message);
    refuse(subscribe, 503, RETRY, "the database does not answer now, come back in a moment");
}

static void compile(struct subscribe *subscribe)
{
    struct fault fault = {0};

    if (query_compile(&subscribe->queries[subscribe->at], &subscribe->filters[subscribe->at],
                      &fault) != OK) {
        refuse(subscribe, 400, "", fault.text);
        return;
    }
    subscribe->at++;
    go_on(subscribe);
}

static void on_casts(void *arg, struct ask_answer *answer)
{
    struct subscribe *subscribe = arg;
    struct query *query = &subscribe->queries[subscribe->at];

    subscribe->ask = NULL;
    if (answer->status == ERR_INPUT || answer->status == ERR_REFUSED) {
        refuse(subscribe, 400, "", answer->message);
        return;
    }
    if (answer->status != OK) {
        refuse_for_now(subscribe, answer);
        return;
    }
    for (size_t i = 0; i < answer->count && i < query->cast_count; i++)
        query->casts[i].canonical = mem_text_n(answer->values[i].at, answer->values[i].size);
    compile(subscribe);
}

static void ask_for_casts(struct subscribe *subscribe)
{
    struct query *query = &subscribe->queries[subscribe->at];
    struct worker *worker = subscribe->worker;

    if (query->cast_count == 0) {
        compile(subscribe);
        return;
    }
    struct ask_cast *casts = mem_array(query->cast_count, sizeof *casts);
    for (uint32_t i = 0; i < query->cast_count; i++)
        casts[i] = (struct ask_cast){slice_text(query->casts[i].text), query->casts[i].cast_type};
    subscribe->ask = control_ask_casts(worker->config.control, worker->mailbox, casts,
                                       query->cast_count, on_casts, subscribe);
    mem_free(casts);
}

static void on_table(void *arg, struct ask_answer *answer)
{
    struct subscribe *subscribe = arg;
    struct fault fault = {0};

    subscribe->ask = NULL;
    if (answer->status == ERR_NOT_FOUND) {
        refuse(subscribe, 400, "", "the table asked for does not exists");
        return;
    }
    if (answer->status != OK) {
        refuse_for_now(subscribe, answer);
        return;
    }
    if (query_bind(&subscribe->queries[subscribe->at], answer->shape, &fault) != OK) {
        refuse(subscribe, 400, "", fault.text);
        return;
    }
    ask_for_casts(subscribe);
}

static void ask_for_table(struct subscribe *subscribe)
{
    const struct query *query = &subscribe->queries[subscribe->at];
    struct worker *worker = subscribe->worker;

    if (query_is_for_many(query)) {
        compile(subscribe);
        return;
    }
    subscribe->ask = control_ask_table(worker->config.control, worker->mailbox, query->schema,
                                       query->table, on_table, subscribe);
}

/* ---- 3: whose rows ---- */

static void settle_grant(struct subscribe *subscribe);

static void on_owner(void *arg, struct ask_answer *answer)
{
    struct subscribe *subscribe = arg;

    subscribe->ask = NULL;
    if (answer->status != OK && answer->status != ERR_INPUT && answer->status != ERR_REFUSED) {
        refuse_for_now(subscribe, answer);
        return;
    }
    grant_answer(subscribe->grant, subscribe->question, answer->status == OK && answer->is_owner,
                 clock_system_ms(NULL));
    settle_grant(subscribe);
}

static void settle_grant(struct subscribe *subscribe)
{
    struct worker *worker = subscribe->worker;
    const enum grant_verdict verdict = grant_verdict(subscribe->grant);

    if (verdict == GRANT_DENIED || verdict == GRANT_INVALID) {
        refuse(subscribe, grant_http_status(verdict), "", grant_text(verdict));
        return;
    }
    if (verdict == GRANT_ALLOWED) {
        grant_free(subscribe->grant);
        subscribe->grant = NULL;
        ask_for_table(subscribe);
        return;
    }
    subscribe->question = grant_next(subscribe->grant);
    subscribe->ask = control_ask_owner(
        worker->config.control, worker->mailbox, slice_text(grant_user(subscribe->grant)),
        subscribe->question->kind == GRANT_HOST ? ASK_HOST_UUID : ASK_KEY,
        subscribe->question->value, on_owner, subscribe);
}

static void begin_grant(struct subscribe *subscribe)
{
    const struct query *query = &subscribe->queries[subscribe->at];
    struct slice *values = mem_array(query->value_count, sizeof *values);
    struct grant_condition conditions[QUERY_MAX_NODES];
    const struct query_node *node;
    uint32_t at = 0;
    size_t count = 0;

    for (uint32_t i = 0; i < query->value_count; i++)
        values[i] = query->values[i].text;
    while (count < QUERY_MAX_NODES && query_next_equality(query, &at, &node))
        conditions[count++] =
            (struct grant_condition){node->column, values + node->first_value, node->value_count};
    subscribe->grant = grant_new(buf_slice(&subscribe->user), query->node_count > 0, conditions,
                                 count, &subscribe->worker->grants, clock_system_ms(NULL));
    mem_free(values);
    settle_grant(subscribe);
}

/* ---- the whole ---- */

static void go_on(struct subscribe *subscribe)
{
    if (subscribe->at == subscribe->count)
        succeed(subscribe);
    else if (subscribe->user.size > 0)
        begin_grant(subscribe);
    else
        ask_for_table(subscribe);
}

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
        refuse(subscribe, 400, "", fault.text);
        return;
    }
    if (is_sse)
        take_last_event(subscribe, http);
    const int code = find_out_who(subscribe, http, &text);
    if (code != 0) {
        refuse(subscribe, code, "", text);
        return;
    }
    go_on(subscribe);
}
