/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "change/change.h"

/*
 * What turns the messages of an output plugin into changes.
 *
 * The capture session reads COPY BOTH frames and feeds what each 'w' frame carries to one
 * decoder; the decoder hands every change to a sink, and each end of a transaction to on_commit:
 *
 *     session                        decoder                        config
 *     feed("{"action":"B",...}") --> remembers xid, commit LSN
 *     feed("{"action":"I",...}") --> one struct change          --> sink(arg, change)
 *     feed("{"action":"C",...}") -->                            --> on_commit(arg, commit, end)
 *
 * Of every change the decoder sets position (commit LSN, and an index that counts from 0 what was
 * handed to the sink in this transaction), xid and commit_time_us; the same transaction has the
 * same positions whenever it is sent again, so that repeats can be dropped by them.
 *
 * When feed() does not return OK:
 *  - ERR_AGAIN: the sink was full (or a name, see `types` and `name_table`, has still to be looked
 *    up).  The session feeds the very same message again, later.  What the sink took of it is not
 *    handed over twice: of a message with many changes the decoder remembers how many were taken.
 *    With a text in `fault`, it is the decoder's own disk (pgoutput's spill) that is in trouble:
 *    the session tells so, and feeds again each second.
 *  - ERR_PARSE: the message cannot be understood; `fault` names what is wrong.  The session calls
 *    skip(), which returns the position of the change that was lost and lets the decoder ignore
 *    the rest of that transaction; logs that position, counts it, and appends a CHANGE_GAP with
 *    it.  The message is not fed again.  on_commit still comes at the transaction's end, where
 *    that can be told, and the next transaction is decoded as if nothing had happened.
 *  - any other status is the sink's, passed on as it is (ERR_LIMIT: larger than the journal
 *    takes).  The change does not count as taken; the session may call skip() as above.
 *
 * A message may stand for more than one turn of the loop can do, the end of a transaction of
 * millions of changes.  Then is_unfinished is set after feed() has returned ERR_AGAIN, or after
 * skip(): the session feeds the same message again, in the next turn.
 *
 * Tables: a decoder makes versions of struct table with table_new, one for each shape it sees, and
 * gives up those that are superseded by retire(), as reset() and free() do with all that are live.
 * Changes in the journal may still point to them, so it is the session (journal_retire) that frees
 * them when that is over.  A decoder never frees one itself.
 *
 * Thread: the capture thread only.  A decoder does no I/O but for pgoutput's spill, and in a steady
 * state no allocation.
 */
struct decoder;
struct types; /* pgoutput: names of types by oid, of capture/types.h */
struct spill_files;

/* OK: the change was taken (copied).  ERR_AGAIN: no room now. */
typedef enum status(change_sink_fn)(void *arg, const struct change *change);

struct decoder_config {
    change_sink_fn *sink;
    /* A transaction is complete: `commit` as in the position of its changes, `end` is the first
     * byte behind its commit record, what may be confirmed to PostgreSQL once the journal lets go
     * of it.  Also called for empty and for skipped transactions. */
    void (*on_commit)(void *arg, lsn commit, lsn end);
    /* Takes over a version that no later change will point to. */
    void (*retire)(void *arg, struct table *table);
    /* Optional: the name to publish a table under, where that is another one (a chunk's
     * hypertable).  Asked once per version.  The answer is borrowed until the next call.
     * ERR_AGAIN: being looked up, feed() returns ERR_AGAIN, too.  NULL: names are kept. */
    enum status (*name_table)(void *arg, struct slice schema, struct slice name,
                              struct slice *out_schema, struct slice *out_name);
    void *arg;           /* of all the above */
    struct types *types; /* borrowed; pgoutput's decoder only, as is all below */
    int protocol;        /* 1 to 4; 0: the newest that the server knows */
    size_t spill_memory; /* bytes of transactions that have not ended; beyond, they are on disk */
    const char *spill_directory;           /* there; copied; NULL: /var/tmp */
    const struct spill_files *spill_files; /* borrowed; NULL: the system's */
};

struct decoder_ops {
    const char *plugin; /* for CREATE_REPLICATION_SLOT: "pgoutput", "wal2json" */

    /* Appends the options of START_REPLICATION for a server of this version (150020 is 15.20),
     * without parentheses:
     *     "format-version" '2', "include-lsn" 'true'
     * What only the session knows (publication names) it adds itself. */
    void (*add_options)(const struct decoder *decoder, int server_version, struct buf *out);

    /* One message: the payload of a 'w' frame; `start` is the frame's first LSN (the change's own
     * record; what plugins print is preferred to it).  The message is borrowed during the call. */
    MUST_CHECK enum status (*feed)(struct decoder *decoder, struct slice message, lsn start,
                                   struct fault *fault);

    /* After a feed() that did not return OK: ignore the rest of this transaction.  Returns the
     * position of the change that was lost; commit is LSN_NONE where it is not known.  Where this
     * sets is_unfinished, the message is fed again after all, for the end of its transaction. */
    struct position (*skip)(struct decoder *decoder);

    /* A new stream starts: forget the transaction at hand, retire all tables. */
    void (*reset)(struct decoder *decoder);

    void (*free)(struct decoder *decoder); /* retires all tables, too */
};

/* The first member of each decoder. */
struct decoder {
    const struct decoder_ops *ops;
    bool is_unfinished; /* the message at hand is to be fed again, in the next turn */
};

/*
 * The three decoders, and where they can't be alike:
 *
 *                        pgoutput              wal2json 2            wal2json 1
 *   position.commit      commit record's LSN   commit record's LSN   nextlsn - 1
 *   truncate             told                  told                  not told
 *   NaN, infinities      told                  null                  null
 *   REPLICA IDENTITY     OLD_FULL              OLD_FULL              OLD_FULL if no column is
 *     FULL                                                             null, else OLD_KEY
 *   old row of an update only if the key       always                always
 *     with a key           has changed
 *   key columns          known at once         by the first old row  by the first old row
 *   generated columns    PostgreSQL 18 on      told                  told
 *   logical messages     not asked for         not asked for         not asked for
 *
 * wal2json 1 tells only "nextlsn", the end of the commit record, not where it begins: nextlsn - 1
 * is the record's last byte.  That keeps transactions in the same order, but is another number:
 * positions of format 1 must not be compared with those of another decoder (the epoch names the
 * plugin and its format).
 */
struct decoder *decoder_pgoutput_new(const struct decoder_config *config);
struct decoder *decoder_wal2json_v1_new(const struct decoder_config *config);
struct decoder *decoder_wal2json_v2_new(const struct decoder_config *config);

static inline void decoder_free(struct decoder *decoder)
{
    if (decoder)
        decoder->ops->free(decoder);
}
