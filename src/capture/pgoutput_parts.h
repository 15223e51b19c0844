/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/decoder.h"
#include "capture/pgoutput_tables.h"
#include "capture/spill.h"
#include "capture/wire.h"

/* What pgoutput.c (messages of one transaction) and pgoutput_stream.c (transactions that are
 * streamed while they run) share. */

struct pgoutput_stream {
    struct spill *spill;            /* owned; messages of transactions that have not ended */
    bool is_in_block;               /* between Stream Start and Stream Stop */
    struct spill_transaction *open; /* whose block it is; NULL in a block: it is read over */
    uint32_t xid;                   /* of the block */
    bool is_replaying;              /* a Stream Commit is at hand, as the transaction is */
    bool has_record;                /* of which a record is at hand that was not taken */
    lsn end;
};

struct pgoutput {
    struct decoder decoder; /* first: what others hold */
    struct decoder_config config;
    struct pgoutput_tables tables;
    uint32_t relations;              /* heard so far */
    struct value *new_row, *old_row; /* owned; PGOUTPUT_COLUMNS_MAX each */

    /* the transaction at hand */
    bool is_in_transaction, is_skipping;
    lsn commit;     /* also of the last one, after its end */
    uint32_t index; /* of the next change */
    uint32_t xid;
    int64_t commit_time_us;
    uint32_t truncated; /* tables of the Truncate at hand that were taken */

    lsn last_end; /* of the last Commit; commits never step back */

    struct pgoutput_stream stream;
};

/* A transaction as Begin describes it. */
struct pgoutput_begin {
    lsn commit;
    uint64_t time; /* microseconds since 2000 */
    uint32_t xid;
};

/* ERR_PARSE: it steps back behind an earlier one. */
MUST_CHECK enum status pgoutput_begin(struct pgoutput *p, const struct pgoutput_begin *begin,
                                      struct fault *fault);
void pgoutput_end(struct pgoutput *p, lsn end);

/* A message that belongs to the transaction at hand, behind its kind (and its xid); `heard` is
 * when a Relation came. */
MUST_CHECK enum status pgoutput_message(struct pgoutput *p, char kind, struct wire *wire,
                                        uint32_t heard, struct fault *fault);

/* ---- pgoutput_stream.c ---- */

void pgoutput_stream_init(struct pgoutput *p);
void pgoutput_stream_reset(struct pgoutput *p);
void pgoutput_stream_release(struct pgoutput *p);

/* S, E, A and c, and whatever comes within a block. */
bool pgoutput_stream_takes(struct pgoutput *p, char kind);
MUST_CHECK enum status pgoutput_stream_feed(struct pgoutput *p, struct slice message,
                                            struct fault *fault);
/* What was fed last could not be understood. */
void pgoutput_stream_skip(struct pgoutput *p);
