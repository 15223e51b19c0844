/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_reader.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum place {
    AT_VALUE,        /* a value must come */
    AT_FIRST_VALUE,  /* after [ */
    AT_FIRST_NAME,   /* after { */
    AT_NAME,         /* after a comma in an object */
    AT_COMMA,        /* after a value in an array or object */
    AT_DOCUMENT_END, /* after the outermost value */
};

void json_reader_init(struct json_reader *reader, struct slice text, uint32_t max_depth)
{
    assert(max_depth <= JSON_MAX_DEPTH);
    reader->start = reader->at = text.at ? text.at : "";
    reader->end = reader->at + text.size;
    reader->why = NULL;
    reader->depth = 0;
    reader->max_depth = max_depth;
    reader->place = AT_VALUE;
}

static enum status wrong(struct json_reader *reader, const char *why)
{
    reader->why = why;
    return ERR_PARSE;
}

static enum status cut_off(struct json_reader *reader)
{
    reader->why = "it ends too early";
    return ERR_AGAIN;
}

/* ---- brackets ---- */

static bool in_object(const struct json_reader *reader)
{
    const uint32_t top = reader->depth - 1;

    return reader->depth > 0 && (reader->is_object[top / 8] >> (top % 8) & 1U);
}

static void value_is_read(struct json_reader *reader)
{
    reader->place = reader->depth == 0 ? AT_DOCUMENT_END : AT_COMMA;
}

static enum status open_bracket(struct json_reader *reader, bool is_object)
{
    const uint32_t at = reader->depth;
    const uint8_t bit = (uint8_t)(1U << (at % 8));

    if (at == reader->max_depth) {
        reader->why = "it is nested too deeply";
        return ERR_LIMIT;
    }
    reader->is_object[at / 8] =
        (uint8_t)(is_object ? reader->is_object[at / 8] | bit : reader->is_object[at / 8] & ~bit);
    reader->depth++;
    reader->at++;
    reader->place = is_object ? AT_FIRST_NAME : AT_FIRST_VALUE;
    return OK;
}

static enum status close_bracket(struct json_reader *reader, struct json_token *out)
{
    out->kind = in_object(reader) ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END;
    reader->at++;
    reader->depth--;
    value_is_read(reader);
    return OK;
}

/* ---- strings ---- */

/* The first byte from `at` on that is a quote, a backslash or a control character. */
static const char *find_special(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1F);

    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        const __m128i found =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)),
                         _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes));
        const unsigned mask = (unsigned)_mm_movemask_epi8(found);
        if (mask)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits, or -1. */
