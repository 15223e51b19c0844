/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "serve/frame.h"
#include "serve/spares.h"
#include "serve/v1_tail.h"

struct change;
struct deflated;
struct filter;
struct group;
struct group_members;
struct index;
struct session;

/*
 * From one change to the clients that want it, one send per client and turn.
 *
 *     fanout_change(17)   index_match -> groups A, B     runs: A [17]       B [17]
 *     fanout_change(18)   index_match -> group  A              A [17][18]   B [17]
 *     fanout_flush()      one send of A's run to each of A's clients, one of B's to each of B's
 *
 * A frame is made once per change and format, at the first filter that it passes, whoever gets it;
 * so is its compressed form, for all who have agreed on permessage-deflate.
 * A client whose socket does not take its run falls behind and reads the journal by itself later
 * (serve/catch_up.h); nothing is queued for it here.  Clients with several subscriptions gather a
 * run of their own, so that a change that two of them match comes once (serve/session.h).
 *
 * Cost per delivered frame: copying it once per filter, and a share of one send.  No allocation in
 * the steady state.  Used only by the worker that owns it.
 */
struct fanout_frame {
    struct buf bytes;      /* the change at hand, once it is made */
    bool is_made, has_any; /* it was made; and it is one that is sent */
};

struct fanout {
    struct index *index; /* owned; its nodes' owners are groups */
    struct list_link dirty_groups, dirty_sessions;
    struct fanout_frame frames[FRAME_FORMATS];
    struct list_link dirty_v1; /* sessions of the rich protocol with a run */
    struct list_link hit_v1;   /* those that the change at hand concerns */
    struct v1_tails v1_tails;  /* what they all get of it */
    struct buf v1_prefix;      /* what one of them gets in front of that */
    uint32_t v1_count;         /* subscriptions of theirs, which want to know of rows that leave */
    struct spares spares;      /* for the runs of dirty sessions */
    struct deflated *deflated; /* owned; NULL until a client has agreed on compression */
    struct list_link stale;    /* groups whose filters no longer fit their table */
    uint64_t change_start;     /* offset of the change at hand */
    uint64_t change_number;    /* counts changes, so that a session meets each once */
    size_t gathered;           /* bytes in runs since the last flush */
    uint64_t frames_sent;      /* since the last flush */
    uint64_t sends;            /* by which these left */
    uint64_t asked;            /* filters asked, as last told to the metrics */
};

/* A change on its way to clients. */
struct delivery {
    struct fanout *fanout;
    const struct change *change;
    uint64_t epoch;
    uint64_t start, end; /* offsets in the journal */
};

void fanout_init(struct fanout *fanout);
void fanout_release(struct fanout *fanout); /* when all sessions have left */

/* Puts a session under its filter, which is taken over; returns the group. */
struct group *fanout_join(struct fanout *fanout, struct filter *filter);
/* One member more under the filter that the group has. */
void fanout_join_again(struct group *group);
/* A member has left `group`: the group goes, too, if it was the last one. */
void fanout_leave(struct fanout *fanout, struct group *group);

/* From here on compressed frames can be asked for. */
void fanout_begin_deflating(struct fanout *fanout);
/* Bytes of messages that have been compressed so far. */
uint64_t fanout_deflated_size(const struct fanout *fanout);
/* Appends the change's frame, for one who reads by himself.  False: it gives none. */
bool fanout_add_frame(const struct delivery *delivery, enum frame_format format, struct buf *out);

/* A change that will come soon; to know it only makes that faster. */
void fanout_prepare(struct fanout *fanout, const struct change *change);
/* Lays the change's frame behind the runs of all who want it. */
void fanout_change(const struct delivery *delivery);
/* Sends all runs.  Sessions may be closed by that. */
void fanout_flush(struct fanout *fanout);
