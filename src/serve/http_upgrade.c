/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_parse.h"

#include "serve/http_scan.h"

/* What a 426 must say (RFC 9110 section 15.5.22, RFC 6455 section 4.4). */
#define UPGRADE_HEADERS "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

/* 22 characters of base64 and "==": 16 bytes. */
static bool is_key(struct slice key)
{
    if (key.size != 24 || key.at[22] != '=' || key.at[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) {
        const char c = key.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              c == '+' || c == '/'))
            return false;
    }
    return true;
}

enum status http_upgrade_check(const struct http_request *request, struct http_refusal *refusal)
{
    if (!slice_is(request->method, "GET"))
        return http_refuse_with(refusal, 405, "only GET is answered here", "Allow: GET\r\n");
    if (request->is_http_1_0 || !http_header_lists(request, "Connection", "upgrade") ||
        !http_header_lists(request, "Upgrade", "websocket"))
        return http_refuse_with(refusal, 426, "this is a WebSocket: connect with ws:// or wss://",
                                UPGRADE_HEADERS);
    if (http_header_count(request, "Sec-WebSocket-Version") != 1 ||
        !slice_is(http_header(request, "Sec-WebSocket-Version"), "13"))
        return http_refuse_with(refusal, 426, "Sec-WebSocket-Version must be 13", UPGRADE_HEADERS);
    if (http_header_count(request, "Sec-WebSocket-Key") != 1 ||
        !is_key(http_header(request, "Sec-WebSocket-Key")))
        return http_refuse(refusal, 400, "Sec-WebSocket-Key must be one base64 text of 16 bytes");
    return OK;
}
