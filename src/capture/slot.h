/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "change/position.h"

struct sql_answer;

/*
 * The replication slot: what it is called, whether it can be used, how it is made.
 *
 *     slot_name not set    pgcdc_<16 hex digits>, TEMPORARY: gone with its connection
 *     slot_name = "pgcdc"  found in pg_replication_slots  SLOT_USABLE, and not touched
 *                          not found                      SLOT_MISSING: to be made
 *                          used by another process        SLOT_BUSY: stand by until it is free
 *                          wal_status = lost              SLOT_LOST: nothing can be had from it;
 *                                                         dropped and made anew, clients are told
 *                          another plugin or database     SLOT_WRONG: an administrator must decide
 */
enum slot_verdict { SLOT_USABLE, SLOT_MISSING, SLOT_BUSY, SLOT_LOST, SLOT_WRONG };

/* What slot_query's answer says. */
struct slot_info {
    uint64_t wal_sender_timeout_ms; /* of the server; 0: none */
    bool exists;
    bool is_logical, is_here; /* of this database */
    bool is_lost;
    int active_pid; /* 0: free */
    char plugin[64];
    lsn confirmed;
    char database[16]; /* oid of the one we are connected to */
};

/* Appends "pgcdc_" and 16 random hex digits. */
void slot_random_name(struct buf *out);

/* One question for an ordinary connection; $1 is the slot's name.  Always one row. */
extern const char slot_query[];
void slot_read(struct slot_info *out, const struct sql_answer *answer);

/* `plugin`: the only one that will do, or NULL.  The fault says why it is not usable. */
enum slot_verdict slot_judge(const struct slot_info *info, const char *name, const char *plugin,
                             struct fault *fault);

/*
 * Is this an error of decoding, which comes again whenever the same WAL is read?  That is a change
 * made while its publication was dropped, and a row too large for the server itself.  Only moving
 * the slot past it helps (slot_skip), at the price of a gap.
 */
bool slot_is_stuck(struct slice server_error);
/*
 * Is this one that a transaction meets only while it runs?  Once it has ended, what was rolled back
 * to a savepoint is out of the way.  (PostgreSQL 14 to 18: an ALTER TABLE that is rolled back, and
 * a second one of that table behind it.)
 */
bool slot_is_too_early(struct slice server_error);
/* For an ordinary connection: moves the slot $1 to the end of the WAL; PostgreSQL 11 and later. */
extern const char slot_skip[];

/* How many bytes of WAL the server keeps for the slot $1. */
extern const char slot_retained[];
/* Ends the process $2 if it is one of this program's and role's that holds the slot $1. */
extern const char slot_end_holder[];

/* Replication commands.  FAILOVER: standbys with sync_replication_slots keep a copy of the slot,
 * and whoever of them is promoted goes on with it (PostgreSQL 17). */
enum slot_kind { SLOT_TEMPORARY, SLOT_DURABLE, SLOT_FAILOVER };
void slot_add_create(struct buf *out, const char *name, const char *plugin, enum slot_kind kind);
/* `options` as START_REPLICATION takes them, without parentheses. */
void slot_add_start(struct buf *out, const char *name, struct slice options);
