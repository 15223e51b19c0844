/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_parse.h"

#include <string.h>

#include <llhttp.h>

#include "serve/http_query.h"
#include "serve/http_scan.h"

/*
 * Three passes over one head:
 *
 *     1. http_scan: the strict reading of its bytes and lines, which finds its end
 *     2. llhttp: the fields, as the parser that many proxies use sees them
 *     3. here: what the fields mean together (Host, no body, the target)
 *
 * Two readers must agree, so a weakness of one (llhttp 8.1.0 takes a lone CR for a line's end,
 * CVE-2023-30589) is no hole.
 */
static int on_field_name(llhttp_t *parser, const char *at, size_t size)
{
    struct http_request *request = parser->data;

    if (request->field_count == HTTP_FIELD_COUNT_MAX)
        return HPE_USER;
    request->fields[request->field_count++] = (struct http_field){.name = slice_of(at, size)};
    return 0;
}

static int on_field_value(llhttp_t *parser, const char *at, size_t size)
{
    struct http_request *request = parser->data;

    if (request->field_count == 0)
        return HPE_USER;
    request->fields[request->field_count - 1].value = slice_trim(slice_of(at, size));
    return 0;
}

/* The request line as llhttp takes it: what browsers and curl may leave unescaped in a target,
 * bytes beyond ASCII, is refused by llhttp 9. */
static void add_plain_line(struct buf *out, struct slice line)
{
    for (size_t i = 0; i < line.size; i++) {
        if ((unsigned char)line.at[i] < 0x80)
            buf_add_char(out, line.at[i]);
        else
            buf_add_char(out, 'x');
    }
}

static llhttp_errno_t execute(llhttp_t *parser, struct slice head)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT;
    struct slice rest = head;

    add_plain_line(&line, slice_cut(&rest, '\n'));
    buf_add_char(&line, '\n');
    const llhttp_errno_t error = llhttp_execute(parser, line.at, line.size);
    return error != HPE_OK ? error : llhttp_execute(parser, rest.at, rest.size);
}

static enum status read_fields(struct slice head, struct http_request *request,
                               struct http_refusal *refusal)
{
    llhttp_settings_t settings;
    llhttp_t parser;

    llhttp_settings_init(&settings);
    settings.on_header_field = on_field_name;
    settings.on_header_value = on_field_value;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = request;

    const llhttp_errno_t error = execute(&parser, head);
    if (error == HPE_USER)
        return http_refuse(refusal, 431, "more than 100 header fields");
    if (error != HPE_OK && error != HPE_PAUSED_UPGRADE)
        return http_refuse(refusal, 400, "the request is malformed");
    return OK;
}

struct slice http_header(const struct http_request *request, const char *name)
{
    struct slice value = {0};
    size_t cursor = 0;

    if (!http_header_next(request, name, &cursor, &value))
        return (struct slice){0};
    return value;
}

bool http_header_next(const struct http_request *request, const char *name, size_t *cursor,
                      struct slice *out_value)
{
    while (*cursor < request->field_count) {
        const struct http_field *field = &request->fields[(*cursor)++];

        if (slice_equal_nocase(field->name, slice_text(name))) {
            *out_value = field->value.at ? field->value : SLICE("");
            return true;
        }
    }
    return false;
}

bool http_header_lists(const struct http_request *request, const char *name, const char *item)
{
    struct slice value;
    size_t cursor = 0;

    while (http_header_next(request, name, &cursor, &value)) {
        while (value.at) {
            if (slice_equal_nocase(slice_trim(slice_cut(&value, ',')), slice_text(item)))
                return true;
        }
    }
    return false;
}

size_t http_header_count(const struct http_request *request, const char *name)
{
    struct slice value;
    size_t cursor = 0, count = 0;

    while (http_header_next(request, name, &cursor, &value))
        count++;
    return count;
}

static enum status check_body(const struct http_request *request, struct http_refusal *refusal)
{
    const size_t lengths = http_header_count(request, "Content-Length");

    if (http_header_count(request, "Transfer-Encoding") > 0)
        return http_refuse(refusal, 400,
                           "Transfer-Encoding is not accepted: requests have no body");
    if (lengths > 1)
        return http_refuse(refusal, 400, "more than one Content-Length");
    if (lengths == 1 && !slice_is(http_header(request, "Content-Length"), "0"))
        return http_refuse(refusal, 400, "requests must have no body: Content-Length is not 0");
    if (http_header_count(request, "Expect") > 0)
        return http_refuse(refusal, 417, "Expect is not accepted: requests have no body");
    return OK;
}

