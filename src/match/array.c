/* SPDX-License-Identifier: Apache-2.0 */
#include "match/array.h"

#include "base/mem.h"

struct array_reader {
    struct slice text; /* what is left of it */
    struct array *array;
    char *word; /* where the next unescaped element goes */
    uint32_t capacity;
};

static bool skip(struct array_reader *reader, char c)
{
    if (reader->text.size == 0 || reader->text.at[0] != c)
        return false;
    reader->text = slice_from(reader->text, 1);
    return true;
}

static bool bound(struct array_reader *reader, int64_t *out)
{
    const bool is_negative = skip(reader, '-');
    size_t count = 0;
    uint64_t number = 0;

    while (count < reader->text.size && reader->text.at[count] >= '0' &&
           reader->text.at[count] <= '9')
        count++;
    if (slice_to_u64(slice_of(reader->text.at, count), UINT32_MAX, &number) != OK)
        return false;
    reader->text = slice_from(reader->text, count);
    *out = is_negative ? -(int64_t)number : (int64_t)number;
    return true;
}

/* "[0:1][-2:3]=", where bounds do not start at 1. */
static bool bounds(struct array_reader *reader)
{
    struct array *array = reader->array;

    for (uint32_t i = 0; i < ARRAY_MAX_DIMENSIONS; i++)
        array->lower_bounds[i] = 1;
    if (reader->text.size == 0 || reader->text.at[0] != '[')
        return true;
    for (uint32_t i = 0; i < ARRAY_MAX_DIMENSIONS && skip(reader, '['); i++) {
        int64_t upper = 0;
        if (!bound(reader, &array->lower_bounds[i]) || !skip(reader, ':') ||
            !bound(reader, &upper) || !skip(reader, ']'))
            return false;
    }
    return skip(reader, '=');
}

/* One element's text, unescaped to `word`. */
static bool item_text(struct array_reader *reader, struct slice *out, bool *out_is_quoted)
{
    char *start = reader->word;
    const bool is_quoted = skip(reader, '"');

    for (;;) {
        if (reader->text.size == 0)
            return false;
        char c = reader->text.at[0];
        if (is_quoted ? c == '"' : c == ',' || c == '}')
            break;
        if (!is_quoted && (c == '{' || c == '"'))
            return false;
        reader->text = slice_from(reader->text, 1);
        if (c == '\\') {
            if (reader->text.size == 0)
                return false;
            c = reader->text.at[0];
            reader->text = slice_from(reader->text, 1);
        }
        *reader->word++ = c;
    }
    *out = slice_of(start, (size_t)(reader->word - start));
    *out_is_quoted = is_quoted;
    return !is_quoted || skip(reader, '"');
}

static bool item(struct array_reader *reader)
{
    struct array *array = reader->array;
    struct slice text;
    bool is_quoted = false;

    if (!item_text(reader, &text, &is_quoted))
        return false;
    if (array->count == reader->capacity) {
        reader->capacity = reader->capacity == 0 ? 8 : reader->capacity * 2;
        array->items = mem_resize(array->items, reader->capacity * sizeof *array->items);
    }
    struct array_item *self = &array->items[array->count++];
    *self = (struct array_item){.is_null = !is_quoted && slice_is(text, "NULL")};
    return self->is_null || scalar_parse(array->element, text, &self->scalar);
}

/* {...} at one depth; every {...} of a depth must be of one size. */
static bool dimension(struct array_reader *reader, uint32_t depth)
{
    struct array *array = reader->array;
    uint32_t size = 0;

    if (depth == ARRAY_MAX_DIMENSIONS || !skip(reader, '{'))
        return false;
    if (depth == 0 && skip(reader, '}'))
        return true;
    do {
        const bool is_nested = reader->text.size > 0 && reader->text.at[0] == '{';
        if (is_nested ? !dimension(reader, depth + 1) : !item(reader))
            return false;
        size++;
    } while (skip(reader, ','));
    if (depth >= array->dimension_count)
        array->dimension_count = depth + 1;
    if (array->sizes[depth] == 0)
        array->sizes[depth] = size;
    return array->sizes[depth] == size && skip(reader, '}');
}

bool array_parse(enum value_class element, struct slice text, struct array *out)
{
    struct array array = {.element = element, .words = mem_new(text.size + 1)};
    struct array_reader reader = {text, &array, array.words, 0};

    if (!bounds(&reader) || !dimension(&reader, 0) || reader.text.size > 0) {
        array_release(&array);
        return false;
    }
    *out = array;
    return true;
}

void array_release(struct array *array)
{
    if (!array)
        return;
    mem_free(array->items);
    mem_free(array->words);
    *array = (struct array){0};
}

bool array_equal(const struct array *a, const struct array *b)
{
    if (a->dimension_count != b->dimension_count || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->dimension_count; i++) {
        if (a->sizes[i] != b->sizes[i] || a->lower_bounds[i] != b->lower_bounds[i])
            return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->items[i].is_null != b->items[i].is_null)
            return false;
        if (!a->items[i].is_null &&
            scalar_compare(a->element, &a->items[i].scalar, &b->items[i].scalar) != 0)
            return false;
    }
    return true;
}

static bool array_has(const struct array *array, const struct array_item *item)
{
    if (item->is_null)
        return false;
    for (uint32_t i = 0; i < array->count; i++) {
        if (!array->items[i].is_null &&
            scalar_compare(array->element, &array->items[i].scalar, &item->scalar) == 0)
            return true;
    }
    return false;
}

bool array_contains(const struct array *a, const struct array *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (!array_has(a, &b->items[i]))
            return false;
    }
    return true;
}
