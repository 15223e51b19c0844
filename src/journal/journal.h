/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "change/change.h"

struct wake;

/*
 * The ring of changes in memory: written by the capture thread, read by all workers.
 *
 *     capture   if (journal_append(journal, &change) == ERR_AGAIN)  stop reading the socket
 *               journal_publish(journal);                           once per burst
 *     worker    while ((change = journal_next(reader)))  route it  (journal/reader.h)
 *
 * An *offset* is a place in it: bytes ever written, a uint64_t that only grows.  What lies between
 * journal_tail and journal_head is whole.  A record is a struct change whose pointers lead into
 * the ring, so that reading one is following a pointer.
 */
struct journal;

#define JOURNAL_SIZE_MIN ((size_t)1 << 16)
#define JOURNAL_SIZE_MAX ((size_t)1 << 40)
#define JOURNAL_MAX_READERS 320 /* 256 workers, and a few more */

/* A ring of `size` bytes, rounded up to whole pages; NULL with a fault when there is no memory. */
struct journal *journal_new(size_t size, struct fault *fault);
/* After all readers have closed.  Frees the retired tables, too. */
void journal_free(struct journal *journal);

/* ---- The capture thread's side ---- */

/*
 * Copies a change to the end of the ring; readers see it after the next journal_publish.  The last
 * change of a transaction waits until journal_settle says that it is the last one (is_last), or
 * until another one is appended.
 * ERR_AGAIN: a reader is in the way; what was appended before has been published, and the wake of
 * journal_on_room is signalled when it is worth another try.  ERR_LIMIT: it would take more than
 * a quarter of the ring.  Nothing has changed then.
 */
MUST_CHECK enum status journal_append(struct journal *journal, const struct change *change);
void journal_publish(struct journal *journal);

/* Who is woken when a reader has made room after a refusal; NULL: no one, and once this returns
 * no reader uses the former wake any more. */
void journal_on_room(struct journal *journal, struct wake *writer);

/* Hands over a table version that no later change will point to; it is freed when the last
 * change that does has been overwritten.  NULL is accepted. */
void journal_retire(struct journal *journal, struct table *table);

/* The offset behind all that was appended, published or not. */
uint64_t journal_end(const struct journal *journal);

/* ---- Any thread ---- */

uint64_t journal_head(const struct journal *journal); /* behind the last published record */
uint64_t journal_tail(const struct journal *journal); /* the oldest record still whole */
/* All live readers are done with everything before this offset; the head when there are none. */
uint64_t journal_read_by_all(const struct journal *journal);
size_t journal_size(const struct journal *journal);
