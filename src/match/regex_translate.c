/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's "advanced regular expressions" in the words of PCRE2.
 *
 *     \mfoo\M        (?<!(?&w))(?=(?&w))foo(?<=(?&w))(?!(?&w))     with libc's idea of w
 *     ***=a.b        a\.b
 *     (?i)abc        [aA][bB][cC]          letters fold as PostgreSQL folds them, two ways only
 *     (a|b){2}       (?:a|b){2}            nothing is captured: only yes or no is asked
 *
 * Which of several matches is found differs between the two (longest, first), but whether there is
 * one does not.  Back references could tell the difference and are refused, as is everything
 * whose meaning is not the same for sure.  PostgreSQL documentation, section 9.7.3.
 */
#include "match/regex.h"

#include "match/fold.h"
#include "match/regex_bracket.h"
#include "match/regex_class.h"

#define REPEAT_MAX 255
#define TRANSLATED_MAX ((size_t)1 << 20)

static enum status refuse(struct regex_reader *reader, const char *what)
{
    return fault_set(reader->fault, ERR_INPUT,
                     "the regular expression cannot be used here: %s, at character %zu", what,
                     reader->at + 1);
}

static void add_character(struct regex_reader *reader, uint32_t c)
{
    const uint32_t lower = fold_lower(c, reader->is_ascii), upper = fold_upper(c, reader->is_ascii);

    if (!reader->is_nocase || lower == upper) {
        regex_range_add(reader->is_nocase ? lower : c, reader->is_nocase ? lower : c, reader->out);
        return;
    }
    buf_add_char(reader->out, '[');
    regex_range_add(lower, lower, reader->out);
    regex_range_add(upper, upper, reader->out);
    buf_add_char(reader->out, ']');
}

/* One character of a word.  All of Unicode's take five kilobytes in a compiled expression, which
 * may have 64, so they are written once and called by name. */
static void add_word(struct regex_reader *reader)
{
    if (!reader->is_ascii) {
        reader->uses_word = true;
        buf_add_text(reader->out, "(?&w)");
        return;
    }
    buf_add_char(reader->out, '[');
    (void)regex_class_add(SLICE("word"), true, reader->out);
    buf_add_char(reader->out, ']');
}

static void define_word(struct buf *out)
{
    CLEANUP(buf_release) struct buf all = BUF_INIT;

    buf_add_text(&all, "(?(DEFINE)(?<w>[");
    (void)regex_class_add(SLICE("word"), false, &all);
    buf_add_text(&all, "]))");
    buf_add(&all, buf_slice(out));
    buf_reset(out);
    buf_add(out, buf_slice(&all));
}

/* (?<!w)(?=w) or the like: what is behind and what is ahead of here. */
static void add_boundary(struct regex_reader *reader, bool is_behind, bool is_ahead)
{
    buf_add_text(reader->out, is_behind ? "(?<=" : "(?<!");
    add_word(reader);
    buf_add_text(reader->out, is_ahead ? ")(?=" : ")(?!");
    add_word(reader);
    buf_add_char(reader->out, ')');
}

static void add_either(struct regex_reader *reader, bool is_same)
{
    buf_add_text(reader->out, "(?:");
    add_boundary(reader, false, !is_same);
    buf_add_char(reader->out, '|');
    add_boundary(reader, true, is_same);
    buf_add_char(reader->out, ')');
}

/* \A \m \M \y \Y \Z; false for another letter. */
static bool add_constraint(struct regex_reader *reader, char letter)
{
    switch (letter) {
    case 'A':
        buf_add_text(reader->out, "\\A");
        return true;
    case 'Z':
        buf_add_text(reader->out, "\\z");
        return true;
    case 'm':
        add_boundary(reader, false, true);
        return true;
    case 'M':
        add_boundary(reader, true, false);
        return true;
    case 'y':
        add_either(reader, false);
        return true;
    case 'Y':
        add_either(reader, true);
        return true;
    default:
        return false;
    }
}

