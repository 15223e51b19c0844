/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "net/socket.h"
#include "serve/outbox.h"
#include "serve/websocket.h"

struct filter;
struct group;
struct packet;
struct request;
struct worker;

/*
 * One client's life, from accept to close.
 *
 *     READING --(head complete)--> ASKING --(filters ready)--> LIVE --(close sent)--> CLOSING
 *        |                            |                          |                       |
 *        +-------- reply -------------+---- reply                +-- peer's close        +-- peer's
 *                    v                                                  v                     v
 *                 FLUSHING (close when all is written) ---------------> GONE (socket is closing)
 *
 * Every session stands in the worker's wheel under its next deadline: 10 s for a request's head,
 * the next ping while live, 5 s to close.  While it waits for nothing it holds no buffer: less
 * than 400 bytes of ours.
 *
 * Liveness (RELIABILITY: a half-open peer is gone within 25 + 10 s): every 25 s a ping; whatever
 * arrives, or leaves of what was waiting, within the next 10 s is a sign of life.
 *
 * Used only by the worker that owns it.
 */
#define SESSION_HANDSHAKE_SECONDS 10
#define SESSION_PING_SECONDS 25
#define SESSION_PONG_SECONDS 10
#define SESSION_CLOSE_SECONDS 5

enum session_phase {
    SESSION_READING,
    SESSION_ASKING,
    SESSION_LIVE,
    SESSION_CLOSING,
    SESSION_FLUSHING,
    SESSION_GONE,
};

struct subscription {
    struct group *group; /* borrowed; NULL: none */
    uint32_t place;      /* among the group's members */
};

/* What only a session with more than one subscription needs. */
struct several;

struct session {
    struct socket socket;
    struct worker *worker;    /* borrowed */
    struct subscription sole; /* of a session that has one; else empty */
    struct several *several;  /* owned; NULL unless it has more */
    struct request *request;  /* owned; until it is live */
    struct outbox outbox;
    struct ws_reader reader;
    struct list_link in_wheel;
    uint64_t live_from; /* offset in the journal */
    uint8_t phase;      /* enum session_phase */
    bool is_pinged;     /* a ping's answer is due next, else a ping is */
    bool is_silent;     /* no sign of life since that ping */
};

static inline struct session *session_of_link(struct list_link *link)
{
    return LIST_ITEM(link, struct session, in_wheel);
}

/* Takes fd over.  ERR_SYSTEM: it is closed already. */
MUST_CHECK enum status session_accept(struct worker *worker, int fd);

/* The wheel says that the session's deadline has come. */
void session_due(struct session *session);

/* ---- For those who speak HTTP on it (serve/request.c) ---- */

/* Writes now what the socket takes, and queues the rest. */
void session_put(struct session *session, struct slice bytes);
/* All is said: closes as soon as everything is written. */
void session_finish(struct session *session);
/* At once. */
void session_abort(struct session *session);
/* Puts it under a deadline. */
void session_deadline(struct session *session, uint32_t seconds);

/* 101 was put: from here on it gets what its filters (1 or more, taken over) match. */
void session_go_live(struct session *session, struct filter *const *filters, uint32_t count);

/* ---- For the fan-out and the worker (serve/live.c) ---- */

/* Sends a run of frames.  What the socket does not take is queued as `*rest`, which is made at
 * the first need and shared by all who get the same run.  May close the session. */
void session_send(struct session *session, struct slice run, struct packet **rest);
/* For a session with several subscriptions: keeps the frame for this turn, unless it has that
 * change already.  Returns the bytes kept. */
size_t session_gather(struct session *session, struct slice frame, uint64_t change_number,
                      struct list_link *dirty);
/* Sends what was gathered and leaves the dirty list; returns the number of frames. */
uint32_t session_flush(struct session *session);
struct session *session_of_dirty(struct list_link *link);
/* The group has put this member in another place. */
void session_moved(struct session *session, const struct group *group, uint32_t place);

/* Says goodbye to a live client with a code of its own; nothing is sent after that. */
void session_say_close(struct session *session, unsigned code, struct slice reason);
/* Bytes of a live or closing client; they may be changed (unmasked). */
void session_take_frames(struct session *session, char *bytes, size_t size);
/* Leaves all groups; does nothing when it is in none. */
void session_unsubscribe(struct session *session);
/* The next ping, or the check for its answer, is due. */
void session_ping_due(struct session *session);
