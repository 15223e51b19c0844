/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/request.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "encode/sse.h"
#include "net/address.h"
#include "serve/endpoints.h"
#include "serve/http_extension.h"
#include "serve/http_parse.h"
#include "serve/http_reply.h"
#include "serve/protocol.h"
#include "serve/session.h"
#include "serve/subscribe.h"
#include "serve/v1.h"
#include "serve/worker.h"

#define SSE_RETRY_MS 1000
#define RETRY_AFTER "Retry-After: 1\r\n"
#define NOT_STREAMING "not streaming from the database now; /ready says why"

struct request {
    struct session *session;
    struct buf input; /* not yet answered */
    size_t head_size; /* of the request at hand */
    struct http_request http;
    bool is_sse;                     /* /sse, else /ws */
    struct http_extension extension; /* of a WebSocket that was answered */
    struct subscribe *subscribe;     /* owned; while ASKING */
};

struct request *request_new(struct session *session)
{
    struct request *request = mem_new(sizeof *request);

    request->session = session;
    return request;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    subscribe_free(request->subscribe);
    buf_release(&request->input);
    mem_free(request);
}

static bool peer_is_local(const struct session *session)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    struct address address;

    return getpeername(session->socket.fd, (struct sockaddr *)&from, &size) == 0 &&
           address_from(&from, &address) == OK && address_is_loopback(&address);
}

/* ---- answers ---- */

static void put_reply(struct request *request, int code, const char *type, struct slice body,
                      const char *headers, bool keep_alive)
{
    CLEANUP(buf_release) struct buf reply = BUF_INIT;

    if (code >= 400)
        metrics_add(METRIC_REQUESTS_REFUSED, 1);
    if (request->http.is_head)
        http_reply_head(&reply, code, type, body, headers, keep_alive);
    else
        http_reply(&reply, code, type, body, headers, keep_alive);
    session_put(request->session, buf_slice(&reply));
}

/* The last answer on this connection.  The request is gone after it, or soon. */
static void reply_and_close(struct request *request, int code, const char *headers,
                            struct slice text)
{
    struct session *session = request->session;

    put_reply(request, code, HTTP_TEXT, text, headers, false);
    session_finish(session);
}

static void answer_endpoint(struct request *request)
{
    struct session *session = request->session;
    struct answer answer = {.code = 200, .type = HTTP_TEXT, .headers = ""};
    const bool keep = request->http.is_keep_alive;

    if (!endpoint_answer(session->worker, &request->http, peer_is_local(session), &answer)) {
        answer.code = 404;
        buf_add_text(&answer.body, "there is /ws, /sse, /ping, /live, /ready and /metrics");
    }
    put_reply(request, answer.code, answer.type, buf_slice(&answer.body), answer.headers, keep);
    buf_release(&answer.body);
    if (!keep)
        session_finish(session);
}

/* ---- /ws and /sse ---- */

/* Is it an upgrade that can be answered, and on which terms? */
static enum status check_upgrade(struct request *request, struct http_refusal *refusal)
{
    enum status status = http_upgrade_check(&request->http, refusal);

    if (status == OK)
        status = http_extension_choose(&request->http, &request->extension, refusal);
    if (!request->session->worker->config.is_deflating)
        request->extension = (struct http_extension){0};
    return status;
}

/* The head of the answer that everything live follows; false: refused.  `protocol`: the header line
 * that names it, or "". */
static bool put_upgrade(struct request *request, const char *protocol)
{
    CLEANUP(buf_release) struct buf headers = BUF_INIT;
    CLEANUP(buf_release) struct buf reply = BUF_INIT;
    struct http_refusal refusal;
    char accept[29];

    if (check_upgrade(request, &refusal) != OK) {
        reply_and_close(request, refusal.code, refusal.headers, slice_text(refusal.text));
        return false;
    }
    if (request->input.size > request->head_size) {
        reply_and_close(request, 400, "", SLICE("bytes came before the upgrade was answered"));
        return false;
    }
    websocket_accept_key(http_header(&request->http, "Sec-WebSocket-Key"), accept);
    buf_add_text(&headers, protocol);
    http_extension_answer(&request->extension, &headers);
    http_reply_upgrade(&reply, accept, buf_text(&headers));
    session_put(request->session, buf_slice(&reply));
    return request->session->phase == SESSION_ASKING;
}

static enum frame_format format_of(const struct request *request, enum frame_format base)
{
    return request->extension.is_deflate ? frame_deflated(base) : base;
}

