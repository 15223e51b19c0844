/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/wal2json_type.h"

#include "base/json_reader.h"
#include "change/table.h"

/*
 * How a token is told apart.  R is what stands between the first quote and the next one that no
 * backslash precedes, as a JSON reader sees it:
 *
 *     "integer"               R has no backslash, and a comma or bracket follows: printed as a
 *     "My Type"               JSON string, or bare; both readings have the same extent
 *     "plain.\"Kind of\""     R is one of the two shapes that format_type() has with quotes in it
 *     "\"My Type\"[]"         and that are printed as a JSON string: behind a dot, or an array
 *     "int".kind   "a\"       all else is bare: a quoted identifier, in which "" stands for one
 *     "quo""te"    "\"        quote and nothing else has a meaning
 *
 * A bare name can't forge one of the shapes: each quote in it is doubled, so that the JSON reader
 * sees R end at once behind it; and if the name's last character is a backslash, R ends with the
 * comma or bracket behind the name.
 */
enum shape {
    SHAPE_PLAIN,   /* no backslash in it */
    SHAPE_ESCAPED, /* a JSON string with \" in it */
    SHAPE_BARE,    /* an identifier as SQL quotes it */
    SHAPE_NONE,
};

static bool ends_token(struct slice rest, size_t at)
{
    return at == rest.size || rest.at[at] == ',' || rest.at[at] == ']' || rest.at[at] == '}';
}

static bool is_safe(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The bytes of a JSON string with its quotes; 0 if there is none. */
static size_t json_size(struct slice rest, bool *out_has_escape)
{
    *out_has_escape = false;
    for (size_t i = 1; i < rest.size && (unsigned char)rest.at[i] >= 0x20; i++) {
        if (rest.at[i] == '"')
            return i + 1;
        if (rest.at[i] == '\\') {
            *out_has_escape = true;
            i++;
        }
    }
    return 0;
}

/* \"...\"[] or schema.\"...\" with perhaps (...) or [] behind it. */
static bool is_escaped_shape(struct slice r)
{
    size_t i = 0;

    if (slice_starts(r, SLICE("\\\"")))
        return r.size > 5 && r.at[r.size - 1] == ']';
    while (i < r.size && is_safe(r.at[i]))
        i++;
    if (i == 0 || !slice_starts(slice_from(r, i), SLICE(".\\\"")) || r.size < i + 6)
        return false;
    const char last = r.at[r.size - 1];
    return last == '"' || last == ']' || last == ')';
}

/* A quoted identifier from `at` on; the place behind it, or 0. */
static size_t pass_quoted(struct slice rest, size_t at)
{
    for (size_t i = at + 1; i < rest.size; i++) {
        if (rest.at[i] != '"')
            continue;
        if (i + 1 == rest.size || rest.at[i + 1] != '"')
            return i + 1;
        i++;
    }
    return 0;
}

/* "name", "schema".name or "schema"."name", with perhaps a modifier behind it. */
static size_t bare_size(struct slice rest)
{
    size_t at = pass_quoted(rest, 0);

    if (at > 0 && at + 1 < rest.size && rest.at[at] == '.') {
        at++;
        if (rest.at[at] == '"')
            at = pass_quoted(rest, at);
        else
            while (at < rest.size && is_safe(rest.at[at]))
                at++;
    }
    if (at > 0 && at < rest.size && rest.at[at] == '(') {
        while (at < rest.size && !(rest.at[at] == ')' && ends_token(rest, at + 1)))
            at++;
        at = at < rest.size ? at + 1 : 0;
    }
    return at > 0 && ends_token(rest, at) ? at : 0;
}

static enum shape look(struct slice rest, size_t *out_size)
{
    bool has_escape;

    if (rest.size < 2 || rest.at[0] != '"')
        return SHAPE_NONE;
    *out_size = json_size(rest, &has_escape);
    if (*out_size > 0 && ends_token(rest, *out_size)) {
        if (!has_escape)
            return SHAPE_PLAIN;
        if (is_escaped_shape(slice_of(rest.at + 1, *out_size - 2)))
            return SHAPE_ESCAPED;
    }
    *out_size = bare_size(rest);
    return *out_size > 0 ? SHAPE_BARE : SHAPE_NONE;
}

size_t wal2json_type_size(struct slice rest)
{
    size_t size = 0;

    return look(rest, &size) == SHAPE_NONE ? 0 : size;
}

/* ---- which names format_type() prints without quotes ---- */

/* Words that are quoted as identifiers: pg_get_keywords() of PostgreSQL 15 without the unreserved
 * ones, and without those whose meaning as a type has the same spelling. */
static const char keywords[] =
    " all analyse analyze and any array as asc asymmetric authorization between binary bit both "
    "case cast char character check coalesce collate collation column concurrently constraint "
    "create cross current_catalog current_date current_role current_schema current_time "
    "current_timestamp current_user dec decimal default deferrable desc distinct do else end "
    "except exists extract false fetch float for foreign freeze from full grant greatest group "
    "grouping having ilike in initially inner inout int intersect into is isnull join lateral "
    "leading least left like limit localtime localtimestamp national natural nchar none "
    "normalize not notnull null nullif offset on only or order out outer overlaps overlay "
    "placing position precision primary references returning right row select session_user "
    "setof similar some substring symmetric table tablesample then time timestamp to trailing "
    "treat trim true union unique user using values varchar variadic verbose when where window "
    "with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi "
    "xmlroot xmlserialize xmltable ";

static bool is_keyword(struct slice word)
{
    char padded[32];

    if (word.size > sizeof padded - 3)
        return false;
    padded[0] = ' ';
    memcpy(padded + 1, word.at, word.size);
    memcpy(padded + 1 + word.size, " ", 2);
    return strstr(keywords, padded) != NULL;
}

/* Built-in types of several words, or with a modifier behind a word that is a keyword. */
static bool is_built_in_phrase(struct slice text)
{
    static const char *const starts[] = {"bit(",      "bit varying",       "character(",
                                         "time(",     "character varying", "double precision",
                                         "time with", "timestamp(",        "timestamp with",
                                         "interval "};

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (!slice_starts(text, slice_text(starts[i])))
            continue;
        for (size_t at = 0; at < text.size; at++) {
            if (!is_safe(text.at[at]) && !strchr(" (),", text.at[at]))
                return false;
        }
        return true;
    }
    return false;
}

