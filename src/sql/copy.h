/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

struct sql;

/*
 * COPY BOTH on a connection of struct sql: what START_REPLICATION begins.
 *
 *     sql_ask(sql, "START_REPLICATION SLOT ...", NULL, 0, started, me);
 *     started():  answer->is_copy
 *     readable(): while ((status = sql_copy_read(sql, &message)) == OK) ...
 *
 * readable() is called whenever the socket has more and once after started().  An owner who
 * leaves messages unread (back-pressure) says so by sql_copy_pause, or he is called again and
 * again; while paused, nothing is read from the socket and writes still flow.
 */

/* The next CopyData message, borrowed until the next call.  ERR_AGAIN: nothing more now.
 * ERR_CLOSED: the stream or the connection has ended; down() follows, with the reason. */
MUST_CHECK enum status sql_copy_read(struct sql *sql, struct slice *out_message);
/* Queued, and sent as the socket takes it.  ERR_CLOSED: no such stream. */
MUST_CHECK enum status sql_copy_write(struct sql *sql, struct slice message);
void sql_copy_pause(struct sql *sql, bool is_paused);
/* Our end of the stream (CopyDone).  What the server still sends is read over, and down() follows
 * when it has ended its side, too: what the stream was about is let go of by then.  A server that
 * does not answer is the owner's to give up. */
void sql_copy_end(struct sql *sql);
/* Bytes not yet taken by the kernel exist? */
bool sql_copy_is_flushed(const struct sql *sql);
