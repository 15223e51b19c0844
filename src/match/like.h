/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"
#include "base/status.h"

/*
 * LIKE, as PostgreSQL has it: the whole text; % is any run of characters, _ one character, a
 * backslash takes away the meaning of what follows.
 */

/* Makes LIKE's pattern of what a client wrote: * means % too (\* is a star).  ERR_INPUT: ends
 * with a lone backslash. */
MUST_CHECK enum status like_pattern(struct slice text, struct buf *out, struct fault *fault);

/* Gives up, with false, after so many steps that only an attack would need them. */
bool like_matches(struct slice text, struct slice pattern);
