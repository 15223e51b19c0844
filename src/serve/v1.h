/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "change/token.h"
#include "encode/v1.h"
#include "match/filter.h"
#include "serve/frame.h"
#include "serve/who.h"

struct binding;
struct change;
struct delivery;
struct group;
struct reading;
struct session;
struct table;
struct v1_columns;
struct v1_snapshot;

/*
 * The rich protocol on one session: several subscriptions on a living socket, each with an id,
 * and one message per change that names all of them that it concerns (doc/protocol.md).
 *
 *     session (place: 900) --+-- s1  live           gets what the fan-out or the session's own
 *                            +-- s2  live           catching up brings
 *                            +-- s3  behind (500)   resumes: reads 500 to 900 by itself first
 *
 * The session as a whole is live or behind like any other (serve/session.h).  A subscription that
 * resumes further back reads on by itself until it has come to where the session is.  Changes up
 * to `after` are none of a subscription's business: it began in the midst of things.
 *
 * Used only by the worker that owns the session.
 */
#define V1_PROTOCOL "pgcdc.v1"
#define V1_MAX_SUBSCRIPTIONS 100

struct v1_subscription {
    struct list_link in_session;
    struct v1 *v1;              /* borrowed */
    char *id;                   /* owned */
    struct v1_columns *columns; /* owned; NULL: all */
    struct binding *binding;    /* owned; until it is bound */
    struct group *group;        /* borrowed; NULL until it is bound */
    uint32_t member;            /* its place among the group's */
    bool has_since, wants_snapshot;
    struct v1_snapshot *snapshot; /* owned; until rows and journal have joined */
    bool is_behind;               /* reads on by itself from `place` */
    uint64_t place;               /* offset in the journal */
    struct token since;           /* of has_since */
    struct position after;        /* in the current epoch */
};

struct v1_hit {
    struct v1_subscription *subscription;
    enum filter_scope scope;
};

struct v1 {
    struct session *session; /* borrowed */
    struct who who;
    struct list_link subscriptions;
    uint32_t count;
    struct buf input; /* the message that is coming */
    struct buf run;   /* frames of this turn */
    uint32_t run_frames;
    struct list_link in_dirty; /* linked while the run holds something */
    struct list_link in_hits;  /* linked while the change at hand has hits */
    struct v1_hit hits[V1_MAX_SUBSCRIPTIONS];
    uint32_t hit_count;
    bool had_rows; /* the last that left were rows: what is behind has its turn */
};

/* ---- the session's side (serve/v1_session.c) ---- */

/* The upgrade was answered: puts `welcome`, and from here on speaks protocol_v1.  `format`:
 * FRAME_PLAIN, or its deflated form. */
void v1_begin(struct session *session, const struct who *who, enum frame_format format);

struct v1_message;
/* A message that asks for a subscription (serve/v1_subscribe.c). */
void v1_subscribe(struct v1 *v1, const struct v1_message *message);
struct v1_subscription *v1_find(struct v1 *v1, const char *id);
/* `id`: "" where no subscription is meant. */
void v1_put_error(struct v1 *v1, const char *id, const char *code, const char *words);
void v1_put_gap(struct v1 *v1, const struct slice *ids, uint32_t count, struct slice reason,
                struct token position);
/* Into the group of this filter (taken over), and out of its group. */
void v1_join(struct v1_subscription *subscription, struct filter *filter);
void v1_leave(struct v1_subscription *subscription);
void v1_change_group(struct v1_subscription *subscription, struct group *to);
/* It is gone without a word. */
void v1_forget(struct v1_subscription *subscription);
/* It is over; `reason` is empty when the client wanted that. */
void v1_end_subscription(struct v1_subscription *subscription, struct slice reason);

/* ---- what it is sent (serve/v1_deliver.c) ---- */

/* Puts one JSON message as a frame. */
void v1_put(struct v1 *v1, struct slice message);
/* The same for rows of a snapshot, compressed for a client that has agreed on that. */
void v1_put_rows(struct v1 *v1, struct slice message);
/* The change passes the subscription's filter: remembers it, if it is its business. */
void v1_hit(struct v1_subscription *subscription, const struct change *change,
            enum filter_scope scope, struct list_link *hit_sessions);
/* Appends the message for the hits remembered, as a frame, and forgets them.  Its tail is one of
 * the fan-out's, made at the first need.  Returns the number of frames: 0 or 1. */
uint32_t v1_emit(struct v1 *v1, const struct delivery *delivery, struct buf *out);
static inline struct v1 *v1_of_hits(struct list_link *link)
{
    return LIST_ITEM(link, struct v1, in_hits);
}
static inline struct v1 *v1_of_dirty(struct list_link *link)
{
    return LIST_ITEM(link, struct v1, in_dirty);
}
/* A subscription that reads by itself meets a change: remembers it if it passes. */
void v1_try(struct v1_subscription *subscription, const struct change *change);
/* Sends the run and leaves the dirty list; returns the number of frames sent. */
uint32_t v1_flush(struct v1 *v1);

/* ---- its reading on by itself, for serve/protocol.h (serve/v1_reading.c) ---- */

bool v1_reading(struct session *session, struct reading *out);
/* The first subscription that is behind by itself, or NULL. */
struct v1_subscription *v1_first_behind(const struct v1 *v1);
bool v1_is_held(const struct session *session);
/* The table is gone: its subscriptions end. */
void v1_end_table(struct session *session, const struct table *table);
