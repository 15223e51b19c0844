/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "base/log.h"

struct publication;
struct sql;

/*
 * The two publications that pgoutput streams from, made and kept by us.
 *
 *     orders  (primary key)       pgcdc          insert, update, delete, truncate
 *     log     (no identity)       pgcdc_inserts  insert, truncate
 *
 * A table is in `<name>` only while PostgreSQL can name the old row of an update, because
 * publishing updates of any other table makes the users' own UPDATE and DELETE fail; everything
 * is in `<name>_inserts`.  Each second one query looks for differences, so that a new table is
 * there at once, and one that lost its key is taken out at once.
 *
 * A superuser's `<name>_inserts` is FOR ALL TABLES; another role's holds the tables it owns.  A
 * publication that somebody else made (ours carry the comment "kept by pgcdc") is used as it is.
 * No statement of ours waits longer than 2 s for a lock.
 *
 * One connection at a time; the thread of its loop.
 */
struct publication_config {
    const char *name; /* "pgcdc"; at most 55 bytes, for the suffix "_inserts" */
    bool is_via_root; /* publish_via_partition_root */
};

/* What an owner should log: "table public.log has no replica identity: ...". */
typedef void(publication_log_fn)(void *arg, enum log_level level, const char *text);
/* `names` is the value of pgoutput's option publication_names, identifiers quoted and joined by
 * commas ("\"pgcdc\",\"pgcdc_inserts\""): put it into START_REPLICATION by sql_quote_literal.
 * NULL: `why` says what is wrong, and which SQL an administrator must run. */
typedef void(publication_done_fn)(void *arg, const char *names, const struct fault *why);

struct publication *publication_new(const struct publication_config *config,
                                    publication_log_fn *log, void *arg);
/* Before its sql is freed, or after publication_reset. */
void publication_free(struct publication *publication);

/* Makes what is missing; `done` is called exactly once, unless sql is freed before. */
void publication_ensure(struct publication *publication, struct sql *sql, publication_done_fn *done,
                        void *arg);
/* Looks for differences and puts them right; call it each second, and when a table was new.
 * Does nothing while the previous call is at work, or before publication_ensure succeeded. */
void publication_keep(struct publication *publication, struct sql *sql);
/* publication_keep has found that a publication of ours is gone or no longer ours: streaming must
 * begin anew with publication_ensure.  Cleared by that. */
bool publication_is_lost(const struct publication *publication);
/* The sql that it was at work on was freed: call this before anything else. */
void publication_reset(struct publication *publication);
