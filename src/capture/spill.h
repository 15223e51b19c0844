/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"

/*
 * What transactions have sent that may yet be rolled back.
 *
 * PostgreSQL streams a large transaction while it runs, several of them by turns.  Nothing of it
 * may be told before it commits, so its messages wait here, as they came:
 *
 *     transaction 742   file 0 .. 7,340,032 | chunk | chunk | chunk     300 MB so far
 *     transaction 745                         chunk                     a small one
 *
 *     commit    read from the first message to the last, then drop
 *     abort     drop
 *     abort of a subtransaction    its number is kept, and asked for while reading
 *
 * Messages lie in chunks of memory.  When all together take more than memory_max, the oldest
 * chunks of the largest transaction are appended to a file of its own, one that has no name: it
 * is gone with its descriptor, whatever ends the process.  So a file is always what comes before
 * the chunks, and a record never lies in both.
 *
 * A disk that is full or broken changes nothing: what was to be written stays in memory, the
 * caller keeps its message, and the same call is made again later.  A write that was cut short
 * is repeated at the same place.
 *
 * Bounded: memory_max and one chunk, and four bytes for each subtransaction that was aborted; a
 * message larger than a chunk goes to the file at once where memory has no room for it.  The file
 * is bounded by its disk.  Metrics: pgcdc_spill_*.  The capture thread only.
 */
enum { SPILL_CHUNK = 128 * 1024, SPILL_TRANSACTIONS_MAX = 1 << 18 };

/* Where bytes go; a test's own disk fails as it likes.  Results and errno as of the calls they
 * are named after. */
struct spill_files {
    int (*open)(void *arg, const char *directory); /* a new file without a name */
    ssize_t (*write)(void *arg, int file, const void *bytes, size_t size, off_t at);
    ssize_t (*read)(void *arg, int file, void *bytes, size_t size, off_t at);
    void (*close)(void *arg, int file);
    void *arg;
};
extern const struct spill_files spill_files_system;

struct spill_config {
    const char *directory;           /* copied; of files */
    size_t memory_max;               /* bytes, over all transactions */
    const struct spill_files *files; /* borrowed; NULL: the system's */
};

struct spill;
struct spill_transaction;

struct spill *spill_new(const struct spill_config *config);
void spill_free(struct spill *spill);
/* Can files be made there?  ERR_SYSTEM, and why not. */
MUST_CHECK enum status spill_check(const char *directory, struct fault *fault);

/* NULL: none is known under this number. */
struct spill_transaction *spill_find(const struct spill *spill, uint32_t xid);
/* A new one, which must not be known yet; NULL: SPILL_TRANSACTIONS_MAX are open. */
struct spill_transaction *spill_begin(struct spill *spill, uint32_t xid);
void spill_drop(struct spill *spill, struct spill_transaction *transaction);
void spill_reset(struct spill *spill); /* drops all */
/* Nobody will read it: what it holds and what is still added is dropped, and it stays known. */
void spill_give_up(struct spill *spill, struct spill_transaction *transaction);

struct spill_record {
    struct slice message; /* when read: borrowed until the next call */
    uint32_t note;        /* the caller's own */
};

/* Appends one.  ERR_AGAIN: it could not be written; `fault` says why, and nothing has changed. */
MUST_CHECK enum status spill_add(struct spill *spill, struct spill_transaction *transaction,
                                 const struct spill_record *record, struct fault *fault);

/* A subtransaction was rolled back. */
void spill_abort(struct spill_transaction *transaction, uint32_t xid);
bool spill_is_aborted(struct spill_transaction *transaction, uint32_t xid);

/* The record where reading stands, at first the oldest.  ERR_NOT_FOUND: there are no more.
 * ERR_AGAIN: it could not be read; `fault` says why.  ERR_PARSE: the file is not what was
 * written. */
MUST_CHECK enum status spill_read(struct spill *spill, struct spill_transaction *transaction,
                                  struct spill_record *out, struct fault *fault);
/* Behind the record just read. */
void spill_advance(struct spill *spill, struct spill_transaction *transaction);
