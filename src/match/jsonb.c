/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this jsonb equal to that one, does it contain it?
 *
 * Both are printed by PostgreSQL, which keeps the members of an object sorted by size and bytes of
 * their names and free of repetition, so equal values have their nodes in the same order, and only
 * numbers can be printed in more than one way (1.0 equals 1.00).
 *
 *     {"a": 1, "b": [1, 2]}  @>  {"b": [2]}        members and items may be fewer, not others
 *     [1, [2, 3]]            @>  [1, 1, [2]]       how often does not count
 *     ["x", "y"]             @>  "x"               an array contains a scalar; not the other way
 */
#include "match/jsonb.h"

#include "base/mem.h"
#include "match/json_text.h"
#include "match/scalar.h"

#define JSONB_MAX_DEPTH 2000

struct jsonb_reader {
    struct slice rest;
    struct jsonb *value;
    struct buf words; /* reserved to the size of the text, so that it never moves */
    uint32_t capacity;
    unsigned depth;
};

static bool read_value(struct jsonb_reader *reader, struct slice key);

/* Adds a node; the one before may move. */
static uint32_t node_add(struct jsonb_reader *reader, enum jsonb_kind kind, struct slice key)
{
    struct jsonb *value = reader->value;

    if (value->count == reader->capacity) {
        reader->capacity = reader->capacity == 0 ? 8 : reader->capacity * 2;
        value->nodes = mem_resize(value->nodes, reader->capacity * sizeof *value->nodes);
    }
    value->nodes[value->count] =
        (struct jsonb_node){.kind = kind, .end = value->count + 1, .key = key};
    return value->count++;
}

static bool read_string(struct jsonb_reader *reader, struct slice *out)
{
    struct slice string;
    const size_t start = reader->words.size;

    if (!json_text_cut(&reader->rest, &string) || string.at[0] != '"' ||
        !json_text_unescape(string, &reader->words))
        return false;
    *out = slice_of(reader->words.at + start, reader->words.size - start);
    return true;
}

static bool read_bracket(struct jsonb_reader *reader, struct slice key)
{
    const bool is_object = json_text_skip(&reader->rest, '{');
    const char end = is_object ? '}' : ']';
    const uint32_t at = node_add(reader, is_object ? JSONB_OBJECT : JSONB_ARRAY, key);
    uint32_t count = 0;

    if (!is_object)
        (void)json_text_skip(&reader->rest, '[');
    if (++reader->depth > JSONB_MAX_DEPTH)
        return false;
    if (!json_text_skip(&reader->rest, end)) {
        do {
            struct slice name = {0};
            if (is_object && (!read_string(reader, &name) || !json_text_skip(&reader->rest, ':')))
                return false;
            if (!read_value(reader, name))
                return false;
            count++;
        } while (json_text_skip(&reader->rest, ','));
        if (!json_text_skip(&reader->rest, end))
            return false;
    }
    reader->depth--;
    reader->value->nodes[at].count = count;
    reader->value->nodes[at].end = reader->value->count;
    return true;
}

static void add_number(struct jsonb_reader *reader, struct slice key, struct numeric number)
{
    const uint32_t at = node_add(reader, JSONB_NUMBER, key);

    reader->value->nodes[at].number = number;
}

static bool read_word(struct jsonb_reader *reader, struct slice key)
{
    struct slice word;
    struct numeric number;

    if (!json_text_cut(&reader->rest, &word))
        return false;
    if (slice_is(word, "null"))
        (void)node_add(reader, JSONB_NULL, key);
    else if (slice_is(word, "true"))
        (void)node_add(reader, JSONB_TRUE, key);
    else if (slice_is(word, "false"))
        (void)node_add(reader, JSONB_FALSE, key);
    else if (numeric_parse(word, &number))
        add_number(reader, key, number);
    else
        return false;
    return true;
}

static bool read_value(struct jsonb_reader *reader, struct slice key)
{
    struct slice string;
    struct slice look = reader->rest;

    if (json_text_skip(&look, '{') || json_text_skip(&look, '['))
        return read_bracket(reader, key);
    if (!json_text_skip(&look, '"'))
        return read_word(reader, key);
    if (!read_string(reader, &string))
        return false;
    const uint32_t at = node_add(reader, JSONB_STRING, key);
    reader->value->nodes[at].string = string;
    return true;
}

/* Numbers point into the text, so that is kept along with the strings. */
bool jsonb_parse(struct slice text, struct jsonb *out)
{
    struct jsonb value = {0};
    struct jsonb_reader reader = {.value = &value};

    buf_reserve(&reader.words, 2 * text.size + 1);
    buf_add(&reader.words, text);
    reader.rest = buf_slice(&reader.words);
    const bool is_read =
        read_value(&reader, (struct slice){0}) && slice_trim(reader.rest).size == 0;
    value.words = reader.words.at;
    if (!is_read) {
        jsonb_release(&value);
        return false;
    }
    *out = value;
    return true;
}

void jsonb_release(struct jsonb *value)
{
    if (!value)
        return;
    mem_free(value->nodes);
    mem_free(value->words);
    *value = (struct jsonb){0};
}

static bool is_scalar(const struct jsonb_node *node)
{
    return node->kind != JSONB_ARRAY && node->kind != JSONB_OBJECT;
}

static bool scalar_equal(const struct jsonb_node *a, const struct jsonb_node *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == JSONB_NUMBER)
        return numeric_compare(&a->number, &b->number) == 0;
    return a->kind != JSONB_STRING || slice_equal(a->string, b->string);
}

bool jsonb_equal(const struct jsonb *a, const struct jsonb *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct jsonb_node *x = &a->nodes[i], *y = &b->nodes[i];
        if (x->end != y->end || x->count != y->count || !slice_equal(x->key, y->key) ||
            !scalar_equal(x, y))
            return false;
    }
    return true;
}

static bool node_contains(const struct jsonb *a, uint32_t at, const struct jsonb *b, uint32_t part);

static bool object_contains(const struct jsonb *a, uint32_t at, const struct jsonb *b,
                            uint32_t part)
{
    for (uint32_t i = part + 1; i < b->nodes[part].end; i = b->nodes[i].end) {
        uint32_t k = at + 1;
        while (k < a->nodes[at].end && !slice_equal(a->nodes[k].key, b->nodes[i].key))
            k = a->nodes[k].end;
        if (k >= a->nodes[at].end || !node_contains(a, k, b, i))
            return false;
    }
    return true;
}

static bool array_has(const struct jsonb *a, uint32_t at, const struct jsonb *b, uint32_t part)
{
    for (uint32_t k = at + 1; k < a->nodes[at].end; k = a->nodes[k].end) {
        if (node_contains(a, k, b, part))
            return true;
    }
    return false;
}

static bool node_contains(const struct jsonb *a, uint32_t at, const struct jsonb *b, uint32_t part)
{
    if (is_scalar(&b->nodes[part]))
        return scalar_equal(&a->nodes[at], &b->nodes[part]);
    if (a->nodes[at].kind != b->nodes[part].kind)
        return false;
    if (b->nodes[part].kind == JSONB_OBJECT)
        return object_contains(a, at, b, part);
    for (uint32_t i = part + 1; i < b->nodes[part].end; i = b->nodes[i].end) {
        if (!array_has(a, at, b, i))
            return false;
    }
    return true;
}

bool jsonb_contains(const struct jsonb *a, const struct jsonb *b)
{
    if (a->nodes[0].kind == JSONB_ARRAY && is_scalar(&b->nodes[0]))
        return array_has(a, 0, b, 0);
    return node_contains(a, 0, b, 0);
}
