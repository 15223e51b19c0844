/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "change/token.h"

struct buf;
struct change;
struct delivery;
struct fault;
struct session;
struct table;
struct ws_event;

/*
 * What each kind of client does in its own way, once it is live.
 *
 *     protocol_plain   /ws?query=...         serve/plain.c
 *     protocol_sse     /sse?query=...        serve/sse.c
 *     protocol_v1      /ws with pgcdc.v1     serve/v1_session.c
 *
 * All else about a session is the same for all of them and knows of none: deadlines, writing,
 * falling behind and catching up, being told of a gap at the right place.  Where two kinds do the
 * same, they share the function: serve/ws_client.h for WebSocket, serve/subscription.h for queries
 * that stand in the URL.
 *
 * Called in the worker's thread for a session that is SESSION_LIVE, unless said otherwise.  Each
 * may end the session (session_finish, session_abort).
 */
enum protocol_notice {
    NOTICE_SLOW,        /* the client has just fallen behind */
    NOTICE_SOURCE_DOWN, /* nothing comes from the database for now */
    NOTICE_SOURCE_UP,
    NOTICE_DRAINING, /* the server is stopping; say_close follows */
};

/*
 * Something that reads on in the journal by itself: a session that is behind, or one subscription
 * of a session that holds several by name.
 */
struct reading {
    const struct reading_kind *kind;
    struct session *session;
    void *reader;    /* the kind's own */
    uint64_t *place; /* offset in the journal where it goes on; moved as it reads */
};

struct reading_kind {
    /* Appends the change as frames if it is wanted; returns how many. */
    uint32_t (*add)(const struct reading *reading, const struct delivery *delivery,
                    struct buf *run);
    /* Can its filters be asked of this change?  ERR_NOT_FOUND: one was bound for another version
     * of the table, and the fault says why. */
    enum status (*check_table)(const struct reading *reading, const struct change *change,
                               struct fault *why);
    /* The table is gone: what named it ends, and is told why.  True: there is nobody left who
     * reads. */
    bool (*end_table)(const struct reading *reading, const struct table *table);
    /* Something is missing at this place: says so; it goes on now or ends. */
    void (*tell_gap)(const struct reading *reading, unsigned code, struct slice reason);
    /* It has come to the worker's own place, all transactions up to `complete` are behind it. */
    void (*arrive)(const struct reading *reading, lsn complete);
};

struct protocol {
    /* The first words to one whose queries stood in the URL.  `status`: OK, or why it could not go
     * on from its token; then it begins at `position`. */
    void (*tell_start)(struct session *session, enum status status, struct token position,
                       struct slice reason);
    /* Something is missing here: says so, and ends the session where that is its way.  `code` is
     * a WebSocket close code. */
    void (*tell_gap)(struct session *session, unsigned code, struct slice reason);
    void (*tell_notice)(struct session *session, enum protocol_notice notice); /* NULL: silent */
    /* Goodbye, with a WebSocket close code; nothing is sent after that. */
    void (*say_close)(struct session *session, unsigned code, struct slice reason);
    /* The session's deadline has come. */
    void (*keep_alive)(struct session *session);

    /* Bytes of a live or closing client; they may be changed (unmasked). */
    void (*take_bytes)(struct session *session, char *bytes, size_t size);
    /* A piece of a WebSocket message; NULL: what clients say is discarded, and never inflated.
     * ERR_INPUT: the client broke the protocol, and the fault has the code to close with and the
     * reason, as ws_read gives them. */
    enum status (*take_data)(struct session *session, const struct ws_event *event,
                             struct ws_event *fault);

    /* Leaves all groups and frees what is the protocol's own.  In any phase. */
    void (*leave)(struct session *session);
    /* The table is gone: what was subscribed to it ends, and is told why. */
    void (*end_table)(struct session *session, const struct table *table);
    /* Does it wait for a filter to be bound anew (serve/rebind.h)? */
    bool (*is_held)(const struct session *session);

    /* What of the session reads on by itself, and could now.  False: nothing. */
    bool (*next_reading)(struct session *session, struct reading *out);
    /* It had its round of catching up; or there was none to have (NULL: no matter). */
    void (*round_over)(struct session *session);
    /* Its outbox is empty; `is_behind`: a round of catching up follows.  (NULL: no matter) */
    void (*drained)(struct session *session, bool is_behind);
};

extern const struct protocol protocol_plain;
extern const struct protocol protocol_sse;
extern const struct protocol protocol_v1;
