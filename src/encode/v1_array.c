/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the text, written as it is read: { becomes [, an element becomes its JSON.  When
 * the text turns out not to be an array, what was written is taken back.
 *
 * array_out() quotes an element that is empty, reads NULL in any case, or holds a brace, a quote,
 * a backslash, white space or the delimiter (arrayfuncs.c); a quote or backslash within has a
 * backslash in front.
 */
#include "encode/v1_array.h"

#include "base/json_reader.h"
#include "encode/value.h"

#define MAX_DIMENSIONS 6 /* MAXDIM of PostgreSQL */

struct array_reader {
    struct slice rest;
    enum column_class class; /* of the elements */
    bool is_json;
    char delimiter;
};

/* ---- json ---- */

/* Escapes of strings are looked at only where there is one. */
static bool is_sound_json(struct slice text)
{
    CLEANUP(buf_release) struct buf scratch = BUF_INIT;
    struct json_reader reader;
    struct json_token token;

    json_reader_init(&reader, text, JSON_MAX_DEPTH);
    do {
        if (json_next(&reader, &token) != OK)
            return false;
        buf_reset(&scratch);
        if (token.has_escape && json_unescape(token.text, &scratch) != OK)
            return false;
    } while (token.kind != JSON_TOKEN_END);
    return true;
}

void encode_v1_json(struct buf *out, struct slice text)
{
    if (is_sound_json(text))
        buf_add(out, text);
    else
        json_add_string(out, text);
}

/* ---- elements ---- */

/* The text between the quotes, without its backslashes. */
static void unescape(struct buf *out, struct slice raw)
{
    while (raw.size > 0) {
        const char *mark = memchr(raw.at, '\\', raw.size);
        const size_t plain = mark ? (size_t)(mark - raw.at) : raw.size;

        buf_add_bytes(out, raw.at, plain);
        raw = slice_from(raw, plain);
        if (raw.size < 2)
            return;
        buf_add_char(out, raw.at[1]);
        raw = slice_from(raw, 2);
    }
}

static bool is_plain_number(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.at[i];
        if ((c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e')
            return false;
    }
    return text.size > 0;
}

static void add_text(struct buf *out, const struct array_reader *reader, struct slice text)
{
    if (reader->is_json)
        encode_v1_json(out, text);
    else if (reader->class == COLUMN_NUMBER && !is_finite_number(text))
        buf_add(out, SLICE("null"));
    else if (reader->class == COLUMN_NUMBER && !is_plain_number(text))
        json_add_string(out, text);
    else
        encode_text(out, reader->class, text);
}

static bool add_quoted(struct buf *out, struct array_reader *reader)
{
    const struct slice rest = slice_from(reader->rest, 1);
    bool has_escape = false;
    size_t size = 0;

    while (size < rest.size && rest.at[size] != '"') {
        const bool is_escape = rest.at[size] == '\\';
        has_escape |= is_escape;
        size += is_escape ? 2 : 1;
    }
    if (size >= rest.size)
        return false;
    reader->rest = slice_from(rest, size + 1);

    const struct slice raw = slice_of(rest.at, size);
    if (!has_escape) {
        add_text(out, reader, raw);
        return true;
    }
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    unescape(&text, raw);
    add_text(out, reader, buf_slice(&text));
    return true;
}

static bool add_bare(struct buf *out, struct array_reader *reader)
{
    const struct slice rest = reader->rest;
    size_t size = 0;

    while (size < rest.size && rest.at[size] != reader->delimiter && rest.at[size] != '}') {
        if (rest.at[size] == '{' || rest.at[size] == '"' || rest.at[size] == '\\')
            return false;
        size++;
    }
    if (size == 0)
        return false;
    reader->rest = slice_from(rest, size);

    const struct slice text = slice_of(rest.at, size);
    if (slice_is(text, "NULL"))
        buf_add(out, SLICE("null"));
    else
        add_text(out, reader, text);
    return true;
}

/* ---- the array ---- */

static bool next_is(const struct array_reader *reader, char c)
{
    return reader->rest.size > 0 && reader->rest.at[0] == c;
}

static bool take(struct array_reader *reader, char c)
{
    if (!next_is(reader, c))
        return false;
    reader->rest = slice_from(reader->rest, 1);
    return true;
}

static bool add_dimension(struct buf *out, struct array_reader *reader, int depth)
{
    if (depth > MAX_DIMENSIONS || !take(reader, '{'))
        return false;
    buf_add_char(out, '[');
    if (depth == 1 && take(reader, '}')) {
        buf_add_char(out, ']');
        return true;
    }
    for (;;) {
        if (next_is(reader, '{')   ? !add_dimension(out, reader, depth + 1)
            : next_is(reader, '"') ? !add_quoted(out, reader)
                                   : !add_bare(out, reader))
            return false;
        if (!take(reader, reader->delimiter))
            break;
        buf_add_char(out, ',');
    }
    buf_add_char(out, ']');
    return take(reader, '}');
}

/* Passes over "[0:1][-2:3]=". */
static bool take_bounds(struct array_reader *reader)
{
    struct slice rest = reader->rest;
    const struct slice bounds = slice_cut(&rest, '=');

    if (!next_is(reader, '['))
        return true;
    for (size_t i = 0; i < bounds.size; i++) {
        const char c = bounds.at[i];
        if ((c < '0' || c > '9') && c != '[' && c != ']' && c != ':' && c != '-')
            return false;
    }
    reader->rest = rest;
    return true;
}

/* pg_type.typdelim, which of all types only box and those of PostGIS have of their own. */
static char delimiter_of(struct slice element)
{
    const char *dot = memrchr(element.at, '.', element.size);
    struct slice name = dot ? slice_from(element, (size_t)(dot - element.at) + 1) : element;

    name = slice_cut(&name, '(');
    if (slice_is(name, "box"))
        return ';';
    return slice_is(name, "geometry") || slice_is(name, "geography") ? ':' : ',';
}

void encode_v1_array(struct buf *out, struct slice type, struct slice text)
{
    const struct slice element = slice_of(type.at, type.size - 2);
    struct array_reader reader = {text, column_class_of_type(element), is_json_type(element),
                                  delimiter_of(element)};
    const size_t start = out->size;

    if (take_bounds(&reader) && add_dimension(out, &reader, 1) && reader.rest.size == 0)
        return;
    out->size = start;
    json_add_string(out, text);
}