static enum status escape(struct regex_reader *reader)
{
    const char letter = regex_peek(reader, 1);
    uint32_t c = 0;

    if (add_constraint(reader, letter)) {
        reader->at += 2;
        reader->is_atom = false;
        return OK;
    }
    reader->is_atom = true;
    if (letter == 'w') {
        add_word(reader);
        reader->at += 2;
        return OK;
    }
    if (letter != '\0' && strchr("dsDSW", letter)) {
        buf_add_text(reader->out, letter < 'a' ? "[^" : "[");
        regex_add_shorthand(reader, letter);
        buf_add_char(reader->out, ']');
        reader->at += 2;
        return OK;
    }
    if (letter >= '1' && letter <= '9')
        return refuse(reader, "a back reference");
    if (!regex_escaped_character(reader, &c))
        return refuse(reader, "an unknown or broken escape");
    add_character(reader, c);
    return OK;
}

static bool bound(struct regex_reader *reader, unsigned *out)
{
    const size_t start = reader->at;
    unsigned number = 0;

    for (; regex_peek(reader, 0) >= '0' && regex_peek(reader, 0) <= '9'; reader->at++) {
        if (number <= REPEAT_MAX)
            number = number * 10 + (unsigned)(regex_peek(reader, 0) - '0');
    }
    *out = number;
    return reader->at > start && number <= REPEAT_MAX;
}

/* {m}, {m,} or {m,n}, at the brace. */
static enum status repeat(struct regex_reader *reader)
{
    unsigned least = 0, most = 0;

    reader->at++;
    if (!bound(reader, &least))
        return refuse(reader, "a bound is 0 to 255");
    buf_printf(reader->out, "{%u", least);
    if (regex_peek(reader, 0) == ',') {
        reader->at++;
        buf_add_char(reader->out, ',');
        if (regex_peek(reader, 0) != '}') {
            if (!bound(reader, &most) || most < least)
                return refuse(reader, "a bound is 0 to 255, the first at most the second");
            buf_printf(reader->out, "%u", most);
        }
    }
    if (regex_peek(reader, 0) != '}')
        return refuse(reader, "a bound is {m}, {m,} or {m,n}");
    buf_add_char(reader->out, '}');
    reader->at++;
    return OK;
}

static enum status quantifier(struct regex_reader *reader)
{
    const char c = regex_peek(reader, 0);
    enum status status = OK;

    if (!reader->is_atom)
        return refuse(reader, "a quantifier behind nothing that can be repeated");
    if (c == '{') {
        status = repeat(reader);
    } else {
        buf_add_char(reader->out, c);
        reader->at++;
    }
    if (status == OK && regex_peek(reader, 0) == '?') {
        buf_add_char(reader->out, '?');
        reader->at++;
    }
    reader->is_atom = false;
    return status;
}

static enum status open_parenthesis(struct regex_reader *reader)
{
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
    const struct slice rest = slice_from(reader->text, reader->at);
    const bool is_plain = regex_peek(reader, 1) != '?';
    const char *kind = is_plain ? "(?:" : NULL;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && !kind; i++) {
        if (slice_starts(rest, slice_text(kinds[i])))
            kind = kinds[i];
    }
    if (!kind)
        return refuse(reader, "only (, (?:, (?=, (?!, (?<= and (?<! are known");
    if (reader->depth == REGEX_MAX_DEPTH)
        return refuse(reader, "too many parentheses");
    reader->is_constraint[reader->depth++] = !is_plain && kind[2] != ':';
    reader->at += is_plain ? 1 : strlen(kind);
    buf_add_text(reader->out, kind);
    reader->is_atom = false;
    return OK;
}

