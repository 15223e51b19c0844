/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "app/config_notes.h"
#include "app/config_value.h"
#include "base/bytes.h"

/*
 * The configuration file: libconfig's syntax, of which the flat lines of the original's
 * pgcdc.config are a part.
 *
 *     workers = 4                       # numbers, also 0x10
 *     binding = "0.0.0.0:8080";         // a semicolon may end a setting
 *     allowed_origins = [ "https://a.example", "https://b.example" ]
 *
 * libconfig stops at the first line that it does not understand; a key that is given twice is
 * taken out and reading goes on, so that all of them are told.  `@include` is refused: a file is
 * one file, so that its permissions mean something.
 */

/* Reads a whole file of at most CONFIG_FILE_MAX bytes.  ERR_NOT_FOUND: there is none, and
 * nothing is said about it; ERR_CONFIG: it cannot be read, and the notes say why. */
MUST_CHECK enum status config_file_read(const char *path, struct buf *out_text, bool *out_is_public,
                                        struct config_notes *notes);

/* Is told of each setting; `given` is borrowed for the call. */
typedef void(config_file_fn)(void *arg, struct slice name, const struct config_given *given,
                             unsigned line);

/* Reads the settings out of a file's text; what is wrong goes to the notes. */
void config_file_parse(const char *path, struct slice text, config_file_fn *fn, void *arg,
                       struct config_notes *notes);

/* Reads a secret from a file of its own (PGCDC_<KEY>_FILE): all of it but one line end. */
MUST_CHECK enum status config_file_read_secret(const char *path, struct buf *out,
                                               struct fault *fault);
