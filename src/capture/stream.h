/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/decoder.h"

struct feedback_limits;
struct journal;
struct loop;
struct names;
struct sql;
struct stream;

/*
 * One COPY BOTH stream, from the socket to the journal, and the positions confirmed back.
 *
 *     socket --frames--> decoder --changes--> journal --published once per burst--> workers
 *        ^                                       |
 *        `------------ feedback <----------------'  what may be forgotten: feedback.h
 *
 * It can be held up by three things: a full journal, a name that must be asked for first, and a
 * disk that does not take what the decoder must put by.  Then the frame at hand is kept, the socket
 * is left alone and only feedback goes on; it is fed to the decoder again when the reason may be
 * gone.  The frame that ends a very large transaction is fed many times, once a turn of the loop.
 *
 * Nothing comes twice: after a break PostgreSQL sends again what was not confirmed, in part or
 * whole, and what lies at or before the last position appended is dropped.  Nothing is missed
 * silently: what could not be decoded, and a break that lost something, is a CHANGE_GAP.
 *
 * The capture thread only.
 */
struct stream_events {
    /* The gap, if any, is told, the journal has all that the database had when the stream began,
     * and changes flow. */
    void (*live)(void *arg);
    /* Now and then before that. */
    void (*rebuilding)(void *arg, lsn received, lsn target);
    /* The server does not keep to the protocol; the owner ends the connection. */
    void (*broken)(void *arg, const struct fault *why);
    /* The disk holds us up, or with NULL: it does no longer. */
    void (*trouble)(void *arg, const char *why);
    /* A table version was seen for the first time. */
    void (*new_table)(void *arg);
};

struct stream *stream_new(struct loop *loop, struct journal *journal,
                          const struct feedback_limits *limits, const struct stream_events *events,
                          void *arg);
void stream_free(struct stream *stream);

/* Set before the first stream_begin: the replication connection and where names are asked. */
void stream_use(struct stream *stream, struct sql *sql, struct names *names);
/* What a decoder for this stream is made with. */
struct decoder_config stream_decoder_config(struct stream *stream);

struct stream_start {
    struct decoder *decoder;        /* borrowed until stream_end */
    const char *slot;               /* its name, for log lines; borrowed until stream_end */
    uint64_t epoch;                 /* not 0 */
    lsn confirmed;                  /* where the slot stands */
    lsn target;                     /* where the server's WAL stands */
    uint64_t wal_sender_timeout_ms; /* 0: none */
    const char *gap;                /* why something may be missing; NULL: nothing is */
};

void stream_begin(struct stream *stream, const struct stream_start *start);
void stream_end(struct stream *stream); /* the connection is gone, or about to */
/* stream_end, with last feedback and our end of COPY BOTH: once the server has let go of the slot
 * it ends its side, which is the connection's down(). */
void stream_finish(struct stream *stream);

/* A table is no more: tells who listens to it.  False: no room now. */
MUST_CHECK bool stream_drop_table(struct stream *stream, struct slice schema, struct slice name);
lsn stream_received(const struct stream *stream);

void stream_readable(struct stream *stream);    /* the socket may have more */
void stream_resume(struct stream *stream);      /* what holds it up may be gone */
bool stream_lacks_names(struct stream *stream); /* held up by the name of a type */

/* Up to where nothing is missing, over all streams of this object; LSN_NONE: there was none. */
lsn stream_settled(const struct stream *stream);
/* How much WAL the server keeps for our slot, as it says. */
void stream_retained(struct stream *stream, uint64_t bytes);