static enum status check_host(struct http_request *request, struct http_refusal *refusal)
{
    static const char others[] = ".-_~:[]%!$&'()*+;=";
    const size_t hosts = http_header_count(request, "Host");

    if (hosts > 1)
        return http_refuse(refusal, 400, "more than one Host header");
    if (hosts == 0 && !request->is_http_1_0)
        return http_refuse(refusal, 400, "the Host header is missing");
    request->host = hosts == 1 ? http_header(request, "Host") : SLICE("");
    for (size_t i = 0; i < request->host.size; i++) {
        const char c = request->host.at[i];
        const bool is_alnum =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!is_alnum && (c == '\0' || !strchr(others, c)))
            return http_refuse(refusal, 400, "the Host header is not a host");
    }
    return OK;
}

/* "http://example.org/ws?a" into "/ws?a", when it names the same host as the Host header. */
static enum status take_absolute(struct slice *target, const struct http_request *request,
                                 struct http_refusal *refusal)
{
    struct slice rest = *target;
    const size_t scheme =
        slice_equal_nocase(slice_of(rest.at, rest.size < 7 ? rest.size : 7), SLICE("http://")) ? 7
        : slice_equal_nocase(slice_of(rest.at, rest.size < 8 ? rest.size : 8), SLICE("https://"))
            ? 8
            : 0;
    size_t size = 0;

    if (scheme == 0)
        return http_refuse(refusal, 400, "the request target must begin with /");
    rest = slice_from(rest, scheme);
    while (size < rest.size && rest.at[size] != '/' && rest.at[size] != '?')
        size++;
    if (size == 0 || !slice_equal_nocase(slice_of(rest.at, size), request->host))
        return http_refuse(refusal, 400,
                           "the request target names another host than the Host header");
    *target = slice_from(rest, size);
    return OK;
}

static enum status take_target(struct slice target, struct http_request *request,
                               struct http_refusal *refusal)
{
    if (target.at[0] != '/') {
        const enum status status = take_absolute(&target, request, refusal);
        if (status != OK)
            return status;
    }
    const char *mark = target.size > 0 ? memchr(target.at, '?', target.size) : NULL;
    request->path = mark ? slice_of(target.at, (size_t)(mark - target.at)) : target;
    request->query = mark ? slice_from(target, request->path.size + 1) : (struct slice){0};
    if (request->path.size == 0) /* "http://example.org?a" */
        request->path = SLICE("/");
    return OK;
}

static enum status check_target(const struct http_request *request, struct http_refusal *refusal)
{
    struct slice rest = request->query;
    size_t count = 0;

    while (rest.at) {
        if (slice_cut(&rest, '&').size > 0 && ++count > HTTP_PARAMETER_COUNT_MAX)
            return http_refuse(refusal, 400, "more than 64 query parameters");
    }
    const enum status status = http_escapes_check(request->path, refusal);
    return status != OK ? status : http_escapes_check(request->query, refusal);
}

static enum status understand(const struct http_scan *scan, struct http_request *request,
                              struct http_refusal *refusal)
{
    enum status status = check_body(request, refusal);

    if (status == OK)
        status = check_host(request, refusal);
    if (status == OK)
        status = take_target(scan->target, request, refusal);
    if (status == OK)
        status = check_target(request, refusal);
    return status;
}

enum status http_parse(struct slice bytes, struct http_request *out, size_t *out_size,
                       struct http_refusal *refusal)
{
    struct http_scan scan = {0};
    enum status status = http_scan(bytes, &scan, refusal);

    if (status != OK)
        return status;
    out->field_count = 0;
    out->method = scan.method;
    out->is_http_1_0 = scan.is_http_1_0;
    out->is_head = slice_is(scan.method, "HEAD");
    status = read_fields(scan.head, out, refusal);
    if (status == OK)
        status = understand(&scan, out, refusal);
    if (status != OK)
        return status;
    out->is_keep_alive = !http_header_lists(out, "Connection", "close") &&
                         (!scan.is_http_1_0 || http_header_lists(out, "Connection", "keep-alive"));
    *out_size = scan.head.size;
    return OK;
}