/* Which pages of other origins may read the events (Fetch, section 3.2). */
static void add_cors(struct request *request, struct buf *out)
{
    const struct origin_rule *rule = &request->session->worker->config.identity.origins;
    const struct slice origin = http_header(&request->http, "Origin");

    if (!origin.at || rule->count == 0 || !origin_is_allowed(rule, origin, request->http.host))
        return;
    buf_add_text(out, "Access-Control-Allow-Origin: ");
    buf_add(out, origin);
    buf_add_text(out, "\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
}

static bool put_event_stream(struct request *request)
{
    CLEANUP(buf_release) struct buf reply = BUF_INIT;

    if (!slice_is(request->http.method, "GET")) {
        reply_and_close(request, 405, "Allow: GET\r\n", SLICE("only GET is answered here"));
        return false;
    }
    buf_add_text(&reply, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                         "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
                         "X-Content-Type-Options: nosniff\r\nConnection: close\r\n");
    add_cors(request, &reply);
    buf_add_text(&reply, "\r\n");
    encode_sse_retry(&reply, SSE_RETRY_MS);
    session_put(request->session, buf_slice(&reply));
    return request->session->phase == SESSION_ASKING;
}

/* All is well with the query; now with the upgrade, and with the stream. */
static void become_live(struct request *request, struct subscribe_result *result)
{
    const struct serve_source *source = &request->session->worker->config.source;
    struct session *session = request->session;
    struct session_start start = {.has_token = result->has_token, .token = result->token};
    struct token position;
    struct fault fault = {0};

    if (!source->is_live(source->arg)) {
        reply_and_close(request, 503, RETRY_AFTER, SLICE(NOT_STREAMING));
        return;
    }
    start.protocol = request->is_sse ? &protocol_sse : &protocol_plain;
    if (!(request->is_sse ? put_event_stream(request) : put_upgrade(request, "")))
        return;
    start.format = request->is_sse
                       ? FRAME_SSE
                       : format_of(request, result->has_since ? FRAME_POS : FRAME_PLAIN);
    const enum status status =
        session_go_live(session, result->filters, result->count, &start, &position, &fault);
    for (uint32_t i = 0; i < result->count; i++)
        result->filters[i] = NULL;
    session->request = NULL;
    start.protocol->tell_start(session, status, position, slice_text(fault.text));
    request_free(request);
}

static void on_subscribed(void *arg, struct subscribe_result *result)
{
    struct request *request = arg;

    if (result->code != 0)
        reply_and_close(request, result->code, result->headers, result->text);
    else
        become_live(request, result);
}

/* The rich protocol: queries come as messages later, and so may the proof of who asks. */
static void begin_v1(struct request *request)
{
    struct session *session = request->session;
    const struct worker_config *config = &session->worker->config;
    const char *text = NULL;
    struct who who;

    session->phase = SESSION_ASKING;
    const int code = who_from_request(config, &request->http, &who, &text);
    if (request->http.query.size > 0)
        reply_and_close(request, 400, "", SLICE("in " V1_PROTOCOL " queries come as messages"));
    else if (code != 0 && code != 401)
        reply_and_close(request, code, "", slice_text(text));
    else if (!config->source.is_live(config->source.arg))
        reply_and_close(request, 503, RETRY_AFTER, SLICE(NOT_STREAMING));
    else if (put_upgrade(request, "Sec-WebSocket-Protocol: " V1_PROTOCOL "\r\n")) {
        session->request = NULL;
        v1_begin(session, &who, format_of(request, FRAME_PLAIN));
        request_free(request);
    }
}

static void begin_subscribe(struct request *request)
{
    struct session *session = request->session;

    session->phase = SESSION_ASKING;
    session_deadline(session, SESSION_HANDSHAKE_SECONDS);
    request->subscribe = subscribe_new(session->worker, on_subscribed, request);
    subscribe_start(request->subscribe, &request->http, request->is_sse);
}

/* ---- reading ---- */

/* Answers the next request if its head is complete.  False: wait for more, or nothing is left. */
static bool answer_next(struct request *request)
{
    struct session *session = request->session;
    struct http_refusal refusal;

    if (request->input.size == 0)
        return false;
    const enum status status =
        http_parse(buf_slice(&request->input), &request->http, &request->head_size, &refusal);
    if (status == ERR_AGAIN)
        return false;
    if (status != OK) {
        request->http.is_head = false;
        reply_and_close(request, refusal.code, refusal.headers, slice_text(refusal.text));
        return false;
    }
    request->is_sse = slice_is(request->http.path, "/sse");
    const bool is_ws = slice_is(request->http.path, "/ws");
    if (is_ws && http_header_lists(&request->http, "Sec-WebSocket-Protocol", V1_PROTOCOL)) {
        begin_v1(request);
        return false;
    }
    if (request->is_sse || is_ws) {
        begin_subscribe(request);
        return false;
    }
    const size_t size = request->head_size;
    answer_endpoint(request);
    if (session->phase != SESSION_READING)
        return false;
    buf_drop(&request->input, size);
    session_deadline(session, SESSION_HANDSHAKE_SECONDS);
    return true;
}

void request_take(struct request *request, struct slice bytes)
{
    struct session *session = request->session;
    const bool was_empty = request->input.size == 0;

    if (bytes.size > HTTP_HEAD_MAX - request->input.size) {
        request->http.is_head = false;
        reply_and_close(request, 431, "", SLICE("the request is too large"));
        return;
    }
    buf_add(&request->input, bytes);
    if (session->phase != SESSION_READING)
        return;
    /* Only a line's end can complete a head: whoever sends byte by byte costs no more. */
    if (!was_empty && !memchr(bytes.at, '\n', bytes.size) && request->input.size < HTTP_HEAD_MAX)
        return;
    while (session->phase == SESSION_READING && answer_next(request))
        continue;
}

void request_late(struct request *request)
{
    struct session *session = request->session;

    if (session->phase == SESSION_READING && request->input.size == 0) {
        session_finish(session);
        return;
    }
    request->http.is_head = false;
    if (session->phase == SESSION_ASKING)
        reply_and_close(request, 503, "Retry-After: 1\r\n",
                        SLICE("the database does not answer now, come back in a moment"));
    else
        reply_and_close(request, 408, "", SLICE("the request took too long"));
}
