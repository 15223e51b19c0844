/* SPDX-License-Identifier: Apache-2.0 */
#include "match/fold.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

/* Made once, never changed, shared by all threads; 0 where the system has no such locale. */
static locale_t unicode_locale;

static void unicode_locale_make(void)
{
    unicode_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static locale_t unicode(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, unicode_locale_make);
    return unicode_locale;
}

uint32_t fold_lower(uint32_t c, bool is_ascii)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    return is_ascii || !unicode() ? c : (uint32_t)towlower_l((wint_t)c, unicode());
}

uint32_t fold_upper(uint32_t c, bool is_ascii)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c;
    return is_ascii || !unicode() ? c : (uint32_t)towupper_l((wint_t)c, unicode());
}

unsigned long fold_class(const char *name)
{
    return unicode() ? wctype_l(name, unicode()) : 0;
}

bool fold_is(uint32_t c, unsigned long class, bool is_ascii)
{
    if (class == 0 || (is_ascii && c >= 0x80))
        return false;
    return iswctype_l((wint_t)c, class, unicode()) != 0;
}

uint32_t fold_next(struct slice text, size_t *at)
{
    const unsigned char *p = (const unsigned char *)text.at + *at;
    const size_t left = text.size - *at;
    const size_t size = p[0] < 0xC0 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;

    if (size == 1 || size > left) {
        *at += 1;
        return p[0];
    }
    uint32_t c = p[0] & (0xFFU >> (size + 1));
    for (size_t i = 1; i < size; i++)
        c = (c << 6) | (p[i] & 0x3FU);
    *at += size;
    return c;
}

void fold_add(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
        return;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    buf_add_char(out, (char)(lead[more] | (c >> (6 * more))));
    for (int i = more - 1; i >= 0; i--)
        buf_add_char(out, (char)(0x80U | ((c >> (6 * i)) & 0x3FU)));
}

void fold_add_lower(struct slice text, bool is_ascii, struct buf *out)
{
    buf_reserve(out, text.size);
    for (size_t i = 0; i < text.size;) {
        if ((unsigned char)text.at[i] < 0x80)
            buf_add_char(out, (char)fold_lower((unsigned char)text.at[i++], true));
        else if (is_ascii)
            buf_add_char(out, text.at[i++]);
        else
            fold_add(out, fold_lower(fold_next(text, &i), false));
    }
}
