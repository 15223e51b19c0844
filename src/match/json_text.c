/* SPDX-License-Identifier: Apache-2.0 */
#include "match/json_text.h"

#include "match/fold.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct slice *rest)
{
    size_t count = 0;

    while (count < rest->size && is_blank(rest->at[count]))
        count++;
    *rest = slice_from(*rest, count);
}

bool json_text_skip(struct slice *rest, char c)
{
    skip_blanks(rest);
    if (rest->size == 0 || rest->at[0] != c)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

/* The size of a string with both its quotes; 0 when it does not end. */
static size_t string_size(struct slice text)
{
    for (size_t i = 1; i < text.size; i++) {
        if (text.at[i] == '\\')
            i++;
        else if (text.at[i] == '"')
            return i + 1;
    }
    return 0;
}

static size_t bracket_size(struct slice text)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.size; i++) {
        const char c = text.at[i];
        if (c == '"') {
            const size_t size = string_size(slice_from(text, i));
            if (size == 0)
                return 0;
            i += size - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

static size_t word_size(struct slice text)
{
    size_t size = 0;

    while (size < text.size && !is_blank(text.at[size]) && !strchr(",:]}", text.at[size]))
        size++;
    return size;
}

bool json_text_cut(struct slice *rest, struct slice *out)
{
    skip_blanks(rest);
    if (rest->size == 0)
        return false;
    const char c = rest->at[0];
    const size_t size = c == '"'               ? string_size(*rest)
                        : c == '{' || c == '[' ? bracket_size(*rest)
                                               : word_size(*rest);
    if (size == 0)
        return false;
    *out = slice_of(rest->at, size);
    *rest = slice_from(*rest, size);
    return true;
}

static bool hex4(struct slice text, size_t at, uint32_t *out)
{
    uint32_t number = 0;

    if (at + 4 > text.size)
        return false;
    for (size_t i = at; i < at + 4; i++) {
        const char c = text.at[i];
        if (c >= '0' && c <= '9')
            number = number * 16 + (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            number = number * 16 + (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    *out = number;
    return true;
}

/* Behind "\u": four digits, or two surrogates of four with another \u between them. */
static bool unescape_unicode(struct slice text, size_t *at, struct buf *out)
{
    uint32_t c = 0, low = 0;

    if (!hex4(text, *at, &c))
        return false;
    *at += 4;
    if (c >= 0xD800 && c < 0xDC00) {
        if (*at + 6 > text.size || text.at[*at] != '\\' || text.at[*at + 1] != 'u' ||
            !hex4(text, *at + 2, &low) || low < 0xDC00 || low > 0xDFFF)
            return false;
        *at += 6;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    fold_add(out, c);
    return true;
}

bool json_text_unescape(struct slice string, struct buf *out)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

    if (string.size < 2)
        return false;
    const struct slice text = slice_of(string.at + 1, string.size - 2);
    for (size_t i = 0; i < text.size;) {
        const char c = text.at[i++];
        if (c != '\\') {
            buf_add_char(out, c);
            continue;
        }
        const char escape = (char)(i < text.size ? text.at[i++] : '\0');
        if (escape == 'u') {
            if (!unescape_unicode(text, &i, out))
                return false;
            continue;
        }
        size_t k = 0;
        while (escapes[k] != '\0' && escapes[k] != escape)
            k += 2;
        if (escapes[k] == '\0')
            return false;
        buf_add_char(out, escapes[k + 1]);
    }
    return true;
}

static bool key_is(struct slice string, struct slice key, struct buf *scratch)
{
    if (!memchr(string.at, '\\', string.size))
        return slice_equal(slice_of(string.at + 1, string.size - 2), key);
    buf_reset(scratch);
    return json_text_unescape(string, scratch) && slice_equal(buf_slice(scratch), key);
}

/* The last member of that name: json keeps repeated names, and PostgreSQL takes the last. */
static enum json_found member(struct slice json, struct slice key, struct buf *scratch,
                              struct slice *out)
{
    enum json_found found = JSON_FOUND_NOTHING;
    struct slice name, value;

    if (!json_text_skip(&json, '{'))
        return JSON_FOUND_NOTHING;
    if (json_text_skip(&json, '}'))
        return JSON_FOUND_NOTHING;
    do {
        if (!json_text_cut(&json, &name) || name.at[0] != '"' || !json_text_skip(&json, ':') ||
            !json_text_cut(&json, &value))
            return JSON_BROKEN;
        if (key_is(name, key, scratch)) {
            found = JSON_FOUND;
            *out = value;
        }
    } while (json_text_skip(&json, ','));
    return found;
}

static int64_t item_count(struct slice json)
{
    struct slice value;
    int64_t count = 0;

    if (!json_text_skip(&json, '[') || json_text_skip(&json, ']'))
        return 0;
    do {
        if (!json_text_cut(&json, &value))
            return 0;
        count++;
    } while (json_text_skip(&json, ','));
    return count;
}

static enum json_found item(struct slice json, int64_t number, bool is_jsonb, struct slice *out)
{
    const char first = (char)(json.size > 0 ? json.at[0] : '\0');

    if (is_jsonb && first != '[' && first != '{') {
        *out = json;
        return number == 0 || number == -1 ? JSON_FOUND : JSON_FOUND_NOTHING;
    }
    if (number < 0)
        number += item_count(json);
    if (number < 0 || !json_text_skip(&json, '[') || json_text_skip(&json, ']'))
        return JSON_FOUND_NOTHING;
    do {
        if (!json_text_cut(&json, out))
            return JSON_BROKEN;
        if (number-- == 0)
            return JSON_FOUND;
    } while (json_text_skip(&json, ','));
    return JSON_FOUND_NOTHING;
}

static enum json_found as_text(struct slice json, struct buf *scratch, struct slice *out)
{
    if (slice_is(json, "null"))
        return JSON_FOUND_NOTHING;
    *out = json;
    if (json.at[0] != '"')
        return JSON_FOUND;
    *out = slice_of(json.at + 1, json.size - 2);
    if (!memchr(out->at, '\\', out->size))
        return JSON_FOUND;
    buf_reset(scratch);
    if (!json_text_unescape(json, scratch))
        return JSON_BROKEN;
    *out = buf_slice(scratch);
    return JSON_FOUND;
}

enum json_found json_text_walk(struct slice json, const struct query_step *steps,
                               uint32_t step_count, bool is_jsonb, struct buf *scratch,
                               struct slice *out)
{
    struct slice at;

    if (!json_text_cut(&json, &at))
        return JSON_BROKEN;
    for (uint32_t i = 0; i < step_count; i++) {
        const enum json_found found = steps[i].is_number ? item(at, steps[i].number, is_jsonb, &at)
                                                         : member(at, steps[i].key, scratch, &at);
        if (found != JSON_FOUND)
            return found;
    }
    if (step_count > 0 && steps[step_count - 1].is_text)
        return as_text(at, scratch, out);
    *out = at;
    return JSON_FOUND;
}
