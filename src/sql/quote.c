/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/quote.h"

static struct slice until_nul(struct slice text)
{
    const char *nul = text.size > 0 ? memchr(text.at, '\0', text.size) : NULL;

    return nul ? slice_of(text.at, (size_t)(nul - text.at)) : text;
}

static void add_doubled(struct buf *out, struct slice text, char quote, bool doubles_backslash)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == quote || (doubles_backslash && text.at[i] == '\\'))
            buf_add_char(out, text.at[i]);
        buf_add_char(out, text.at[i]);
    }
}

void sql_quote_literal(struct buf *out, struct slice text)
{
    const struct slice value = until_nul(text);
    const bool has_backslash = value.size > 0 && memchr(value.at, '\\', value.size);

    /* E'' means the same whatever standard_conforming_strings is. */
    buf_add_text(out, has_backslash ? "E'" : "'");
    add_doubled(out, value, '\'', has_backslash);
    buf_add_char(out, '\'');
}

void sql_quote_identifier(struct buf *out, struct slice name)
{
    buf_add_char(out, '"');
    add_doubled(out, until_nul(name), '"', false);
    buf_add_char(out, '"');
}
