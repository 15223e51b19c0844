/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_scan.h"

#include <string.h>

/* The longest request line: the longest method, the target, the version. */
#define LINE_MAX_SIZE (16 + HTTP_TARGET_MAX + 16)

enum status http_refuse_with(struct http_refusal *refusal, int code, const char *text,
                             const char *headers)
{
    *refusal = (struct http_refusal){code, text, headers};
    return code == 414 || code == 431 ? ERR_LIMIT : ERR_INPUT;
}

enum status http_refuse(struct http_refusal *refusal, int code, const char *text)
{
    return http_refuse_with(refusal, code, text, "");
}

/*
 * One line that ends with CRLF, cut off `rest`.  No control character but a tab may be in it:
 * that leaves no CR or LF alone, and no NUL.  ERR_AGAIN when its end is not here yet.
 */
static enum status cut_line(struct slice *rest, struct slice *out, struct http_refusal *refusal)
{
    size_t size = 0;

    while (size < rest->size) {
        const unsigned char c = (unsigned char)rest->at[size];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            break;
        size++;
    }
    if (size == rest->size)
        return ERR_AGAIN;
    if (rest->at[size] == '\n')
        return http_refuse(refusal, 400, "a line ends with LF alone, not with CR and LF");
    if (rest->at[size] != '\r')
        return http_refuse(refusal, 400, "the request holds a control character");
    if (size + 1 == rest->size)
        return ERR_AGAIN;
    if (rest->at[size + 1] != '\n')
        return http_refuse(refusal, 400, "the request holds a CR without LF");
    *out = slice_of(rest->at, size);
    *rest = slice_from(*rest, size + 2);
    return OK;
}

bool http_is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!http_is_token_char((unsigned char)text.at[i]))
            return false;
    }
    return text.size > 0;
}

static enum status check_method(struct slice method, struct http_refusal *refusal)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};

    if (!is_token(method))
        return http_refuse(refusal, 400, "the request line does not begin with a method");
    if (slice_is(method, "CONNECT") || slice_is(method, "TRACE"))
        return http_refuse_with(refusal, 405, "this method is not answered here",
                                "Allow: GET, HEAD\r\n");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (slice_is(method, known[i]))
            return OK;
    }
    return http_refuse(refusal, 501, "this method is not known");
}

static enum status check_version(struct slice version, bool *out_is_1_0,
                                 struct http_refusal *refusal)
{
    const bool is_http = version.size == 8 && slice_starts(version, SLICE("HTTP/")) &&
                         version.at[5] >= '0' && version.at[5] <= '9' && version.at[6] == '.' &&
                         version.at[7] >= '0' && version.at[7] <= '9';

    if (!is_http)
        return http_refuse(refusal, 400, "the request line does not end with an HTTP version");
    *out_is_1_0 = slice_is(version, "HTTP/1.0");
    if (!*out_is_1_0 && !slice_is(version, "HTTP/1.1"))
        return http_refuse(refusal, 505, "only HTTP/1.1 is spoken here");
    return OK;
}

static enum status read_request_line(struct slice line, struct http_scan *out,
                                     struct http_refusal *refusal)
{
    out->method = slice_cut(&line, ' ');
    out->target = slice_cut(&line, ' ');
    const enum status status = check_method(out->method, refusal);
    if (status != OK)
        return status;
    if (!line.at || out->target.size == 0)
        return http_refuse(refusal, 400, "the request line is not: method, target, HTTP/1.1");
    if (out->target.size > HTTP_TARGET_MAX)
        return http_refuse(refusal, 414, "the request target is longer than 8 KiB");
    if (memchr(out->target.at, '\t', out->target.size) ||
        memchr(out->target.at, '#', out->target.size))
        return http_refuse(refusal, 400, "the request target holds a tab or #");
    return check_version(line, &out->is_http_1_0, refusal);
}

static enum status check_field_line(struct slice line, struct http_refusal *refusal)
{
    if (line.at[0] == ' ' || line.at[0] == '\t')
        return http_refuse(refusal, 400, "a header line is folded, or begins with a space");
    struct slice rest = line;
    const struct slice name = slice_cut(&rest, ':');
    if (!rest.at)
        return http_refuse(refusal, 400, "a header line has no colon");
    if (!is_token(name))
        return http_refuse(refusal, 400, "a header name holds a space or another wrong character");
    return OK;
}

/* What is no HTTP/1 at all, by its first bytes; so that its user learns it at once. */
static enum status check_first_bytes(struct slice bytes, struct http_refusal *refusal)
{
    if (bytes.size >= 3 && bytes.at[0] == 0x16 && bytes.at[1] == 0x03)
        return http_refuse(refusal, 400, "this port speaks plain HTTP, not TLS");
    if (slice_starts(bytes, SLICE("PRI * HTTP/2.0\r\n")))
        return http_refuse(refusal, 400, "HTTP/2 is not spoken here; use HTTP/1.1");
    return OK;
}

static enum status scan_fields(struct slice rest, struct http_scan *out, const char *start,
                               struct http_refusal *refusal)
{
    const char *fields = rest.at;
    struct slice line;
    size_t count = 0;

    for (;;) {
        const enum status status = cut_line(&rest, &line, refusal);
        if (status == ERR_AGAIN && rest.size + (size_t)(rest.at - fields) > HTTP_FIELDS_MAX)
            return http_refuse(refusal, 431, "the header is larger than 8 KiB");
        if (status != OK)
            return status;
        if ((size_t)(rest.at - fields) > HTTP_FIELDS_MAX)
            return http_refuse(refusal, 431, "the header is larger than 8 KiB");
        if (line.size == 0)
            break;
        if (++count > HTTP_FIELD_COUNT_MAX)
            return http_refuse(refusal, 431, "more than 100 header fields");
        const enum status checked = check_field_line(line, refusal);
        if (checked != OK)
            return checked;
    }
    out->head = slice_of(start, (size_t)(rest.at - start));
    return OK;
}

enum status http_scan(struct slice bytes, struct http_scan *out, struct http_refusal *refusal)
{
    struct slice rest = bytes, line;
    enum status status = check_first_bytes(bytes, refusal);

    if (status != OK)
        return status;
    status = cut_line(&rest, &line, refusal);
    if (status == ERR_AGAIN && bytes.size > LINE_MAX_SIZE)
        return http_refuse(refusal, 414, "the request target is longer than 8 KiB");
    if (status != OK)
        return status;
    status = read_request_line(line, out, refusal);
    if (status != OK)
        return status;
    return scan_fields(rest, out, bytes.at, refusal);
}
