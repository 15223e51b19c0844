/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/status.h"
#include "change/change.h"
#include "change/token.h"

struct journal_reader;

/*
 * Reading further back, for clients that resume or that were too slow.
 *
 *     journal_find(reader, token, &offset, &fault)           once: where to go on
 *     ...
 *     if (journal_cursor_open(reader, offset) != OK)         every time there is room to send
 *         the place is gone: tell a gap
 *     while (there is room && (change = journal_cursor_next(reader)))
 *         ...
 *     offset = journal_cursor_close(reader)
 *
 * A client keeps nothing but its offset between two such rounds, and holds nothing up: only while
 * the cursor is open does the writer leave its place alone, so a round must be short.  A cursor
 * goes as far as its reader has come (journal_reader_offset); there the client becomes live.
 * One cursor per reader at a time; in the reader's thread.
 */

/* The first change behind the token.  ERR_NOT_FOUND: of another epoch, too old, or from the
 * future; the fault says which, in words for a client. */
MUST_CHECK enum status journal_find(struct journal_reader *reader, const struct token *token,
                                    uint64_t *out_offset, struct fault *fault);

/* ERR_NOT_FOUND: what stood there has been overwritten. */
MUST_CHECK enum status journal_cursor_open(struct journal_reader *reader, uint64_t offset);
/* The next change, whole until the cursor is closed; NULL: it has come as far as the reader. */
const struct change *journal_cursor_next(struct journal_reader *reader);
/* The offset behind the last change that was returned. */
uint64_t journal_cursor_offset(const struct journal_reader *reader);
uint64_t journal_cursor_close(struct journal_reader *reader);