static enum status close_parenthesis(struct regex_reader *reader)
{
    if (reader->depth == 0)
        return refuse(reader, "a ) without its (");
    reader->at++;
    buf_add_char(reader->out, ')');
    reader->is_atom = !reader->is_constraint[--reader->depth];
    return OK;
}

/* ^ $ | */
static enum status mark(struct regex_reader *reader)
{
    buf_add_char(reader->out, regex_peek(reader, 0));
    reader->at++;
    reader->is_atom = false;
    return OK;
}

static enum status plain(struct regex_reader *reader)
{
    add_character(reader, fold_next(reader->text, &reader->at));
    reader->is_atom = true;
    return OK;
}

static enum status word_edge(struct regex_reader *reader, bool is_start)
{
    add_boundary(reader, !is_start, is_start);
    reader->at += strlen("[[:<:]]");
    reader->is_atom = false;
    return OK;
}

static enum status bracket(struct regex_reader *reader)
{
    const struct slice rest = slice_from(reader->text, reader->at);

    if (slice_starts(rest, SLICE("[[:<:]]")) || slice_starts(rest, SLICE("[[:>:]]")))
        return word_edge(reader, rest.at[3] == '<');
    const char *wrong = regex_bracket(reader);
    reader->is_atom = true;
    return wrong ? refuse(reader, wrong) : OK;
}

static enum status piece(struct regex_reader *reader)
{
    const char c = regex_peek(reader, 0);

    switch (c) {
    case '\\':
        return escape(reader);
    case '[':
        return bracket(reader);
    case '(':
        return open_parenthesis(reader);
    case ')':
        return close_parenthesis(reader);
    case '*':
    case '+':
    case '?':
        return quantifier(reader);
    case '{':
        return regex_peek(reader, 1) >= '0' && regex_peek(reader, 1) <= '9' ? quantifier(reader)
                                                                            : plain(reader);
    case '^':
    case '$':
    case '|':
        return mark(reader);
    case '.':
        buf_add_char(reader->out, '.');
        reader->at++;
        reader->is_atom = true;
        return OK;
    default:
        return plain(reader);
    }
}

/* "***=", "***:" and "(?i)" at the very start. */
static enum status directors(struct regex_reader *reader, bool *out_is_literal)
{
    if (slice_starts(reader->text, SLICE("***"))) {
        const char which = regex_peek(reader, 3);
        if (which != '=' && which != ':')
            return refuse(reader, "*** is followed by = or :");
        reader->at = 4;
        *out_is_literal = which == '=';
        if (*out_is_literal)
            return OK;
    }
    const char option = regex_peek(reader, 2);
    if (!slice_starts(slice_from(reader->text, reader->at), SLICE("(?")) || option < 'a' ||
        option > 'z')
        return OK;
    for (reader->at += 2; regex_peek(reader, 0) != ')'; reader->at++) {
        const char letter = regex_peek(reader, 0);
        if (letter == '\0' || !strchr("icqst", letter))
            return refuse(reader, "of the embedded options only i, c, q, s and t are known");
        if (letter == 'i' || letter == 'c')
            reader->is_nocase = letter == 'i';
        if (letter == 'q')
            *out_is_literal = true;
    }
    reader->at++;
    return OK;
}

enum status regex_translate(struct slice pattern, bool is_nocase, bool is_ascii, struct buf *out,
                            struct fault *fault)
{
    struct regex_reader reader = {
        .text = pattern, .is_nocase = is_nocase, .is_ascii = is_ascii, .out = out, .fault = fault};
    bool is_literal = false;
    enum status status = directors(&reader, &is_literal);

    while (status == OK && reader.at < pattern.size) {
        status = is_literal ? plain(&reader) : piece(&reader);
        if (status == OK && out->size > TRANSLATED_MAX)
            status = refuse(&reader, "it is too large");
    }
    if (status == OK && reader.depth > 0)
        status = refuse(&reader, "a ( without its )");
    if (status == OK && reader.uses_word)
        define_word(out);
    return status;
}
