/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_reply.h"

const char *http_reason(int code)
{
    static const struct {
        int code;
        const char *text;
    } reasons[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].code == code)
            return reasons[i].text;
    }
    return "Unknown";
}

void http_reply_head(struct buf *out, int code, const char *content_type, struct slice body,
                     const char *extra_headers, bool keep_alive)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", code, http_reason(code));
    if (code != 204) /* RFC 9110 section 8.6: a 204 has no Content-Length */
        buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", content_type, body.size);
    buf_add_text(out, "X-Content-Type-Options: nosniff\r\n");
    buf_printf(out, "Connection: %s\r\n%s\r\n", keep_alive ? "keep-alive" : "close",
               extra_headers ? extra_headers : "");
}

void http_reply(struct buf *out, int code, const char *content_type, struct slice body,
                const char *extra_headers, bool keep_alive)
{
    http_reply_head(out, code, content_type, body, extra_headers, keep_alive);
    if (code != 204)
        buf_add(out, body);
}

void http_reply_upgrade(struct buf *out, const char *accept, const char *extra_headers)
{
    buf_printf(out,
               "HTTP/1.1 101 Switching Protocols\r\n"
               "Upgrade: websocket\r\n"
               "Connection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\n"
               "%s\r\n",
               accept, extra_headers ? extra_headers : "");
}
