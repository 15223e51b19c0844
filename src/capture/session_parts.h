/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "capture/backoff.h"
#include "capture/capture.h"
#include "capture/decoder.h"
#include "capture/dropped.h"
#include "capture/names.h"
#include "capture/said.h"
#include "capture/side.h"
#include "capture/slot.h"
#include "capture/state.h"
#include "capture/stream.h"
#include "catalog/publication.h"
#include "catalog/source.h"

/* What session.c (the whole life) and attempt.c (one way up to streaming) share. */

enum session_step {
    STEP_PAUSE,    /* until the retry timer */
    STEP_SIDE,     /* until the side connection is up */
    STEP_SLOT,     /* what is with the slot? */
    STEP_CHECK,    /* plugin and publications */
    STEP_DIAL,     /* replication connection */
    STEP_IDENTIFY, /* which server, which history? */
    STEP_CREATE,   /* the slot */
    STEP_START,    /* START_REPLICATION */
    STEP_STREAM,
    STEP_END, /* until the server has ended the stream; nothing begins any more */
};

struct session {
    struct capture_config config; /* owned texts */
    struct loop *loop;
    struct state_board *board; /* borrowed */
    struct side *side;
    struct sql *replication;
    struct names *names;
    struct dropped *dropped;
    struct publication *publication;
    struct source_check *check; /* under way; else NULL */
    struct stream *stream;
    struct decoder *decoder; /* of the last plan; NULL before the first */
    unsigned lack_count;     /* looks in a row at which the stream lacked names and nobody to ask */
    struct timer *retry, *keep, *patience, *farewell;
    struct backoff backoff;
    struct said said;

    enum session_step step;
    bool is_temporary;
    bool has_streamed;  /* in this process: somebody may have heard changes */
    bool is_publishing; /* the plan has publications to be kept */
    uint64_t live_ms;
    bool must_skip; /* the server cannot decode what the durable slot would send next */
    bool must_wait; /* nor transactions that have not ended: whole ones are asked for */
    unsigned flaps; /* streams in a row that broke soon after they began */

    /* Of this attempt. */
    char *slot;                /* owned; its name */
    struct slot_info info;     /* as the catalogue has it */
    enum source_plugin plugin; /* of the plan */
    char *publication_names;   /* owned; of pgoutput */
    lsn confirmed;             /* where the slot stands */
    char *system, *timeline;   /* owned; of the last attempt, as IDENTIFY_SYSTEM has them */
    char *timeline_left;       /* owned; the one before, if it was another; else NULL */
    lsn target;                /* where the server's WAL stood when we came */
    int walsender;             /* process of our last stream; 0: none */
    bool is_measuring;         /* slot_retained was asked */
    uint64_t asked_ms;         /* when the side connection was asked for a sign of life; 0: not */
    struct buf gap;            /* why something may be missing; empty: nothing is */

    void (*ended)(void *arg); /* of session_stop, with its arg */
    void *ended_arg;
};

/* Ends the attempt, or the stream: says why, and tries again after a pause. */
void session_fail(struct session *session, enum capture_phase phase, const char *why);
/* A log line, unless it was said lately. */
void session_say(struct session *session, enum log_level level, const char *text);
