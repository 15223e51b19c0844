/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libpq-fe.h>

#include "base/bytes.h"
#include "base/list.h"
#include "sql/sql.h"

struct dial;
struct timer;
struct watch;

/*
 * What sql.c (the connection), ask.c (its questions) and copy.c (COPY BOTH) share; nobody else
 * includes it.
 *
 *     DOWN --sql_connect--> DIALING --> SETTLING --up()--> UP
 *      ^------------------- down() ---------|--------------|
 *
 * Nothing is called back from within a function that the owner called: what must be told is left
 * to `soon`, a timer of 0 ms.  A callback may free the object, so each is between sql_enter and
 * sql_leave, which keep the memory (not the connection) until the last of them returns.
 */
enum sql_state { SQL_DOWN, SQL_DIALING, SQL_SETTLING, SQL_UP };

struct question {
    struct list_link link;
    char *text;    /* owned */
    char **params; /* owned, NULL for SQL NULL */
    int count;
    const char *statement; /* of sql_ask_prepared: its text, by address; else NULL */
    bool is_sent;
    bool is_preparing;  /* what was sent is its text only */
    bool is_ours;       /* the one that settles the session; asked before up() */
    sql_answer_fn *row; /* of sql_ask_rows; else NULL */
    sql_answer_fn *fn;  /* NULL: forgotten */
    void *arg;
};

struct sql {
    struct loop *loop;
    char *conninfo, *application_name, *password; /* owned */
    bool is_replication;
    struct sql_events events;
    void *arg;

    enum sql_state state;
    struct dial *dial;
    PGconn *conn;
    struct watch *watch;
    int watched; /* owned; a descriptor of conn's socket, or -1 */
    struct timer *soon;
    struct fault *lost;      /* owned; why the connection has ended, down() is due */
    struct fault last_words; /* the server's last FATAL, which says more than libpq's "closed" */

    struct list_link questions; /* oldest first; the first one may be sent */
    size_t pending;
    PGresult *result; /* of the question that is sent: its first error, or else its last result */

    const char *prepared[SQL_PREPARED_MAX]; /* what this connection knows as pgcdc_0, pgcdc_1 ... */
    int prepared_count;

    bool is_copy, is_paused;
    bool is_ending;       /* sql_copy_end was called */
    bool is_ended;        /* and the server's messages have ended */
    bool is_readable_due; /* readable() is to be called by `soon` */
    char *message;        /* of sql_copy_read; libpq's */

    unsigned depth; /* callbacks on the stack */
    bool is_freed;
};

void sql_enter(struct sql *sql);
void sql_leave(struct sql *sql); /* frees what was freed meanwhile */

/* The connection is at its end: down() comes soon, with libpq's words where `words` is NULL. */
void sql_lose(struct sql *sql, const char *words);
void sql_do_soon(struct sql *sql);
void sql_rewatch(struct sql *sql); /* sends what can be sent, and waits for the right things */

/* ask.c */
void sql_send_next(struct sql *sql);
void sql_collect(struct sql *sql);                       /* takes results; may call back */
void sql_fail_all(struct sql *sql, const char *message); /* may call back */
void sql_drop_all(struct sql *sql);
void sql_ask_settling(struct sql *sql, const char *text, sql_answer_fn *fn);

/* copy.c */
void sql_copy_read_over(struct sql *sql); /* after sql_copy_end, when there may be more */
