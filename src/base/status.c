/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *status_text(enum status status)
{
    switch (status) {
    case OK:
        return "ok";
    case ERR_AGAIN:
        return "would block";
    case ERR_INPUT:
        return "bad input";
    case ERR_PARSE:
        return "cannot be parsed";
    case ERR_LIMIT:
        return "limit reached";
    case ERR_CLOSED:
        return "closed";
    case ERR_REFUSED:
        return "refused";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_CONFIG:
        return "configuration error";
    case ERR_SYSTEM:
        return "system error";
    case ERR_TIMEOUT:
        return "timed out";
    case ERR_DENIED:
        return "denied";
    }
    return "unknown status";
}

/* A text that was cut must not end inside a UTF-8 character. */
static void drop_partial_character(char *text)
{
    size_t size = strlen(text);

    while (size > 0 && ((unsigned char)text[size - 1] & 0xC0U) == 0x80U)
        size--;
    if (size > 0 && ((unsigned char)text[size - 1] & 0x80U) != 0)
        size--;
    text[size] = '\0';
}

enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
{
    va_list args;

    if (!fault)
        return status;

    fault->status = status;
    va_start(args, format);
    const int wanted = vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    if (wanted >= (int)sizeof fault->text)
        drop_partial_character(fault->text);
    return status;
}
