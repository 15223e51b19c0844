/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "serve/session.h"

struct filter;
struct group;
struct reading;
struct table;

/*
 * The subscriptions of a session whose queries stood in its URL: one (`sole`), which costs nothing
 * but a place in its filter's group; or several, which gather a run of their own, so that each
 * change comes once and in order.
 *
 *     /ws?query=*:orders                     sole: group A
 *     /ws?query=*:orders&query=*:invoices    several: groups A, B; the run of this turn
 *
 * Used only by the worker that owns the session.
 */
struct several {
    struct session *session;
    struct list_link in_dirty;
    struct buf run; /* frames of this turn */
    uint32_t run_frames;
    uint64_t last_change; /* number of the last change in the run */
    uint32_t count;
    struct subscription at[];
};

/* Into the groups of its filters (1 or more, taken over). */
void subscription_join(struct session *session, struct filter *const *filters, uint32_t count);
/* Leaves one group for another, whose filter it has from now on. */
void subscription_change_group(struct session *session, struct group *from, struct group *to);

/* ---- For the fan-out ---- */

/* For a session with several: keeps the frame for this turn, unless it has that change already.
 * Returns the bytes kept. */
size_t session_gather(struct session *session, struct slice frame, uint64_t change_number,
                      struct list_link *dirty);
/* Sends what was gathered and leaves the dirty list; returns the number of frames. */
uint32_t session_flush(struct session *session);
struct session *session_of_dirty(struct list_link *link);

/* ---- For serve/protocol.h ---- */

void subscription_leave(struct session *session);
void subscription_end_table(struct session *session, const struct table *table);
bool subscription_is_held(const struct session *session);
bool subscription_reading(struct session *session, struct reading *out);
