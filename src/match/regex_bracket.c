/* SPDX-License-Identifier: Apache-2.0 */
#include "match/regex_bracket.h"

#include "match/fold.h"
#include "match/regex_class.h"

#define FOLDED_RANGE_MAX 100000U

static const char range_wrong[] = "a range such as z-a, a-c-e or a-\\d in brackets";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Hexadecimal digits: just `count` of them, or, with 0, as many as there are. */
static bool hex_number(struct regex_reader *reader, size_t count, uint32_t *out)
{
    uint32_t number = 0;
    size_t seen = 0;

    for (; (count == 0 || seen < count) && hex_digit(regex_peek(reader, 0)) >= 0; seen++) {
        if (number > 0x10FFFF)
            return false;
        number = number * 16 + (uint32_t)hex_digit(regex_peek(reader, 0));
        reader->at++;
    }
    *out = number;
    return seen > 0 && (count == 0 || seen == count);
}

static bool octal_number(struct regex_reader *reader, uint32_t *out)
{
    uint32_t number = 0;

    for (int i = 0; i < 3 && regex_peek(reader, 0) >= '0' && regex_peek(reader, 0) <= '7'; i++) {
        number = number * 8 + (uint32_t)(regex_peek(reader, 0) - '0');
        reader->at++;
    }
    *out = number;
    return true;
}

/* Letters that stand for a control character, in pairs. */
static bool control(char letter, uint32_t *out)
{
    static const char pairs[] = "a\ab\be\033f\fn\nr\rt\tv\vB\\";

    for (size_t i = 0; pairs[i] != '\0'; i += 2) {
        if (pairs[i] == letter) {
            *out = (unsigned char)pairs[i + 1];
            return true;
        }
    }
    return false;
}

static bool is_word_letter(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool read_escaped(struct regex_reader *reader, uint32_t *out)
{
    const char letter = regex_peek(reader, 1);

    if (reader->at + 1 >= reader->text.size)
        return false;
    reader->at++;
    if (!is_word_letter(letter)) {
        *out = fold_next(reader->text, &reader->at);
        return true;
    }
    if (letter == '0')
        return octal_number(reader, out);
    reader->at++;
    if (control(letter, out))
        return true;
    if (letter == 'c' && reader->at < reader->text.size) {
        *out = fold_next(reader->text, &reader->at) & 0x1FU;
        return true;
    }
    if (letter == 'u' || letter == 'U')
        return hex_number(reader, letter == 'u' ? 4 : 8, out);
    return letter == 'x' && hex_number(reader, 0, out);
}

bool regex_escaped_character(struct regex_reader *reader, uint32_t *out)
{
    return read_escaped(reader, out) && *out <= 0x10FFFF && !(*out >= 0xD800 && *out < 0xE000);
}

void regex_add_shorthand(struct regex_reader *reader, char letter)
{
    const char small = (char)(letter | 0x20);
    const char *name = small == 'd' ? "digit" : small == 's' ? "space" : "word";

    (void)regex_class_add(slice_text(name), reader->is_ascii, reader->out);
}

static void add_one(struct regex_reader *reader, uint32_t c)
{
    if (!reader->is_nocase) {
        regex_range_add(c, c, reader->out);
        return;
    }
    const uint32_t lower = fold_lower(c, reader->is_ascii), upper = fold_upper(c, reader->is_ascii);
    regex_range_add(lower, lower, reader->out);
    if (upper != lower)
        regex_range_add(upper, upper, reader->out);
}

static const char *add_range(struct regex_reader *reader, uint32_t first, uint32_t last)
{
    if (first > last)
        return range_wrong;
    regex_range_add(first, last, reader->out);
    if (!reader->is_nocase)
        return NULL;
    if (last - first > FOLDED_RANGE_MAX)
        return "a range that large without regard to case";
    for (uint32_t c = first; c <= last; c++) {
        const uint32_t lower = fold_lower(c, reader->is_ascii);
        const uint32_t upper = fold_upper(c, reader->is_ascii);
        if (lower < first || lower > last)
            regex_range_add(lower, lower, reader->out);
        if (upper < first || upper > last)
            regex_range_add(upper, upper, reader->out);
    }
    return NULL;
}

/* [:alpha:], at its first bracket. */
static const char *class_name(struct regex_reader *reader)
{
    const struct slice rest = slice_from(reader->text, reader->at + 2);
    size_t size = 0;

    while (size < rest.size && rest.at[size] >= 'a' && rest.at[size] <= 'z')
        size++;
    if (!slice_starts(slice_from(rest, size), SLICE(":]")))
        return "a class in brackets is not closed by :]";
    struct slice name = slice_of(rest.at, size);
    if (reader->is_nocase && (slice_is(name, "upper") || slice_is(name, "lower")))
        name = SLICE("alpha");
    if (!regex_class_add(name, reader->is_ascii, reader->out))
        return "an unknown class in brackets";
    reader->at += size + 4;
    return NULL;
}

/* A single character within brackets; false where something else is meant. */
static bool single(struct regex_reader *reader, uint32_t *out)
{
    if (regex_peek(reader, 0) == '\\')
        return regex_escaped_character(reader, out);
    if (reader->at >= reader->text.size ||
        (regex_peek(reader, 0) == '[' && regex_peek(reader, 1) != '\0' &&
         strchr(".=:", regex_peek(reader, 1))))
        return false;
    *out = fold_next(reader->text, &reader->at);
    return true;
}

static const char *bracket_part(struct regex_reader *reader, bool is_first)
{
    const char c = regex_peek(reader, 0), next = regex_peek(reader, 1);
    uint32_t first = 0, last = 0;

    if (c == '[' && next == ':')
        return class_name(reader);
    if (c == '\\' && next != '\0' && strchr("dsw", next)) {
        regex_add_shorthand(reader, next);
        reader->at += 2;
        return regex_peek(reader, 0) == '-' && regex_peek(reader, 1) != ']' ? range_wrong : NULL;
    }
    if (c == '-' && !is_first && next != ']')
        return range_wrong;
    if (!single(reader, &first))
        return "only characters, ranges, [:classes:] and \\d, \\s, \\w are known in brackets";
    if (regex_peek(reader, 0) != '-' || regex_peek(reader, 1) == ']') {
        add_one(reader, first);
        return NULL;
    }
    reader->at++;
    return single(reader, &last) ? add_range(reader, first, last) : range_wrong;
}

const char *regex_bracket(struct regex_reader *reader)
{
    const char *wrong = NULL;
    bool is_first = true;

    reader->at++;
    buf_add_char(reader->out, '[');
    if (regex_peek(reader, 0) == '^') {
        buf_add_char(reader->out, '^');
        reader->at++;
    }
    for (; is_first || regex_peek(reader, 0) != ']'; is_first = false) {
        if (reader->at >= reader->text.size)
            return "a [ without its ]";
        wrong = bracket_part(reader, is_first);
        if (wrong)
            return wrong;
    }
    reader->at++;
    buf_add_char(reader->out, ']');
    return NULL;
}
