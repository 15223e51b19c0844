/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "capture/state.h"

struct journal;

/*
 * The thread that reads PostgreSQL's changes into the journal.
 *
 * It owns its loop, one replication connection and one ordinary ("side") connection for checks,
 * publications, the slot and names of types.  It retries for ever; what it is doing, and why it is
 * not streaming, is read by others through capture_read_state.
 *
 *     capture = capture_new(&config);          config's texts are copied
 *     capture_start(capture, &fault);          returns at once, whether the database is there or
 * not
 *     ...
 *     capture_stop(capture);                   last feedback, clean close, thread joined
 *     capture_free(capture);                   after the journal's readers have closed
 */
struct capture_config {
    const char *conninfo; /* libpq's keywords or URI; "": libpq's own defaults */
    enum capture_plugin {
        CAPTURE_AUTO, /* pgoutput if we have a publication or may make one, else wal2json */
        CAPTURE_PGOUTPUT,
        CAPTURE_WAL2JSON,
    } plugin;
    int wal2json_format;     /* 1 or 2 */
    int pgoutput_protocol;   /* 1 to 4; 0: the newest that the server knows */
    const char *publication; /* its name; a second one is called <publication>_inserts */
    bool publish_via_partition_root;
    const char *slot_name;  /* "" or NULL: a temporary slot under a random name */
    bool is_failover;       /* a durable slot is made so that standbys can take it over */
    uint64_t journal_age_s; /* of a durable slot: how old what is held back may be; 0: any age */
    uint64_t journal_wal_limit; /* and how many bytes of WAL */
    struct journal *journal;    /* borrowed; capture is its only writer */
    size_t spill_memory; /* bytes of changes of open transactions; beyond, they are on disk */
    const char *spill_directory; /* there */
};

struct capture;

struct capture *capture_new(const struct capture_config *config);
void capture_free(struct capture *capture); /* stops it first; NULL is accepted */

MUST_CHECK enum status capture_start(struct capture *capture, struct fault *fault);
/* Any one other thread; waits for the thread to end.  Twice does no harm. */
void capture_stop(struct capture *capture);

/* Any thread. */
bool capture_is_streaming(const struct capture *capture);
/* Another server has the slot. */
bool capture_stands_by(const struct capture *capture);
void capture_read_state(const struct capture *capture, struct capture_state *out);
