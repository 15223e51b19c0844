/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "change/change.h"

struct journal;
struct wake;

/*
 * One worker's place in the journal.
 *
 *     on wake:  do {
 *                   while (budget > 0 && (change = journal_next(reader)))
 *                       index_match(index, change, ...);
 *                   flush what was gathered;
 *                   journal_done(reader);
 *               } while (!journal_sleep(reader));       (or come back in the next turn of the loop)
 *
 * Everything that journal_next returned stays whole until journal_done.  A reader that never
 * calls journal_done stops capture, so workers do, at least once per turn, whatever their clients
 * are like.  Used by one thread; opening and closing may happen in another while it is not used.
 */
struct journal_reader;

#define JOURNAL_AHEAD 4

/* A reader that begins at the head, that is, with the next change to be published.  NULL when
 * JOURNAL_MAX_READERS are open.  `wake` is borrowed until the reader is closed; with NULL the
 * reader is never woken and must look by itself. */
struct journal_reader *journal_reader_open(struct journal *journal, struct wake *wake);
/* When it returns, nobody uses the wake any more.  NULL is accepted. */
void journal_reader_close(struct journal_reader *reader);

/* The next change, borrowed until journal_done; NULL: nothing more is published. */
const struct change *journal_next(struct journal_reader *reader);
/* Shows each change once before journal_next returns it, JOURNAL_AHEAD of them at most, and as far
 * as they are known without asking the writer; for those who prepare for them.  NULL: that is all
 * for now.  Nothing is read by that. */
const struct change *journal_look_ahead(struct journal_reader *reader);
/* Lets go of all that was read. */
void journal_done(struct journal_reader *reader);
/* Asks to be woken, once, by the next journal_publish.  False: there is more to read already, and
 * no wake was asked for.  Call journal_done before. */
bool journal_sleep(struct journal_reader *reader);
/* The same, but by the publish that brings the head to `head` or beyond.  What is published before
 * that wakes nobody. */
bool journal_sleep_until(struct journal_reader *reader, uint64_t head);
/* The offset behind the last change that journal_next returned. */
uint64_t journal_reader_offset(const struct journal_reader *reader);
