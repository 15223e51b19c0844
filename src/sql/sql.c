/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/loop.h"
#include "sql/conninfo.h"
#include "sql/dial.h"
#include "sql/state.h"

/*
 * The life of a connection: dialled in a thread (sql/dial.h), settled by one question, then
 * driven by its socket.  See sql/state.h for the states.
 */

void sql_enter(struct sql *sql)
{
    sql->depth++;
}

void sql_leave(struct sql *sql)
{
    assert(sql->depth > 0);
    if (--sql->depth == 0 && sql->is_freed)
        mem_free(sql);
}

void sql_do_soon(struct sql *sql)
{
    timer_start(sql->soon, 0, 0);
}

void sql_lose(struct sql *sql, const char *words)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (sql->lost)
        return;
    if (!words && sql->last_words.text[0] != '\0')
        words = sql->last_words.text;
    if (!words && sql->conn)
        words = PQerrorMessage(sql->conn);
    if (!words || words[0] == '\0')
        words = "the connection was closed";
    conninfo_mask(&text, slice_text(words), sql->password);
    sql->lost = mem_new(sizeof *sql->lost);
    (void)fault_set(sql->lost, ERR_CLOSED, "%s", buf_text(&text));
    sql_do_soon(sql);
}

void sql_give_up(struct sql *sql, const char *why)
{
    sql_lose(sql, why);
}

/* What is watched is a descriptor of ours: libpq closes its own as soon as the connection is
 * broken, and another thread may be given that number before the watch has gone. */
static bool watch_socket(struct sql *sql, watch_fn *fn)
{
    sql->watched = fcntl(PQsocket(sql->conn), F_DUPFD_CLOEXEC, 0);
    if (sql->watched >= 0)
        sql->watch = watch_new(sql->loop, sql->watched, fn, sql);
    return sql->watch != NULL;
}

static void unwatch_socket(struct sql *sql)
{
    watch_free(sql->watch);
    sql->watch = NULL;
    if (sql->watched >= 0)
        (void)close(sql->watched);
    sql->watched = -1;
}

static void close_connection(struct sql *sql)
{
    dial_free(sql->dial);
    unwatch_socket(sql);
    PQclear(sql->result);
    PQfreemem(sql->message);
    PQfinish(sql->conn);
    sql->dial = NULL;
    sql->result = NULL;
    sql->message = NULL;
    sql->conn = NULL;
    sql->state = SQL_DOWN;
    sql->is_copy = sql->is_ending = sql->is_ended = false;
    sql->is_paused = sql->is_readable_due = false;
    sql->prepared_count = 0;
    sql->last_words.text[0] = '\0';
}

static void tell_lost(struct sql *sql)
{
    struct fault why = *sql->lost;

    mem_free(sql->lost);
    sql->lost = NULL;
    close_connection(sql);
    sql_fail_all(sql, why.text);
    if (!sql->is_freed && sql->events.down)
        sql->events.down(sql->arg, &why);
}

/* In COPY BOTH. */
static void tell_readable(struct sql *sql)
{
    if (sql->is_ending)
        sql_copy_read_over(sql);
    else if (sql->events.readable)
        sql->events.readable(sql->arg);
}

static void on_soon(void *arg)
{
    struct sql *sql = arg;

    sql_enter(sql);
    if (sql->lost)
        tell_lost(sql);
    else if (sql->state != SQL_UP && sql->state != SQL_SETTLING)
        sql_fail_all(sql, "the database is not connected");
    else if (sql->is_copy && sql->is_readable_due && !sql->is_paused) {
        sql->is_readable_due = false;
        tell_readable(sql);
    } else if (!sql->is_copy) {
        sql_collect(sql); /* rows that were left when it was paused */
        if (!sql->is_freed)
            sql_rewatch(sql);
    }
    sql_leave(sql);
}

void sql_rewatch(struct sql *sql)
{
    if (!sql->conn || sql->lost)
        return;

    const int left = PQflush(sql->conn);
    if (left < 0) {
        /* The server may have said why before it closed. */
        (void)PQconsumeInput(sql->conn);
        sql_lose(sql, NULL);
        return;
    }
    watch_set(sql->watch, !sql->is_paused, left > 0);
}

static void on_socket(void *arg, bool readable, bool writable)
{
    struct sql *sql = arg;
    bool is_broken = false;

    (void)writable;
    sql_enter(sql);
    if (readable && !sql->is_paused && !PQconsumeInput(sql->conn))
        is_broken = true;
    (void)PQisBusy(sql->conn); /* also what came unasked is read: notices, last words */
    if (sql->is_copy) {
        if (readable && !sql->is_paused)
            tell_readable(sql);
    } else {
        sql_collect(sql);
    }
    if (!sql->is_freed && sql->conn && (is_broken || PQstatus(sql->conn) == CONNECTION_BAD))
        sql_lose(sql, NULL);
    if (!sql->is_freed)
        sql_rewatch(sql);
    sql_leave(sql);
}

