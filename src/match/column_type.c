/* SPDX-License-Identifier: Apache-2.0 */
#include "match/column_type.h"

/* Types that are the same but for what their modifier says; format_type() spells them apart. */
static const struct {
    const char *from, *to;
} spellings[] = {
    {"\"bit\"", "bit"},
    {"bpchar", "character"},
};

/* Up to the end of a quoted name, or one character. */
static size_t part_size(struct slice type)
{
    size_t size = 1;

    if (type.at[0] != '"')
        return 1;
    while (size < type.size && type.at[size] != '"')
        size++;
    return size < type.size ? size + 1 : size;
}

/* "interval day to second(3)": these words are a modifier, too. */
static struct slice without_fields(struct slice type)
{
    return slice_starts(type, SLICE("interval ")) ? SLICE("interval") : type;
}

void column_type_plain(struct slice type, struct buf *out)
{
    const size_t start = out->size;
    unsigned depth = 0;

    for (size_t at = 0; at < type.size;) {
        const struct slice rest = slice_from(type, at);
        const size_t size = part_size(rest);
        depth += rest.at[0] == '(';
        if (depth == 0)
            buf_add_bytes(out, rest.at, size);
        else
            depth -= rest.at[0] == ')';
        at += size;
    }
    struct slice plain = slice_of(out->at + start, out->size - start);
    const bool is_array = plain.size > 2 && plain.at[plain.size - 1] == ']';
    plain.size -= is_array ? 2 : 0;
    plain = without_fields(plain);
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (slice_is(plain, spellings[i].from))
            plain = slice_text(spellings[i].to);
    }
    CLEANUP(buf_release) struct buf whole = BUF_INIT;
    buf_add(&whole, plain);
    buf_add_text(&whole, is_array ? "[]" : "");
    out->size = start;
    buf_add(out, buf_slice(&whole));
}

static bool is_integer(struct slice type)
{
    return slice_is(type, "smallint") || slice_is(type, "integer") || slice_is(type, "bigint");
}

static bool is_text(struct slice type)
{
    return slice_is(type, "text") || slice_is(type, "character varying");
}

bool column_type_suits(const char *bound, struct slice type)
{
    CLEANUP(buf_release) struct buf plain = BUF_INIT;
    const struct slice was = slice_text(bound);

    if (slice_equal(was, type))
        return true;
    column_type_plain(type, &plain);
    const struct slice now = buf_slice(&plain);
    return slice_equal(was, now) || (is_text(was) && is_text(now)) ||
           (is_integer(now) && (is_integer(was) || slice_is(was, "numeric")));
}
