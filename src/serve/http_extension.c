/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_extension.h"

#include "serve/deflate.h"
#include "serve/http_parse.h"
#include "serve/http_scan.h"

#define NAME "permessage-deflate"
#define WINDOW_BITS_LEAST 8
#define WINDOW_BITS_MOST 15
#define VALUE_MAX 16 /* no value that means anything is longer */

/* ---- the grammar ---- */

static void skip_spaces(struct slice *rest)
{
    while (rest->size > 0 && (rest->at[0] == ' ' || rest->at[0] == '\t'))
        *rest = slice_from(*rest, 1);
}

static bool skip_char(struct slice *rest, char c)
{
    skip_spaces(rest);
    if (rest->size == 0 || rest->at[0] != c)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

static bool take_token(struct slice *rest, struct slice *out)
{
    size_t size = 0;

    skip_spaces(rest);
    while (size < rest->size && http_is_token_char((unsigned char)rest->at[size]))
        size++;
    *out = slice_of(rest->at, size);
    *rest = slice_from(*rest, size);
    return size > 0;
}

struct parameter {
    struct slice name;
    bool has_value;
    char value[VALUE_MAX]; /* its beginning */
    size_t value_size;     /* all of it */
};

static void add_to_value(struct parameter *parameter, char c)
{
    if (parameter->value_size < VALUE_MAX)
        parameter->value[parameter->value_size] = c;
    parameter->value_size++;
}

/* What stands in quotes must be a token, once its backslashes are gone (RFC 6455, section 9.1). */
static bool take_quoted(struct slice *rest, struct parameter *parameter)
{
    while (rest->size > 0 && rest->at[0] != '"') {
        if (rest->at[0] == '\\' && rest->size > 1)
            *rest = slice_from(*rest, 1);
        if (!http_is_token_char((unsigned char)rest->at[0]))
            return false;
        add_to_value(parameter, rest->at[0]);
        *rest = slice_from(*rest, 1);
    }
    return parameter->value_size > 0 && skip_char(rest, '"');
}

static bool take_parameter(struct slice *rest, struct parameter *parameter)
{
    struct slice token;

    *parameter = (struct parameter){0};
    if (!take_token(rest, &parameter->name))
        return false;
    parameter->has_value = skip_char(rest, '=');
    if (!parameter->has_value)
        return true;
    if (skip_char(rest, '"'))
        return take_quoted(rest, parameter);
    if (!take_token(rest, &token))
        return false;
    for (size_t i = 0; i < token.size; i++)
        add_to_value(parameter, token.at[i]);
    return true;
}

/* ---- what an offer means ---- */

struct offer {
    bool is_known; /* ours, and no parameter yet that declines it */
    bool has_server_takeover, has_client_takeover, has_server_bits, has_client_bits;
};

/* 8 to 15, without a leading zero; else 0. */
static unsigned window_bits(const struct parameter *parameter)
{
    uint64_t bits;

    if (parameter->value_size > 2 || parameter->value[0] == '0' ||
        slice_to_u64(slice_of(parameter->value, parameter->value_size), WINDOW_BITS_MOST, &bits) !=
            OK)
        return 0;
    return bits >= WINDOW_BITS_LEAST ? (unsigned)bits : 0;
}

/* False: this parameter declines the offer. */
static bool judge(struct offer *offer, const struct parameter *parameter)
{
    bool *had = NULL;
    bool is_good = false;

    if (slice_is(parameter->name, "server_no_context_takeover")) {
        had = &offer->has_server_takeover;
        is_good = !parameter->has_value;
    } else if (slice_is(parameter->name, "client_no_context_takeover")) {
        had = &offer->has_client_takeover;
        is_good = !parameter->has_value;
    } else if (slice_is(parameter->name, "server_max_window_bits")) {
        had = &offer->has_server_bits;
        is_good = parameter->has_value && window_bits(parameter) >= DEFLATE_WINDOW_BITS;
    } else if (slice_is(parameter->name, "client_max_window_bits")) {
        had = &offer->has_client_bits;
        is_good = !parameter->has_value || window_bits(parameter) != 0;
    }
    if (!is_good || *had)
        return false;
    *had = true;
    return true;
}

/* One offer, up to the comma behind it; false: the header is broken. */
static bool take_offer(struct slice *rest, struct offer *offer)
{
    struct parameter parameter;
    struct slice name;

    if (!take_token(rest, &name))
        return false;
    *offer = (struct offer){.is_known = slice_is(name, NAME)};
    while (skip_char(rest, ';')) {
        if (!take_parameter(rest, &parameter))
            return false;
        offer->is_known = offer->is_known && judge(offer, &parameter);
    }
    return true;
}

/* A list may have empty places (RFC 9110, section 5.6.1.2). */
static bool choose_from(struct slice rest, struct http_extension *out)
{
    struct offer offer;

    for (;;) {
        while (skip_char(&rest, ','))
            continue;
        if (rest.size == 0)
            return true;
        if (!take_offer(&rest, &offer))
            return false;
        skip_spaces(&rest);
        if (rest.size > 0 && rest.at[0] != ',')
            return false;
        if (offer.is_known && !out->is_deflate)
            *out = (struct http_extension){true, offer.has_server_bits};
    }
}

enum status http_extension_choose(const struct http_request *request, struct http_extension *out,
                                  struct http_refusal *refusal)
{
    struct http_extension chosen = {0};
    struct slice value;
    size_t cursor = 0;

    while (http_header_next(request, "Sec-WebSocket-Extensions", &cursor, &value)) {
        if (!choose_from(value, &chosen))
            return http_refuse(refusal, 400, "Sec-WebSocket-Extensions is malformed");
    }
    *out = chosen;
    return OK;
}

void http_extension_answer(const struct http_extension *extension, struct buf *out)
{
    if (!extension->is_deflate)
        return;
    buf_add_text(out, "Sec-WebSocket-Extensions: " NAME
                      "; server_no_context_takeover; client_no_context_takeover");
    if (extension->has_max_window)
        buf_printf(out, "; server_max_window_bits=%d", DEFLATE_WINDOW_BITS);
    buf_add_text(out, "\r\n");
}
