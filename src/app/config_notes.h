/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/*
 * What there is to say about a configuration, in the order it was found, so that a person mends
 * all of it in one go:
 *
 *     pgcdc.config:7: workers = 9999: must be a whole number from 0 to 256, for example 4
 */
struct config_note {
    bool is_error;
    char *text; /* owned; one line, no secrets */
};

struct config_notes {
    struct config_note *items; /* owned */
    size_t count, error_count;
};

#define CONFIG_NOTES_MAX 1000 /* a file that is wrong from end to end is told of so often */

void config_notes_error(struct config_notes *notes, const char *format, ...) PRINTF_LIKE(2, 3);
void config_notes_warning(struct config_notes *notes, const char *format, ...) PRINTF_LIKE(2, 3);
void config_notes_release(struct config_notes *notes);
