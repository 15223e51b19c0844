/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "change/position.h"
#include "change/value.h"

struct loop;
struct mailbox;
struct snapshot;
struct snapshots;
struct table;
struct table_shape;
struct visible;

/*
 * The rows of a table as they stand, for a client that wants them before the changes.
 *
 *     worker                                    control thread
 *     snapshot_start(...)           ----->      connection of its own; LOCK TABLE, then one
 *     started(visible, wal)         <-----      REPEATABLE READ transaction
 *     rows(...)                     <-----      about 128 KiB
 *     snapshot_next()               ----->      the next ones are read only now
 *     rows(...) ...                 <-----
 *     done() or failed(why)         <-----      exactly one of them, unless cancelled
 *
 * How the rows and the journal join, without gap or repeat:
 *
 *  1. The worker notes its offset in the journal, then calls snapshot_start.
 *  2. started(): it keeps a visible_copy() and `wal`, and reckons where to read from:
 *     from = commits_first(&worker->commits, visible, noted).  That place must stay in the
 *     journal until the rows are delivered, else the client is told of a gap and starts anew.
 *  3. It delivers the rows.
 *  4. done(): it reads the journal from `from`, with the subscription's filter, and drops each
 *     change of a transaction that the rows contain: visible_has(visible, change->xid).
 *  5. At the first change with position.commit > wal the check is over: the client is live.
 *     (Also when journal_settled() > wal and the journal's end is reached.)
 *
 * Why this is right.  A snapshot is a set of transactions, and visible_has() is that set, so each
 * committed transaction is either in the rows, and dropped in 4, or not, and delivered in 4 if its
 * changes are read at all.  They are: what the worker had not read when it noted its offset comes
 * behind it; what it had read, and is still missing in the snapshot, is found by commits_first.
 * No LSN could decide this.  Transactions become visible in another order than their commit
 * records stand in the WAL: a backend writes the record, waits for the flush (and for a
 * synchronous standby), and only then leaves the list of running ones; a later one may be faster.
 * But a record is always written before the transaction is visible, and `wal` is read after the
 * snapshot was taken: so all that the rows contain lies before `wal`, hence 5.
 * Subtransactions: plugins give their changes the top-level xid, and a snapshot lists only those.
 * TRUNCATE is not MVCC-safe, the table would look empty to older snapshots: hence the lock, which
 * is had before the snapshot is taken.
 *
 * Limits: `connections` snapshots run at once, SNAPSHOTS_WAITING_MAX wait their turn, further ones
 * fail with ERR_LIMIT.  Rows are taken from the socket one by one and the connection is not read
 * while a chunk is with the worker, so memory is one chunk and one row per snapshot, whatever the
 * rows' sizes.  Since an open snapshot holds back VACUUM, it fails with ERR_TIMEOUT when the
 * worker has not asked for more within SNAPSHOT_IDLE_MS, or after SNAPSHOT_LONGEST_MS in all.
 */
enum {
    SNAPSHOTS_WAITING_MAX = 1000,
    SNAPSHOT_CHUNK_SIZE = 128 * 1024, /* bytes; a chunk ends with the row that reaches it */
    SNAPSHOT_CHUNK_ROWS = 4096,
    SNAPSHOT_IDLE_MS = 60 * 1000,
    SNAPSHOT_LONGEST_MS = 3600 * 1000,
};

struct snapshots_config {
    const char *conninfo; /* of the database that is captured; copied */
    int connections;      /* how many run at once; 0: 4.  Made when needed, closed after 30 s */
    uint32_t idle_ms;     /* 0: SNAPSHOT_IDLE_MS; tests are less patient */
};

/* In the control thread, as is _free: when all askers' threads have ended and their mailboxes are
 * still there; open ones are dropped without a word. */
struct snapshots *snapshots_new(struct loop *loop, const struct snapshots_config *config);
void snapshots_free(struct snapshots *snapshots);

/* What is wanted; copied. */
struct snapshot_query {
    const struct table_shape *shape; /* as catalog/control.h gave it */
    /* Names of columns; the columns of the replica identity are added, unless it is the whole row
     * (as encode/v1_columns.h does).  NULL: all. */
    const struct slice *select;
    uint32_t select_count;
    struct slice where; /* of match/filter_sql.h; empty: all rows */
};

/* Borrowed during the callback, but for `table`, which is valid until done, failed or cancel. */
struct snapshot_rows {
    const struct table *table;  /* the columns wanted, in the table's order */
    const struct value *values; /* of row i: from values[i * table->column_count] */
    uint32_t count;
};

/* All called in the asker's thread. */
struct snapshot_events {
    void (*started)(void *arg, const struct visible *visible, lsn wal);
    void (*rows)(void *arg, const struct snapshot_rows *rows);
    void (*done)(void *arg); /* also right behind the last rows() */
    /* ERR_LIMIT: too many wait; ERR_TIMEOUT; ERR_CLOSED: no connection; ERR_DENIED: no right to
     * read it, the words name the GRANT; ERR_NOT_FOUND: the table is another one by now, describe
     * it again; ERR_REFUSED: PostgreSQL's words */
    void (*failed)(void *arg, const struct fault *why);
};

/* Any thread, that of `mine`; nothing is called before it returns. */
struct snapshot *snapshot_start(struct snapshots *snapshots, struct mailbox *mine,
                                const struct snapshot_query *query,
                                const struct snapshot_events *events, void *arg);
/* After each rows(): the client has taken them.  May be called within rows(). */
void snapshot_next(struct snapshot *snapshot);
/* Before done and failed: none of them will be called.  Not after them: the snapshot is gone then.
 * NULL is accepted. */
void snapshot_cancel(struct snapshot *snapshot);
