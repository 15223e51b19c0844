/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_text.h"

/* Literals of up to so many digits fit 32 bits. */
#define SHORT_DECIMAL 9
#define SHORT_HEX 7

struct scan {
    const char *path;
    struct slice text;
    size_t at;
    unsigned line;
    struct buf *out;
    struct config_notes *notes;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '*' || c == '+' || c == '.';
}

static bool is_next(const struct scan *scan, const char *text)
{
    return slice_starts(slice_from(scan->text, scan->at), slice_text(text));
}

/* Copies up to `count` bytes and counts their lines. */
static void copy(struct scan *scan, size_t count)
{
    for (; count > 0 && scan->at < scan->text.size; count--) {
        scan->line += scan->text.at[scan->at] == '\n' ? 1U : 0U;
        buf_add_char(scan->out, scan->text.at[scan->at++]);
    }
}

/* Copies up to and with the mark, or to the end. */
static void copy_through(struct scan *scan, const char *mark)
{
    while (scan->at < scan->text.size && !is_next(scan, mark))
        copy(scan, 1);
    copy(scan, strlen(mark));
}

static void copy_string(struct scan *scan)
{
    const unsigned first = scan->line;

    copy(scan, 1);
    while (scan->at < scan->text.size && scan->text.at[scan->at] != '"') {
        if (is_next(scan, "\\x00"))
            config_notes_error(scan->notes, "%s:%u: \\x00 cannot stand in a text", scan->path,
                               scan->line);
        copy(scan, scan->text.at[scan->at] == '\\' ? 2 : 1);
    }
    if (scan->at == scan->text.size)
        config_notes_error(scan->notes, "%s:%u: a text begins here and has no closing quote",
                           scan->path, first);
    copy(scan, 1);
}

/* A number or a name; a whole number that does not fit 32 bits gets an L. */
static void copy_word(struct scan *scan)
{
    const size_t start = scan->at;
    size_t end = start;

    while (end < scan->text.size && is_word(scan->text.at[end]))
        end++;
    copy(scan, end - start);
    struct slice digits = slice_of(scan->text.at + start, end - start);
    if (digits.at[0] == '-' || digits.at[0] == '+')
        digits = slice_from(digits, 1);
    const bool is_hex = slice_starts(digits, SLICE("0x")) || slice_starts(digits, SLICE("0X"));
    if (is_hex)
        digits = slice_from(digits, 2);
    for (size_t i = 0; i < digits.size; i++) {
        const char c = digits.at[i];
        if (!is_digit(c) && !(is_hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))))
            return;
    }
    if (digits.size > (is_hex ? SHORT_HEX : SHORT_DECIMAL))
        buf_add_char(scan->out, 'L');
}

static void copy_next(struct scan *scan)
{
    const char c = scan->text.at[scan->at];

    if (c == '"') {
        copy_string(scan);
    } else if (c == '#' || is_next(scan, "//")) {
        copy_through(scan, "\n");
    } else if (is_next(scan, "/*")) {
        copy(scan, 2);
        copy_through(scan, "*/");
    } else if (is_word(c)) {
        copy_word(scan);
    } else {
        if (is_next(scan, "@include"))
            config_notes_error(scan->notes,
                               "%s:%u: @include is not supported: put all settings into one file",
                               scan->path, scan->line);
        copy(scan, 1);
    }
}

/* Is it text at all?  Tells of the first line that is not. */
static bool check_bytes(const char *path, struct slice text, struct config_notes *notes)
{
    unsigned number = 1;

    for (struct slice rest = text; rest.at; number++) {
        const struct slice line = slice_cut(&rest, '\n');
        if (line.size > 0 && memchr(line.at, '\0', line.size)) {
            config_notes_error(notes, "%s:%u: holds a byte of value 0: it is not a text file", path,
                               number);
            return false;
        }
        if (!slice_is_utf8(line)) {
            config_notes_error(notes, "%s:%u: is not UTF-8: save the file as UTF-8", path, number);
            return false;
        }
    }
    return true;
}

enum status config_text_prepare(const char *path, struct slice text, struct buf *out,
                                struct config_notes *notes)
{
    struct scan scan = {.path = path, .text = text, .line = 1, .out = out, .notes = notes};
    const size_t errors = notes->error_count;

    if (slice_starts(text, SLICE("\xEF\xBB\xBF"))) /* what some editors put at the start */
        scan.text = slice_from(text, 3);
    if (!check_bytes(path, scan.text, notes))
        return ERR_CONFIG;
    while (scan.at < scan.text.size)
        copy_next(&scan);
    buf_add_char(out, '\n'); /* libconfig's comments must end */
    return notes->error_count == errors ? OK : ERR_CONFIG;
}
