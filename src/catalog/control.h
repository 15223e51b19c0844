/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "change/shape.h"

struct ask;
struct control;
struct loop;
struct mailbox;

/*
 * The questions that workers put to the catalogue, answered by a small pool of connections.
 *
 *     worker                                control thread
 *     ask = control_ask_table(...)  ----->  pool of connections, queue, deadline
 *     fn(arg, answer)               <-----  (by the worker's own mailbox)
 *
 * An ask is answered exactly once, in the asker's thread, unless the asker cancels it before.
 * 10 s after it was asked it is answered with ERR_TIMEOUT; while the database is down, with
 * ERR_CLOSED after 1 s at most (connections come back by themselves, with back-off).
 * More than 100,000 open asks are answered with ERR_LIMIT.
 */
struct control_config {
    const char *conninfo;      /* of the database that is captured */
    int connections;           /* 0: 2 */
    const char *auth_conninfo; /* of the database with `apikeys`; NULL: none, owners are refused */
    int auth_connections;      /* at most; 0: 2 */
    const char *publication;   /* "pgcdc", which stands for "pgcdc_inserts", too; NULL: none */
};

/* In the thread of the loop; config is copied. */
struct control *control_new(struct loop *loop, const struct control_config *config);
/* In the thread of the loop, when all askers' threads have ended and their mailboxes are still
 * there: open asks are dropped without an answer. */
void control_free(struct control *control);
/* Is a connection to the captured database up?  Any thread. */
bool control_is_up(const struct control *control);

/* Borrowed during the callback. */
struct ask_answer {
    /* OK; ERR_NOT_FOUND: no such table; ERR_INPUT: a value does not fit its type, or the server
     * refused it; ERR_CLOSED, ERR_TIMEOUT, ERR_LIMIT: not now; ERR_REFUSED: the server said no */
    enum status status;
    const char *message; /* never NULL; for a person; of ERR_INPUT PostgreSQL's own words */

    struct table_shape *shape; /* ask_table; the callback may take it: copy, then set to NULL */

    const struct slice *values; /* ask_casts: canonical text of each pair, in their order */
    size_t count;
    size_t bad_index; /* of ERR_INPUT: which pair; count, if that is not known */

    bool is_owner; /* ask_owner */
};

typedef void(ask_fn)(void *arg, struct ask_answer *answer);

/* A value and the type it is to be cast to: column_shape.cast_type, quoted by the catalogue. */
struct ask_cast {
    struct slice text;
    const char *cast_type;
};

enum ask_owner_kind { ASK_HOST_UUID, ASK_KEY };

/* `mine` is the asker's mailbox; all else is copied.  Any thread; fn is called in the thread of
 * `mine`, and never before the function returns. */
struct ask *control_ask_table(struct control *control, struct mailbox *mine, struct slice schema,
                              struct slice name, ask_fn *fn, void *arg);
struct ask *control_ask_casts(struct control *control, struct mailbox *mine,
                              const struct ask_cast *casts, size_t count, ask_fn *fn, void *arg);
struct ask *control_ask_owner(struct control *control, struct mailbox *mine,
                              struct slice customer_id, enum ask_owner_kind kind,
                              struct slice value, ask_fn *fn, void *arg);
/* In the asker's thread, before its fn was called: fn will not be called. NULL is accepted. */
void ask_cancel(struct ask *ask);
