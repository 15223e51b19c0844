/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct loop;
struct sql;

/*
 * One connection to PostgreSQL that never blocks its loop.
 *
 *     struct sql *sql = sql_new(loop, &config, &events, me);
 *     sql_connect(sql);                            then up(me), or down(me, why)
 *     sql_ask(sql, "SELECT $1::int4 + 1", (const char *[]){"41"}, 1, answered, me);
 *                                                  then answered(me, answer)
 *
 * Questions are asked one after the other, in the order in which they came, and each is answered
 * exactly once: also while the connection is down (ERR_CLOSED, at the next turn of the loop) and
 * when it is lost (ERR_CLOSED, before `down` is called).  Only sql_free drops them unanswered.
 * After `down` the object is as new: the owner calls sql_connect again when he likes.
 * Any callback may ask, connect or free the object.  All of it in the thread of the loop.
 */
struct sql_config {
    const char *conninfo;         /* URI or keywords, as libpq takes them; "": libpq's defaults */
    const char *application_name; /* NULL: "pgcdc" */
    bool is_replication;          /* replication=database */
};

struct sql_events {
    void (*up)(void *arg);
    /* A connection, or an attempt at one, has ended.  One line without secrets. */
    void (*down)(void *arg, const struct fault *why);
    void (*notice)(void *arg, struct slice text); /* NOTICE, WARNING; may be NULL */
    void (*readable)(void *arg); /* in COPY BOTH: sql_copy_read may have more; may be NULL */
};

struct sql *sql_new(struct loop *loop, const struct sql_config *config,
                    const struct sql_events *events, void *arg); /* copies all of it */
/* Not from within sql's own down(): there, sql_connect may be called, or the object freed. */
void sql_free(struct sql *sql);

/* One attempt, 10 s at most, answered by up() or down(), never before it returns. */
void sql_connect(struct sql *sql);
/* Ends the connection: what was asked is answered with ERR_CLOSED at once; down() is not called. */
void sql_disconnect(struct sql *sql);
bool sql_is_up(const struct sql *sql);
int sql_backend_pid(const struct sql *sql);    /* of the server's process; 0 while down */
int sql_server_version(const struct sql *sql); /* 150020 is 15.20; 0 while down */
/* What the server reported at the start, such as "server_version"; "" if it did not. */
const char *sql_parameter(const struct sql *sql, const char *name);

/* An answer, borrowed during the callback. */
struct sql_answer {
    enum status status;   /* OK; ERR_REFUSED: the server's error; ERR_CLOSED: connection lost */
    const char *message;  /* one line, never NULL; "" where OK */
    const char *sqlstate; /* "42P01"; "" unless ERR_REFUSED */
    const char *detail, *hint; /* never NULL */
    int rows, columns;
    bool is_copy;       /* COPY BOTH has begun: see sql/copy.h */
    const void *result; /* for sql_value and sql_is_null */
};

typedef void(sql_answer_fn)(void *arg, const struct sql_answer *answer);

struct slice sql_value(const struct sql_answer *answer, int row, int column); /* NULL: "" */
bool sql_is_null(const struct sql_answer *answer, int row, int column);
bool sql_is_true(const struct sql_answer *answer, int row, int column); /* 't' */

/* Parameters are text or NULL, copied.  With count 0 the simple protocol is used (replication
 * commands need it), which allows several statements: the answer is the first error, or else the
 * last result. */
void sql_ask(struct sql *sql, const char *text, const char *const *params, int count,
             sql_answer_fn *fn, void *arg);

/* As sql_ask, for a statement that is asked again and again: the server parses it once per
 * connection, and soon stops planning it each time.  `text` is constant; its address stands for it.
 * At most SQL_PREPARED_MAX of them; count is 1 at least. */
#define SQL_PREPARED_MAX 4
void sql_ask_prepared(struct sql *sql, const char *text, const char *const *params, int count,
                      sql_answer_fn *fn, void *arg);

/*
 * One statement whose rows come one by one, so that its result may be of any size:
 *
 *     row(arg, answer)    answer->rows is 1; once per row, while the server still sends
 *     fn(arg, answer)     the end of it, without rows; as of sql_ask
 *
 * Between them the owner may pause it, also within row(): then no more rows are given and nothing
 * is read from the socket, so that the server waits.
 */
void sql_ask_rows(struct sql *sql, const char *text, sql_answer_fn *row, sql_answer_fn *fn,
                  void *arg);
/* Only while the first question is one of rows. */
void sql_rows_pause(struct sql *sql, bool is_paused);
/* What was asked with this `arg` is no longer answered (the server still works on it). */
void sql_forget(struct sql *sql, const void *arg);
/* The owner has reason to believe that the other side is gone: down() comes soon, with his words.
 */
void sql_give_up(struct sql *sql, const char *why);
/* Questions asked and not answered. */
size_t sql_pending(const struct sql *sql);
