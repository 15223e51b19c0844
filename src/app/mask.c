/* SPDX-License-Identifier: Apache-2.0 */
#include "app/mask.h"

#include <stdlib.h>

/* Is called for each password, in order. */
typedef void(span_fn)(void *arg, size_t start, size_t end);

static size_t find(struct slice text, size_t at, size_t end, const char *marks)
{
    while (at < end && (text.at[at] == '\0' || !strchr(marks, text.at[at])))
        at++;
    return at;
}

static bool is_secret_name(struct slice name)
{
    return slice_equal_nocase(name, SLICE("password")) ||
           slice_equal_nocase(name, SLICE("sslpassword")) ||
           slice_equal_nocase(name, SLICE("oauth_client_secret"));
}

static void scan_parameters(struct slice url, size_t at, span_fn *fn, void *arg)
{
    while (at < url.size) {
        const size_t end = find(url, at, url.size, "&");
        const size_t equals = find(url, at, end, "=");
        /* A name may be percent-encoded: such a one is nothing that a person writes. */
        if (equals < end && (is_secret_name(slice_of(url.at + at, equals - at)) ||
                             find(url, at, equals, "%") < equals))
            fn(arg, equals + 1, end);
        at = end + 1;
    }
}

static void scan_url(struct slice url, size_t start, span_fn *fn, void *arg)
{
    const size_t question = find(url, start, url.size, "?");
    size_t at_sign = question;

    /* The last @ ends user and password, even if an unescaped / or ? stands in the password. */
    for (size_t i = start; i < question; i++) {
        if (url.at[i] == '@')
            at_sign = i;
    }
    if (at_sign == question) {
        const size_t late = find(url, question, url.size, "@");
        const size_t colon = find(url, start, question, ":");
        const size_t slash = find(url, start, question, "/");
        if (late < url.size && colon < slash && slash == question) {
            fn(arg, colon + 1, late);
            return;
        }
    } else {
        const size_t colon = find(url, start, at_sign, ":");
        if (colon < at_sign)
            fn(arg, colon + 1, at_sign);
    }
    scan_parameters(url, question + 1, fn, arg);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t skip_spaces(struct slice text, size_t at)
{
    while (at < text.size && is_space(text.at[at]))
        at++;
    return at;
}

/* Behind the value that begins here: a word, or a text in single quotes, with \ escapes. */
static size_t value_end(struct slice text, size_t at)
{
    const bool is_quoted = at < text.size && text.at[at] == '\'';

    for (at += is_quoted ? 1 : 0; at < text.size; at++) {
        if (text.at[at] == '\\')
            at++;
        else if (is_quoted ? text.at[at] == '\'' : is_space(text.at[at]))
            break;
    }
    at += is_quoted ? 1 : 0;
    return at < text.size ? at : text.size;
}

/* libpq's keyword strings: name = value. */
static void scan_keywords(struct slice text, span_fn *fn, void *arg)
{
    size_t at = 0;

    while (at < text.size) {
        const size_t name = skip_spaces(text, at);
        const size_t name_end = find(text, name, text.size, "= \t\r\n\f\v");
        const size_t start = skip_spaces(text, find(text, name_end, text.size, "=") + 1);
        at = value_end(text, start);
        if (start < at && is_secret_name(slice_of(text.at + name, name_end - name)))
            fn(arg, start, at);
    }
}

static void scan(struct slice url, span_fn *fn, void *arg)
{
    for (size_t i = 0; i + 3 <= url.size && url.at[i] != '=' && url.at[i] != ' '; i++) {
        if (memcmp(url.at + i, "://", 3) == 0) {
            scan_url(url, i + 3, fn, arg);
            return;
        }
    }
    scan_keywords(url, fn, arg);
}

struct masking {
    struct slice url;
    struct buf *out;
    size_t done; /* bytes of url that are in out */
    bool is_found;
};

static void mask_span(void *arg, size_t start, size_t end)
{
    struct masking *const masking = arg;

    if (end == start)
        return;
    buf_add_bytes(masking->out, masking->url.at + masking->done, start - masking->done);
    buf_add_text(masking->out, "***");
    masking->done = end;
    masking->is_found = true;
}

bool mask_url(struct slice url, struct buf *out)
{
    struct masking masking = {.url = url, .out = out};

    if (url.size == 0)
        return false;

    scan(url, mask_span, &masking);
    buf_add(out, slice_from(url, masking.done));
    return masking.is_found;
}

struct overwriting {
    char *url;
    bool is_found;
};

static void overwrite_span(void *arg, size_t start, size_t end)
{
    struct overwriting *const overwriting = arg;

    memset(overwriting->url + start, '*', end - start);
    overwriting->is_found |= end > start;
}

bool mask_url_in_place(char *url)
{
    struct overwriting overwriting = {.url = url};

    scan(slice_text(url), overwrite_span, &overwriting);
    return overwriting.is_found;
}
