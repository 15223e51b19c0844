/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "change/token.h"
#include "net/socket.h"
#include "serve/frame.h"
#include "serve/outbox.h"
#include "serve/websocket.h"

struct filter;
struct group;
struct packet;
struct protocol;
struct request;
struct v1;
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
 * the next ping while live, 5 s to close.  While it waits for nothing it holds no buffer: about
 * 400 bytes of ours.
 *
 * A live session gets what the fan-out sends it.  When its socket does not take that, or when it
 * resumes, it is *behind*: it keeps only its place in the journal and reads on from there as its
 * socket drains (serve/catch_up.h), until it has caught up and is live again.
 *
 * Liveness (RELIABILITY: a half-open peer is gone within 25 + 10 s): every 25 s a ping; whatever
 * arrives, or leaves of what was waiting, within the next 10 s is a sign of life.  A stream of
 * events has nobody to answer: there a comment is sent, and the kernel tells when it is not
 * acknowledged (TCP_USER_TIMEOUT).
 *
 * Used only by the worker that owns it.
 */
#define SESSION_HANDSHAKE_SECONDS 10
#define SESSION_PONG_SECONDS 10
#define SESSION_CLOSE_SECONDS 5
#define SESSION_OUTBOX_MAX                                                                         \
    ((size_t)256 * 1024) /* of what a client makes us say besides changes                          \
                          */

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

/* What only a session with more than one subscription needs (serve/subscription.h). */
struct several;

/*
 * A change to ten thousand clients looks at ten thousand sessions that nobody has touched for long.
 * What that needs stands together, in 64 bytes, from the end of the socket to outbox.count
 * (asserted in send.c); session_fetch asks the memory for it ahead of time.
 */
struct session {
    struct socket socket;
    struct worker *worker; /* borrowed */
    uint8_t phase;         /* enum session_phase */
    uint8_t format;        /* enum frame_format, once it is live */
    bool is_behind;
    bool is_pinged; /* a ping's answer is due next, else a ping is */
    bool is_silent; /* no sign of life since that ping */
    bool is_polite; /* of one that is over: its socket says goodbye */
    uint8_t silent_seconds;
    struct outbox outbox;            /* the rest of what was half written, and control frames */
    struct subscription sole;        /* of a session that has one; else empty */
    struct several *several;         /* owned; NULL unless it has more */
    struct v1 *v1;                   /* owned; of a session of the rich protocol (serve/v1.h) */
    struct request *request;         /* owned; until it is live */
    const struct protocol *protocol; /* once it is live */
    struct ws_reader reader;
    struct list_link in_wheel;
    struct list_link in_catching; /* linked while it is behind and could send more */
    uint64_t place;               /* offset in the journal: where it goes on, or began when live */
    lsn skip_commit;              /* changes of transactions up to here are none of its business */
};

/* It will be sent something soon. */
static inline void session_fetch(const struct session *session)
{
    __builtin_prefetch(&session->socket.tls, 1);
    __builtin_prefetch(&session->outbox.count, 1);
}

static inline struct session *session_of_link(struct list_link *link)
{
    return LIST_ITEM(link, struct session, in_wheel);
}

/* Takes fd over.  ERR_SYSTEM: it is closed already. */
MUST_CHECK enum status session_accept(struct worker *worker, int fd);

/* Reads what has come, for the worker's handshakes. */
void session_read(struct session *session);

/* The wheel says that the session's deadline has come. */
void session_due(struct session *session);

/* ---- For those who speak HTTP on it (serve/request.c) ---- */

/* Writes now what the socket takes, and queues the rest. */
void session_put(struct session *session, struct slice bytes);
/* All is said: closes as soon as everything is written. */
void session_finish(struct session *session);
/* Without goodbye.  This and session_finish only mark it as over (SESSION_GONE): whoever calls
 * them, from however deep, may go on using it until the end of the loop's turn. */
void session_abort(struct session *session);
/* At the end of the turn: takes apart one that is over.  For the worker. */
void session_bury(struct session *session);
/* Puts it under a deadline. */
void session_deadline(struct session *session, uint32_t seconds);

/* ---- How it becomes live (serve/begin.c) ---- */

struct session_start {
    const struct protocol *protocol;
    enum frame_format format; /* deflated, if that was agreed on */
    bool has_token;           /* go on behind `token`; else from now on */
    struct token token;
};

/*
 * 101 or 200 was put: from here on it gets what its filters (1 or more, taken over) match, from
 * the beginning of a transaction.  ERR_NOT_FOUND: the token's place is gone, and the fault says
 * why; then it begins now.  out_position: what it has not missed begins behind it.
 */
MUST_CHECK enum status session_go_live(struct session *session, struct filter *const *filters,
                                       uint32_t count, const struct session_start *start,
                                       struct token *out_position, struct fault *fault);

/* The same for a protocol whose subscriptions come later: it has none yet. */
void session_become_live(struct session *session, const struct protocol *protocol,
                         enum frame_format format);

/* ---- What it says (its protocol decides how); nothing when it is not live ---- */

/* Something is missing at this place.  `code`: of a WebSocket close, where that is the way. */
void session_tell_gap(struct session *session, unsigned code, struct slice reason);
/* Goodbye with a code of its own; nothing is sent after that. */
void session_say_close(struct session *session, unsigned code, struct slice reason);
/* What it was subscribed to is no more: it is told, and ends. */
void session_end(struct session *session, struct slice reason);

/* ---- For the fan-out, catching up and the worker (serve/send.c) ---- */

static inline enum frame_format session_format(const struct session *session)
{
    return (enum frame_format)session->format;
}

/* Sends a turn's run of frames.  False: it is behind, or falls behind by this, and has got nothing
 * of it.  What of it was left half written becomes `*rest`, which is made at the first need and
 * shared by all who get the same run.  May close the session. */
bool session_send_run(struct session *session, struct slice run, struct packet **rest);
/* The same for what the session read by itself; true: all of it was written. */
bool session_send_own(struct session *session, struct slice run);
/* Goes on from `place` as soon as the socket takes more. */
void session_fall_behind(struct session *session, uint64_t place);
/* It has caught up: what is live is for it again. */
void session_come_abreast(struct session *session);
/* The same, whatever it has missed. */
void session_go_on_now(struct session *session);