/* name, schema.name, name(...), name[]: as format_type() prints what needs no quotes. */
static bool needs_no_quotes(struct slice text)
{
    size_t at = 0;

    if (is_built_in_phrase(text) || (text.size > 0 && text.at[text.size - 1] == ']'))
        return true;
    while (at < text.size && is_safe(text.at[at]))
        at++;
    const struct slice first = slice_of(text.at, at);
    if (at == 0 || (text.at[0] >= '0' && text.at[0] <= '9'))
        return false;
    if (at < text.size && text.at[at] == '.') {
        const size_t dot = at++;
        while (at < text.size && is_safe(text.at[at]))
            at++;
        if (at == dot + 1)
            return false;
    } else if (is_keyword(first)) {
        return false;
    }
    return at == text.size || text.at[at] == '(';
}

static void add_quoted(struct buf *out, struct slice text)
{
    buf_add_char(out, '"');
    buf_add(out, text);
    buf_add_char(out, '"');
}

enum status wal2json_type_text(struct slice token, bool value_is_string, struct buf *out)
{
    size_t size = 0;
    const enum shape shape = look(token, &size);

    if (shape == SHAPE_NONE || size != token.size)
        return ERR_PARSE;
    if (shape == SHAPE_BARE) {
        buf_add(out, token);
        return OK;
    }
    const struct slice inner = slice_of(token.at + 1, token.size - 2);
    if (shape == SHAPE_ESCAPED)
        return json_unescape(inner, out);
    const enum column_class class = column_class_of_type(inner);
    const bool is_taken_for_built_in =
        value_is_string && (class == COLUMN_NUMBER || class == COLUMN_BOOLEAN);
    if (needs_no_quotes(inner) && !is_taken_for_built_in)
        buf_add(out, inner);
    else
        add_quoted(out, inner);
    return OK;
}
