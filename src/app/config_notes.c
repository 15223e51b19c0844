/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_notes.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define NOTE_SIZE 2000

static void add(struct config_notes *notes, bool is_error, const char *text)
{
    notes->error_count += is_error ? 1 : 0;
    if (notes->count == CONFIG_NOTES_MAX)
        return;
    notes->items = mem_resize(notes->items, (notes->count + 1) * sizeof *notes->items);
    notes->items[notes->count++] = (struct config_note){is_error, mem_text(text)};
}

void config_notes_error(struct config_notes *notes, const char *format, ...)
{
    char text[NOTE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add(notes, true, text);
}

void config_notes_warning(struct config_notes *notes, const char *format, ...)
{
    char text[NOTE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add(notes, false, text);
}

void config_notes_release(struct config_notes *notes)
{
    if (!notes)
        return;
    for (size_t i = 0; i < notes->count; i++)
        mem_free(notes->items[i].text);
    mem_free(notes->items);
    *notes = (struct config_notes){0};
}
