/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/copy.h"

#include "sql/sql.h"
#include "sql/state.h"

#define READ_OVER_MAX 1000 /* messages a turn of the loop */

/* The stream has ended in order (-1) or by an error (-2). */
static enum status end(struct sql *sql, int how)
{
    sql->is_copy = false;
    if (how == -1 && !PQisBusy(sql->conn)) {
        PGresult *result = PQgetResult(sql->conn);
        const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        if (!words)
            words = sql->last_words.text[0] != '\0' ? sql->last_words.text
                                                    : "the server has ended the stream";
        sql_lose(sql, words);
        PQclear(result);
    } else {
        sql_lose(sql, NULL);
    }
    return ERR_CLOSED;
}

/* The size of the next message, now in sql->message; 0: none; or how the stream has ended. */
static int next_message(struct sql *sql)
{
    PQfreemem(sql->message);
    sql->message = NULL;
    const int size = PQgetCopyData(sql->conn, &sql->message, 1);
    if (size != 0)
        return size;
    return PQconsumeInput(sql->conn) ? PQgetCopyData(sql->conn, &sql->message, 1) : -2;
}

enum status sql_copy_read(struct sql *sql, struct slice *out_message)
{
    if (!sql->is_copy || sql->is_ending || sql->lost)
        return ERR_CLOSED;

    const int size = next_message(sql);
    if (size < 0)
        return end(sql, size);
    if (size == 0)
        return ERR_AGAIN;
    *out_message = slice_of(sql->message, (size_t)size);
    return OK;
}

enum status sql_copy_write(struct sql *sql, struct slice message)
{
    if (!sql->is_copy || sql->is_ending || sql->lost)
        return ERR_CLOSED;
    if (PQputCopyData(sql->conn, message.at, (int)message.size) < 0) {
        sql_lose(sql, NULL);
        return ERR_CLOSED;
    }
    sql_rewatch(sql);
    return sql->lost ? ERR_CLOSED : OK;
}

void sql_copy_pause(struct sql *sql, bool is_paused)
{
    if (!sql->is_copy || sql->is_paused == is_paused)
        return;
    sql->is_paused = is_paused;
    if (!is_paused) {
        sql->is_readable_due = true; /* libpq may hold messages that the socket no longer shows */
        sql_do_soon(sql);
    }
    sql_rewatch(sql);
}

void sql_copy_end(struct sql *sql)
{
    if (!sql->is_copy || sql->is_ending || sql->lost)
        return;
    if (PQputCopyEnd(sql->conn, NULL) < 0) {
        sql_lose(sql, NULL);
        return;
    }
    sql->is_ending = true;
    sql->is_paused = false;
    sql->is_readable_due = true;
    sql_do_soon(sql);
    sql_rewatch(sql);
}

void sql_copy_read_over(struct sql *sql)
{
    int size = sql->is_ended ? -1 : 1;

    for (int i = 0; i < READ_OVER_MAX && size > 0; i++)
        size = next_message(sql);
    if (size > 0) { /* timers get their chance */
        sql->is_readable_due = true;
        sql_do_soon(sql);
    } else if (size == -1 && PQisBusy(sql->conn)) {
        sql->is_ended = true; /* its messages have; its last word is to come */
    } else if (size < 0) {
        (void)end(sql, size);
    }
}

bool sql_copy_is_flushed(const struct sql *sql)
{
    return !sql->conn || PQflush(sql->conn) == 0;
}
