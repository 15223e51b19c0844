/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

struct session;
struct worker;

/*
 * Sessions that are behind: those that resume from a token, and those whose sockets were full.
 *
 *     journal   ======|=========|==================|  worker's place
 *                     s1        s2 s3              live sessions
 *
 * Each keeps a place in the journal and nothing else.  When its socket can take more, it reads on
 * from there: finds with its own filters what it wants, and sends it.  A session that has come to
 * the worker's own place is live again.  One whose place was overwritten is told so.
 *
 * A round of one session takes at most CATCH_UP_CHANGES changes or CATCH_UP_BYTES of frames, and a
 * turn of the loop at most TURN_ROUNDS rounds, whoever is behind: what they cost the others is
 * bounded, and the journal's writer waits for a round at most.  What has to be compressed anew
 * counts eightfold; what the live clients, or another of those behind, got a moment ago is found
 * compressed (serve/deflated.h).
 */
#define CATCH_UP_CHANGES 2048
#define CATCH_UP_BYTES ((size_t)64 * 1024)
#define CATCH_UP_ROUNDS 16

/* The session's outbox is empty, and it is behind: give it rounds. */
void catch_up_add(struct session *session);
/* The rounds of one turn, when the worker has flushed.  True: somebody has all that the worker has
 * read, and waits for more of it. */
bool catch_up_turn(struct worker *worker);