static void on_notice(void *arg, const PGresult *result)
{
    struct sql *sql = arg;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (!primary)
        return;
    if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        (void)fault_set(&sql->last_words, ERR_CLOSED, "%s", primary);
    else if (sql->events.notice && sql->state == SQL_UP && !sql->is_freed)
        sql->events.notice(sql->arg, slice_text(primary));
}

static void on_settled(void *arg, const struct sql_answer *answer)
{
    struct sql *sql = arg;

    if (answer->status == ERR_REFUSED) {
        sql_lose(sql, answer->message);
        return;
    }
    if (answer->status != OK)
        return; /* down() is under way */
    sql->state = SQL_UP;
    if (sql->events.up)
        sql->events.up(sql->arg);
}

/* What the start-up options could not hold: settings that older servers do not know, one that
 * libpq goes by when it chooses among hosts, and those
 * that libpq sends from the environment (PGTZ, PGDATESTYLE) behind the options. */
static void settle(struct sql *sql)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const int version = PQserverVersion(sql->conn);

    buf_add_text(&text, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; "
                        "SET default_transaction_read_only = off");
    if (version >= 140000)
        buf_add_text(&text, "; SET idle_session_timeout = 0");
    if (version >= 170000)
        buf_add_text(&text, "; SET transaction_timeout = 0");
    sql->state = SQL_SETTLING;
    sql_ask_settling(sql, buf_text(&text), on_settled);
}

static void on_dialled(void *arg, PGconn *conn)
{
    struct sql *sql = arg;

    dial_free(sql->dial);
    sql->dial = NULL;
    sql->conn = conn;
    if (!conn) {
        sql_lose(sql, "no connection to the database within 10 s");
        return;
    }
    if (PQstatus(conn) != CONNECTION_OK || PQsetnonblocking(conn, 1) != 0) {
        sql_lose(sql, NULL);
        return;
    }
    (void)PQsetNoticeReceiver(conn, on_notice, sql);
    if (!watch_socket(sql, on_socket)) {
        sql_lose(sql, "the connection's socket cannot be watched");
        return;
    }
    settle(sql);
}

struct sql *sql_new(struct loop *loop, const struct sql_config *config,
                    const struct sql_events *events, void *arg)
{
    struct sql *sql = mem_new(sizeof *sql);

    sql->loop = loop;
    sql->watched = -1;
    sql->conninfo = mem_text(config->conninfo ? config->conninfo : "");
    sql->application_name = mem_text(config->application_name);
    sql->password = conninfo_password(sql->conninfo);
    sql->is_replication = config->is_replication;
    sql->events = *events;
    sql->arg = arg;
    sql->soon = timer_new(loop, on_soon, sql);
    list_init(&sql->questions);
    return sql;
}

void sql_free(struct sql *sql)
{
    if (!sql || sql->is_freed)
        return;
    sql->is_freed = true;
    close_connection(sql);
    sql_drop_all(sql);
    timer_free(sql->soon);
    mem_free(sql->lost);
    mem_free(sql->conninfo);
    mem_free(sql->application_name);
    mem_free(sql->password);
    if (sql->depth == 0)
        mem_free(sql);
}

void sql_connect(struct sql *sql)
{
    struct conninfo info;
    struct fault fault;

    if (sql->state != SQL_DOWN || sql->lost)
        return;
    if (conninfo_init(&info, sql->conninfo, sql->application_name, sql->is_replication, &fault) !=
        OK) {
        sql_lose(sql, fault.text);
        return;
    }
    sql->state = SQL_DIALING;
    sql->dial = dial_new(sql->loop, &info, on_dialled, sql);
}

void sql_disconnect(struct sql *sql)
{
    sql_enter(sql);
    mem_free(sql->lost);
    sql->lost = NULL;
    close_connection(sql);
    sql_fail_all(sql, "the connection was closed");
    sql_leave(sql);
}

bool sql_is_up(const struct sql *sql)
{
    return sql->state == SQL_UP && !sql->lost;
}

int sql_backend_pid(const struct sql *sql)
{
    return sql_is_up(sql) ? PQbackendPID(sql->conn) : 0;
}

int sql_server_version(const struct sql *sql)
{
    return sql->conn ? PQserverVersion(sql->conn) : 0;
}

const char *sql_parameter(const struct sql *sql, const char *name)
{
    const char *value = sql->conn ? PQparameterStatus(sql->conn, name) : NULL;

    return value ? value : "";
}