static int32_t hex_quad(const char *at)
{
    int32_t value = 0;

    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Moves `*at` behind the escape it points to. */
static enum status pass_escape(struct json_reader *reader, const char **at)
{
    if (reader->end - *at < 2)
        return cut_off(reader);
    if ((*at)[1] == 'u') {
        if (reader->end - *at < 6)
            return cut_off(reader);
        if (hex_quad(*at + 2) < 0)
            return wrong(reader, "\\u is not followed by four hexadecimal digits");
        *at += 6;
        return OK;
    }
    if (!(*at)[1] || !strchr("\"\\/bfnrt", (*at)[1]))
        return wrong(reader, "an unknown escape");
    *at += 2;
    return OK;
}

static enum status read_string(struct json_reader *reader, struct json_token *out)
{
    const char *const first = reader->at + 1;
    const char *at = first;

    out->has_escape = false;
    for (;;) {
        at = find_special(at, reader->end);
        if (at == reader->end)
            return cut_off(reader);
        if (*at == '"')
            break;
        if (*at != '\\')
            return wrong(reader, "a control character in a string");
        out->has_escape = true;
        const enum status status = pass_escape(reader, &at);
        if (status)
            return status;
    }
    out->text = slice_of(first, (size_t)(at - first));
    reader->at = at + 1;
    return OK;
}

/* ---- numbers and words ---- */

static const char *pass_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Digits, at least one; NULL with the reason otherwise. */
static const char *need_digits(struct json_reader *reader, const char *at, enum status *out_status)
{
    const char *const after = pass_digits(at, reader->end);

    if (after > at)
        return after;
    *out_status = at == reader->end ? cut_off(reader) : wrong(reader, "a digit is missing");
    return NULL;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static enum status read_number(struct json_reader *reader, struct json_token *out)
{
    const char *const end = reader->end;
    const char *at = reader->at + (*reader->at == '-');
    enum status status = OK;

    const char *const first = at;
    if (!(at = need_digits(reader, at, &status)))
        return status;
    if (*first == '0' && at - first > 1)
        return wrong(reader, "a number with a leading zero");
    if (at < end && *at == '.' && !(at = need_digits(reader, at + 1, &status)))
        return status;
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        if (!(at = need_digits(reader, at, &status)))
            return status;
    }
    out->kind = JSON_TOKEN_NUMBER;
    out->text = slice_of(reader->at, (size_t)(at - reader->at));
    reader->at = at;
    return OK;
}

static enum status read_word(struct json_reader *reader, struct slice word)
{
    const size_t left = (size_t)(reader->end - reader->at);

    if (memcmp(reader->at, word.at, left < word.size ? left : word.size) != 0)
        return wrong(reader, "an unknown word");
    if (left < word.size)
        return cut_off(reader);
    reader->at += word.size;
    return OK;
}

/* ---- tokens ---- */

static enum status read_scalar(struct json_reader *reader, struct json_token *out)
{
    enum status status;

    switch (*reader->at) {
    case '"':
        out->kind = JSON_TOKEN_STRING;
        status = read_string(reader, out);
        break;
    case 't':
        out->kind = JSON_TOKEN_TRUE;
        status = read_word(reader, SLICE("true"));
        break;
    case 'f':
        out->kind = JSON_TOKEN_FALSE;
        status = read_word(reader, SLICE("false"));
        break;
    case 'n':
        out->kind = JSON_TOKEN_NULL;
        status = read_word(reader, SLICE("null"));
        break;
    default:
        if (*reader->at != '-' && (*reader->at < '0' || *reader->at > '9'))
            return wrong(reader, "a value is missing");
        status = read_number(reader, out);
        break;
    }
    if (!status)
        value_is_read(reader);
    return status;
}

static enum status read_value(struct json_reader *reader, struct json_token *out)
{
    switch (*reader->at) {
    case '{':
        out->kind = JSON_TOKEN_OBJECT;
        return open_bracket(reader, true);
    case '[':
        out->kind = JSON_TOKEN_ARRAY;
        return open_bracket(reader, false);
    default:
        return read_scalar(reader, out);
    }
}

static void pass_space(struct json_reader *reader)
{
    const char *at = reader->at;

    while (at < reader->end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    reader->at = at;
}

/* A name and the colon behind it, or nothing of both. */
static enum status read_name(struct json_reader *reader, struct json_token *out)
{
    const char *const before = reader->at;
    enum status status;

    if (*reader->at != '"')
        return wrong(reader, "a member's name is missing");
    out->kind = JSON_TOKEN_NAME;
    status = read_string(reader, out);
    if (!status) {
        pass_space(reader);
        if (reader->at == reader->end)
            status = cut_off(reader);
        else if (*reader->at != ':')
            status = wrong(reader, "a colon is missing");
    }
    if (status) {
        reader->at = before;
        return status;
    }
    reader->at++;
    reader->place = AT_VALUE;
    return OK;
}

/* Moves behind white space and, where one may stand, a comma. */
static void settle(struct json_reader *reader)
{
    pass_space(reader);
    if (reader->place != AT_COMMA || reader->at == reader->end || *reader->at != ',')
        return;
    reader->at++;
    reader->place = in_object(reader) ? AT_NAME : AT_VALUE;
    pass_space(reader);
}

enum status json_next(struct json_reader *reader, struct json_token *out)
{
    settle(reader);
    out->has_escape = false;
    out->text = (struct slice){0};
    if (reader->place == AT_DOCUMENT_END) {
        out->kind = JSON_TOKEN_END;
        return reader->at == reader->end ? OK : wrong(reader, "something follows the document");
    }
    if (reader->at == reader->end)
        return cut_off(reader);

    const char c = *reader->at;
    switch ((enum place)reader->place) {
    case AT_VALUE:
        return read_value(reader, out);
    case AT_FIRST_VALUE:
        return c == ']' ? close_bracket(reader, out) : read_value(reader, out);
    case AT_FIRST_NAME:
        return c == '}' ? close_bracket(reader, out) : read_name(reader, out);
    case AT_NAME:
        return read_name(reader, out);
    case AT_COMMA:
        if (c == (in_object(reader) ? '}' : ']'))
            return close_bracket(reader, out);
        return wrong(reader, "a comma or a closing bracket is missing");
    case AT_DOCUMENT_END:
        break;
    }
    return wrong(reader, "something follows the document");
}

enum status json_skip(struct json_reader *reader)
{
    const uint32_t depth = reader->depth;
    struct json_token token = {.kind = JSON_TOKEN_END};

    do {
        const enum status status = json_next(reader, &token);
        if (status)
            return status;
        if (token.kind == JSON_TOKEN_END || reader->depth < depth)
            return wrong(reader, "a value is missing");
    } while (reader->depth > depth || token.kind == JSON_TOKEN_NAME);
    return OK;
}

struct slice json_rest(struct json_reader *reader)
{
    if (reader->why)
        return (struct slice){0};
    settle(reader);
    return slice_of(reader->at, (size_t)(reader->end - reader->at));
}

void json_take(struct json_reader *reader, size_t size)
{
    assert(size <= (size_t)(reader->end - reader->at));
    reader->at += size;
    value_is_read(reader);
}

void json_jump(struct json_reader *reader, size_t size)
{
    assert(size <= (size_t)(reader->end - reader->at));
    reader->at += size;
    reader->place = AT_VALUE;
}

enum status json_enter(struct json_reader *reader, size_t size)
{
    const enum status status = open_bracket(reader, true);

    if (!status)
        json_jump(reader, size - 1);
    return status;
}

/* ---- what a raw string stands for ---- */

static void add_utf8(struct buf *out, uint32_t code)
{
    char bytes[4];
    size_t size = 0;

    if (code < 0x80) {
        bytes[size++] = (char)code;
    } else if (code < 0x800) {
        bytes[size++] = (char)(0xC0 | code >> 6);
        bytes[size++] = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        bytes[size++] = (char)(0xE0 | code >> 12);
        bytes[size++] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[size++] = (char)(0x80 | (code & 0x3F));
    } else {
        bytes[size++] = (char)(0xF0 | code >> 18);
        bytes[size++] = (char)(0x80 | (code >> 12 & 0x3F));
        bytes[size++] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[size++] = (char)(0x80 | (code & 0x3F));
    }
    buf_add_bytes(out, bytes, size);
}

/* `rest` starts with \u; a pair of surrogates is taken as one.  The bytes used, or 0. */
static size_t add_unicode(struct slice rest, struct buf *out)
{
    const int32_t first = rest.size >= 6 ? hex_quad(rest.at + 2) : -1;

    if (first < 0 || (first >= 0xDC00 && first <= 0xDFFF))
        return 0;
    if (first < 0xD800 || first > 0xDBFF) {
        add_utf8(out, (uint32_t)first);
        return 6;
    }
    if (rest.size < 12 || rest.at[6] != '\\' || rest.at[7] != 'u')
        return 0;
    const int32_t second = hex_quad(rest.at + 8);
    if (second < 0xDC00 || second > 0xDFFF)
        return 0;
    add_utf8(out, 0x10000U + ((uint32_t)(first - 0xD800) << 10) + (uint32_t)(second - 0xDC00));
    return 12;
}

/* `rest` starts with a backslash.  The bytes used, or 0. */
static size_t add_unescaped(struct slice rest, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    if (rest.size < 2 || !rest.at[1])
        return 0;
    if (rest.at[1] == 'u')
        return add_unicode(rest, out);
    const char *const known = strchr(from, rest.at[1]);
    if (!known)
        return 0;
    buf_add_char(out, to[known - from]);
    return 2;
}

enum status json_unescape(struct slice raw, struct buf *out)
{
    const size_t before = out->size;

    while (raw.size > 0) {
        const char *const slash = memchr(raw.at, '\\', raw.size);
        const size_t plain = slash ? (size_t)(slash - raw.at) : raw.size;
        buf_add_bytes(out, raw.at, plain);
        raw = slice_from(raw, plain);
        if (!slash)
            break;
        const size_t used = add_unescaped(raw, out);
        if (used == 0) {
            out->size = before;
            return ERR_PARSE;
        }
        raw = slice_from(raw, used);
    }
    return OK;
}
