/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "app/config_notes.h"
#include "base/bytes.h"

/*
 * A look at a configuration's text before libconfig gets it, for what libconfig would not tell:
 *
 *     a NUL, or \x00 in a text       ends the text unseen                      error
 *     bytes that are not UTF-8       are taken as they are                     error
 *     key = "value                   fails, but at the end of the file         error, where it
 * began
 *     @include "other.config"        opens whatever it names                   error
 *     journal_size = 8589934592      is cut to 32 bits: here it becomes 0      an L is added
 *
 * Comments and texts are told from the rest, so that none of this is found in a comment.
 */

/* Appends the text as libconfig shall read it, line for line.  ERR_CONFIG: it must not see it, and
 * the notes say why. */
MUST_CHECK enum status config_text_prepare(const char *path, struct slice text, struct buf *out,
                                           struct config_notes *notes);
