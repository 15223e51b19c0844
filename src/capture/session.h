/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "capture/capture.h"
#include "capture/state.h"

struct loop;
struct session;

/*
 * From nothing to a running stream, and back there after every failure, for ever.
 *
 *     side connection up
 *       -> is our slot there, whose is it?         slot.h
 *       -> which plugin, which publications?       catalog/source.h
 *     replication connection up
 *       -> IDENTIFY_SYSTEM                         still the same server and history?
 *       -> CREATE_REPLICATION_SLOT, if need be
 *       -> START_REPLICATION -> streaming          stream.h
 *     any failure -> 100 ms to 10 s of pause -> from the top
 *
 * When streaming begins again, whatever may have been lost meanwhile is told as a gap: with a
 * temporary slot always, with a durable one when it was made anew, used by another, or belongs to
 * another history of the database.
 *
 * One line is logged per change of state; a reason that repeats is repeated once a minute.
 * The capture thread only; what others may know is written to the board.
 */
struct session *session_new(struct loop *loop, const struct capture_config *config,
                            struct state_board *board); /* config's texts are copied */
void session_start(struct session *session);
/* Confirms a last time and ends the stream, so that the slot is free; `ended` is called once that
 * is so, or the server has not answered for 5 s, perhaps before this returns.  Not to be freed in
 * it. */
void session_stop(struct session *session, void (*ended)(void *arg), void *arg);
/* Ends both connections, whatever they are at. */
void session_free(struct session *session);
