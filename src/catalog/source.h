/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/status.h"

struct publication;
struct source_check;
struct sql;
struct sql_answer;

/*
 * Can changes be had from this server, and by which plugin?
 *
 * Looks at the version (11 and later), wal_level, the role's REPLICATION, free slots, the setting
 * output_plugin_libraries (PostgreSQL of August 2026 and later decode only with plugins that it
 * names), and whether publications can be had.  `auto` is pgoutput; where no publication can be
 * made it is wal2json, unless the server rules that out.  Every refusal names its remedy, as SQL
 * or as a line of postgresql.conf.
 *
 * Whether wal2json is installed is not in any catalogue; only CREATE_REPLICATION_SLOT tells:
 * source_slot_fault puts that answer into words.
 */
enum source_plugin { SOURCE_AUTO, SOURCE_PGOUTPUT, SOURCE_WAL2JSON };

struct source_config {
    enum source_plugin plugin; /* what the user asked for */
    bool is_slot_new;          /* a slot will be made: one must be free */
};

/* Borrowed during the callback. */
struct source_plan {
    enum source_plugin plugin;     /* never SOURCE_AUTO */
    const char *publication_names; /* of pgoutput, see catalog/publication.h; else NULL */
    bool is_superuser, is_standby;
    const char *warning; /* why `auto` fell back on wal2json, with the remedy; else NULL */
};

/* One of plan and why is NULL. */
typedef void(source_done_fn)(void *arg, const struct source_plan *plan, const struct fault *why);

/* `publication` may be NULL where plugin is SOURCE_WAL2JSON.  `done` is called exactly once, unless
 * the check is cancelled; the check is gone then. */
struct source_check *source_check(struct sql *sql, const struct source_config *config,
                                  struct publication *publication, source_done_fn *done, void *arg);
/* Before `done`, and before sql is freed; NULL is accepted.  Resets the publication, too. */
void source_cancel(struct source_check *check);

/* Why CREATE_REPLICATION_SLOT or START_REPLICATION was refused, with the remedy where there is
 * one.  `answer` has ERR_REFUSED; `plugin` is what was tried.  Returns the fault's status. */
enum status source_slot_fault(struct fault *fault, enum source_plugin plugin,
                              const struct sql_answer *answer);
