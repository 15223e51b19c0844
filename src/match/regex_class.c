/* SPDX-License-Identifier: Apache-2.0 */
#include "match/regex_class.h"

#include <pthread.h>

#include "match/fold.h"

#define CODE_POINT_MAX 0x10FFFFU

/* Classes that a locale has a say in; the others are the same everywhere. */
static const char *const locale_names[] = {"alpha", "alnum", "upper", "lower",
                                           "space", "punct", "graph", "print"};
#define LOCALE_COUNT (sizeof locale_names / sizeof locale_names[0])

static const struct {
    const char *name;
    const char *ranges;
} fixed[] = {
    {"digit", "0-9"},
    {"xdigit", "0-9A-Fa-f"},
    {"blank", " \\t"},
    {"cntrl", "\\x{00}-\\x{1F}\\x{7F}-\\x{9F}"},
    {"ascii", "\\x{00}-\\x{7F}"},
};

/* Each is worked out when it is first wanted, some milliseconds, and never changed: constants
 * that all threads share, not a state. */
static struct buf locale_ranges[LOCALE_COUNT];
static pthread_mutex_t locale_lock = PTHREAD_MUTEX_INITIALIZER;

void regex_range_add(uint32_t first, uint32_t last, struct buf *out)
{
    buf_printf(out, "\\x{%X}", first);
    if (last != first)
        buf_printf(out, "-\\x{%X}", last);
}

static void ranges_of(const char *name, uint32_t limit, bool is_ascii, struct buf *out)
{
    const unsigned long class = fold_class(name);
    uint32_t first = 0;
    bool is_inside = false;

    for (uint32_t c = 0; c <= limit + 1; c++) {
        const bool is_in =
            c <= limit && !(c >= 0xD800 && c < 0xE000) && fold_is(c, class, is_ascii);
        if (is_in && !is_inside)
            first = c;
        if (!is_in && is_inside)
            regex_range_add(first, c - 1, out);
        is_inside = is_in;
    }
}

static const struct buf *locale_ranges_get(size_t at)
{
    pthread_mutex_lock(&locale_lock);
    if (locale_ranges[at].size == 0)
        ranges_of(locale_names[at], CODE_POINT_MAX, false, &locale_ranges[at]);
    pthread_mutex_unlock(&locale_lock);
    return &locale_ranges[at];
}

bool regex_class_add(struct slice name, bool is_ascii, struct buf *out)
{
    const bool is_word = slice_is(name, "word");

    if (is_word) {
        buf_add_char(out, '_');
        name = SLICE("alnum");
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (slice_is(name, fixed[i].name)) {
            buf_add_text(out, fixed[i].ranges);
            return true;
        }
    }
    for (size_t i = 0; i < LOCALE_COUNT; i++) {
        if (!slice_is(name, locale_names[i]))
            continue;
        if (is_ascii) {
            ranges_of(locale_names[i], 0x7F, true, out);
            return true;
        }
        buf_add(out, buf_slice(locale_ranges_get(i)));
        return true;
    }
    return false;
}
