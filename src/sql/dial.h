/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/conninfo.h"

struct dial;
struct loop;
struct pg_conn;

/*
 * One attempt to connect, in a short-lived thread of its own.
 *
 * libpq can connect without blocking, but for the resolver, Kerberos and a few files; any of these
 * could hold up a loop for minutes.  So the whole attempt, 10 s long at most, happens aside, and
 * the loop gets the finished connection.  An attempt that is given up goes on alone until libpq
 * returns, and then cleans up behind itself.
 */
/* `conn` is the receiver's now, connected or broken; NULL: no thread or memory could be had. */
typedef void(dial_fn)(void *arg, struct pg_conn *conn);

/* `info` is taken over; fn is called once, in the thread of the loop, never before the return. */
struct dial *dial_new(struct loop *loop, struct conninfo *info, dial_fn *fn, void *arg);
/* Before fn was called: gives up, fn will not be called. After: frees. NULL is accepted. */
void dial_free(struct dial *dial);
/*
 * Does no attempt of the process go on, not even alone?  Else it must end by _exit(): exit() tears
 * down Kerberos and OpenSSL, and a thread that is within them would abort the process.
 */
bool dial_is_idle(void);
