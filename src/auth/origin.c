/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/origin.h"

/* What an origin is made of; host and scheme are compared without regard to case. */
struct place {
    struct slice scheme, host;
    uint64_t port;
};

static bool is_host(struct slice host)
{
    if (host.size == 0)
        return false;
    for (size_t i = 0; i < host.size; i++) {
        const char c = host.at[i];
        if (c <= 0x20 || c > 0x7E || strchr("/\\?#@\"<>^`{|},;", c))
            return false;
    }
    return true;
}

static uint64_t default_port(struct slice scheme)
{
    if (slice_equal_nocase(scheme, SLICE("https")))
        return 443;
    return slice_equal_nocase(scheme, SLICE("http")) ? 80 : 0;
}

/* Reads host[:port] and [::1][:port]. */
static bool read_host(struct slice text, struct place *out)
{
    struct slice port = {0};
    size_t end = 0;

    while (end < text.size && text.at[end] != (text.at[0] == '[' ? ']' : ':'))
        end++;
    if (text.size > 0 && text.at[0] == '[' && end++ == text.size)
        return false;
    out->host = slice_of(text.at, end);
    out->port = default_port(out->scheme);
    if (end == text.size)
        return is_host(out->host);
    if (text.at[end] != ':')
        return false;
    port = slice_from(text, end + 1);
    return is_host(out->host) && slice_to_u64(port, 65535, &out->port) == OK && out->port > 0;
}

static bool read_origin(struct slice text, struct place *out)
{
    const struct slice mark = SLICE("://");
    size_t at = 0;

    while (at < text.size && text.at[at] != ':')
        at++;
    out->scheme = slice_of(text.at, at);
    if (at == 0 || !slice_starts(slice_from(text, at), mark))
        return false;
    for (size_t i = 0; i < at; i++) {
        const char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '+' || c == '.'))
            return false;
    }
    return read_host(slice_from(text, at + mark.size), out);
}

static bool is_same(const struct place *a, const struct place *b)
{
    return a->port == b->port && slice_equal_nocase(a->scheme, b->scheme) &&
           slice_equal_nocase(a->host, b->host);
}

bool origin_is_allowed(const struct origin_rule *rule, struct slice origin, struct slice host)
{
    struct place from, to;

    if (!origin.at)
        return true;
    if (!read_origin(origin, &from))
        return false;
    for (size_t i = 0; i < rule->count; i++) {
        if (read_origin(slice_text(rule->allowed[i]), &to) && is_same(&from, &to))
            return true;
    }
    if (rule->count > 0)
        return false;
    to.scheme = rule->is_tls ? SLICE("https") : SLICE("http");
    return read_host(host, &to) && is_same(&from, &to);
}

enum status origin_check(struct slice text, struct fault *fault)
{
    struct place place;

    if (slice_is(text, "*"))
        return fault_set(fault, ERR_INPUT,
                         "\"*\" would let every web page use your visitors' cookies: list the "
                         "origins, for example https://app.example.com");
    if (!read_origin(text, &place))
        return fault_set(fault, ERR_INPUT,
                         "\"%.*s\" is not an origin: scheme://host[:port] and nothing behind it, "
                         "for example https://app.example.com",
                         SLICE_ARG(text));
    return OK;
}
