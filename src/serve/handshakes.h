/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct loop;
struct session;
struct wake;

/*
 * Whose TLS handshake goes on in this turn of the loop, and who waits.
 *
 * The server's signature costs 0.1 ms (P-256) to 4 ms (RSA 4096) of CPU.  A thousand clients who
 * come at once would keep the worker for as many, and all who are live would wait; so a turn
 * spends HANDSHAKE_TURN_US on handshakes, and whoever comes after that stands in line:
 *
 *     turn 1    hello a, hello b | hello c, d, e stand in line | changes go to those who are live
 *     turn 2    hello c, hello d | finished a goes first, e waits | changes
 *
 * Always true: while somebody stands in line no newcomer is served before him, but for those whom
 * we have answered already: their share of the work is small, and lost if they give up.  Who
 * stands in line is not watched, and his time to finish begins when his turn has come; who has
 * given up meanwhile costs no signature.
 *
 * A turn takes one step at least, so it may be longer by one.  Used only by its worker.
 */
#define HANDSHAKE_TURN_US 5000

/* Nobody is behind before he is live, so the line goes by the sessions' in_catching. */
struct handshakes {
    struct list_link line;
    struct wake *next; /* owned; signalled in each turn while somebody stands in line */
    uint64_t spent_us; /* in this turn */
};

void handshakes_init(struct handshakes *handshakes, struct loop *loop);
void handshakes_release(struct handshakes *handshakes);
void handshakes_turn_end(struct handshakes *handshakes);

/* A session whose handshake is not done can go on: takes its next step, or puts it in line. */
void handshakes_go_on(struct handshakes *handshakes, struct session *session);
/* Its deadline has come.  True: it stands in line, so it is we who are late, and has a new one. */
bool handshakes_excuse(struct session *session);
