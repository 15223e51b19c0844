/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql.h"

#include <assert.h>
#include <stdio.h>

#include "base/mem.h"
#include "sql/conninfo.h"
#include "sql/state.h"

/*
 * The questions of a connection, first in, first out:
 *
 *     questions:  [sent, results arriving] -> [waiting] -> [waiting]
 *
 * libpq gives the results of one question one by one, then NULL: then it is answered and the next
 * one is sent.  One that is to be prepared, and is not yet, is sent twice: first its text, then
 * its parameters.
 */

static void question_free(struct question *question)
{
    for (int i = 0; i < question->count; i++)
        mem_free(question->params[i]);
    mem_free(question->params);
    mem_free(question->text);
    mem_free(question);
}

static struct question *first(const struct sql *sql)
{
    if (list_is_empty(&sql->questions))
        return NULL;
    return LIST_ITEM(sql->questions.next, struct question, link);
}

struct statement_name {
    char text[24];
};

static struct statement_name statement_name(int number)
{
    struct statement_name name;

    (void)snprintf(name.text, sizeof name.text, "pgcdc_%d", number);
    return name;
}

static int send_prepared(struct sql *sql, struct question *question)
{
    int number = 0;

    while (number < sql->prepared_count && sql->prepared[number] != question->statement)
        number++;
    assert(number < SQL_PREPARED_MAX);
    question->is_preparing = number == sql->prepared_count;
    if (question->is_preparing)
        return PQsendPrepare(sql->conn, statement_name(number).text, question->statement,
                             question->count, NULL);
    return PQsendQueryPrepared(sql->conn, statement_name(number).text, question->count,
                               (const char *const *)question->params, NULL, NULL, 0);
}

static int send_question(struct sql *sql, struct question *question)
{
    if (question->statement)
        return send_prepared(sql, question);
    if (question->count == 0)
        return PQsendQuery(sql->conn, question->text);
    return PQsendQueryParams(sql->conn, question->text, question->count, NULL,
                             (const char *const *)question->params, NULL, NULL, 0);
}

void sql_send_next(struct sql *sql)
{
    struct question *question = first(sql);

    if (!question || question->is_sent || sql->is_copy || sql->lost || !sql->conn)
        return;
    if (!send_question(sql, question)) {
        sql_lose(sql, NULL);
        return;
    }
    if (question->row)
        (void)PQsetSingleRowMode(sql->conn);
    question->is_sent = true;
    sql_rewatch(sql);
}

static struct question *question_new(const char *text, const char *const *params, int count,
                                     sql_answer_fn *fn, void *arg)
{
    struct question *question = mem_new(sizeof *question);

    question->text = mem_text(text);
    question->count = count;
    question->fn = fn;
    question->arg = arg;
    if (count > 0)
        question->params = mem_array((size_t)count, sizeof *question->params);
    for (int i = 0; i < count; i++)
        question->params[i] = mem_text(params[i]);
    return question;
}

static void append(struct sql *sql, struct question *question)
{
    list_append(&sql->questions, &question->link);
    sql->pending++;
}

static void ask(struct sql *sql, struct question *question)
{
    append(sql, question);
    if (sql_is_up(sql))
        sql_send_next(sql);
    else
        sql_do_soon(sql);
}

void sql_ask(struct sql *sql, const char *text, const char *const *params, int count,
             sql_answer_fn *fn, void *arg)
{
    ask(sql, question_new(text, params, count, fn, arg));
}

void sql_ask_prepared(struct sql *sql, const char *text, const char *const *params, int count,
                      sql_answer_fn *fn, void *arg)
{
    struct question *question = question_new(NULL, params, count, fn, arg);

    question->statement = text;
    ask(sql, question);
}

void sql_ask_rows(struct sql *sql, const char *text, sql_answer_fn *row, sql_answer_fn *fn,
                  void *arg)
{
    struct question *question = question_new(text, NULL, 0, fn, arg);

    question->row = row;
    ask(sql, question);
}

void sql_rows_pause(struct sql *sql, bool is_paused)
{
    const struct question *question = first(sql);

    if (!question || !question->row || !question->is_sent || sql->is_paused == is_paused)
        return;
    sql->is_paused = is_paused;
    if (!is_paused)
        sql_do_soon(sql); /* libpq may hold rows that the socket no longer shows */
    sql_rewatch(sql);
}

void sql_ask_settling(struct sql *sql, const char *text, sql_answer_fn *fn)
{
    struct question *question = question_new(text, NULL, 0, fn, sql);

    question->is_ours = true;
    append(sql, question);
    /* What was asked while we dialled waits behind it; it must be the first. */
    list_remove(&question->link);
    list_append(sql->questions.next, &question->link);
    sql_send_next(sql);
}

void sql_forget(struct sql *sql, const void *arg)
{
    LIST_EACH (link, &sql->questions) {
        struct question *question = LIST_ITEM(link, struct question, link);
        if (question->arg == arg && !question->is_ours)
            question->fn = NULL;
    }
}

size_t sql_pending(const struct sql *sql)
{
    return sql->pending;
}

/* Takes the question out and answers it. */
static void answer_first(struct sql *sql, const struct sql_answer *answer)
{
    struct question *question = first(sql);

    assert(question);
    if (!question)
        return;
    list_remove(&question->link);
    sql->pending--;
    if (question->fn)
        question->fn(question->arg, answer);
    question_free(question);
}

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);

    return text ? text : "";
}

/* Too late to be the server's refusal of this question: it ends the connection. */
static bool is_fatal(const PGresult *result)
{
    const char *severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return severity[0] == '\0' || strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

static void describe(struct sql_answer *answer, struct buf *message, const PGresult *result,
                     const char *secret)
{
    const ExecStatusType status = PQresultStatus(result);

    *answer = (struct sql_answer){OK, "", "", "", "", 0, 0, false, NULL};
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_BOTH ||
        status == PGRES_EMPTY_QUERY || status == PGRES_SINGLE_TUPLE) {
        answer->rows = PQntuples(result);
        answer->columns = PQnfields(result);
        answer->is_copy = status == PGRES_COPY_BOTH;
        answer->result = result;
        return;
    }
    answer->status = is_fatal(result) ? ERR_CLOSED : ERR_REFUSED;
    const char *primary = field(result, PG_DIAG_MESSAGE_PRIMARY);
    conninfo_mask(message, slice_text(primary[0] != '\0' ? primary : PQresultErrorMessage(result)),
                  secret);
    answer->message = buf_text(message);
    answer->sqlstate = field(result, PG_DIAG_SQLSTATE);
    answer->detail = field(result, PG_DIAG_MESSAGE_DETAIL);
    answer->hint = field(result, PG_DIAG_MESSAGE_HINT);
}

/* The answer stands in `result`, which libpq has left to us. */
static void finish_first(struct sql *sql, PGresult *result)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    struct sql_answer answer;

    describe(&answer, &message, result, sql->password);
    answer_first(sql, &answer);
    PQclear(result);
}

static void give_row(struct sql *sql, PGresult *result)
{
    const struct question *question = first(sql);
    struct sql_answer answer;

    describe(&answer, NULL, result, NULL);
    if (question && question->row && question->fn)
        question->row(question->arg, &answer);
    PQclear(result);
}

static bool is_error(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_FATAL_ERROR ||
           PQresultStatus(result) == PGRES_BAD_RESPONSE;
}

/* Keeps the first error, or else the newest. */
static void keep(struct sql *sql, PGresult *result)
{
    if (sql->result && is_error(sql->result)) {
        PQclear(result);
        return;
    }
    PQclear(sql->result);
    sql->result = result;
    if (is_error(result) && is_fatal(result) && field(result, PG_DIAG_MESSAGE_PRIMARY)[0] != '\0')
        (void)fault_set(&sql->last_words, ERR_CLOSED, "%s", field(result, PG_DIAG_MESSAGE_PRIMARY));
}

/* All results of what was sent are there. */
static void take_end(struct sql *sql)
{
    PGresult *whole = sql->result;
    struct question *question = first(sql);

    sql->result = NULL;
    if (question && question->is_preparing && whole && !is_error(whole)) {
        PQclear(whole);
        sql->prepared[sql->prepared_count++] = question->statement;
        question->is_sent = false;
    } else {
        finish_first(sql, whole);
    }
    if (!sql->is_freed)
        sql_send_next(sql);
}

/* One result of the question that is sent; NULL: that was all. */
static void take(struct sql *sql, PGresult *result)
{
    const ExecStatusType status = result ? PQresultStatus(result) : PGRES_COMMAND_OK;

    if (!result) {
        take_end(sql);
    } else if (status == PGRES_COPY_BOTH) {
        sql->is_copy = sql->is_readable_due = true;
        sql_do_soon(sql);
        finish_first(sql, result);
    } else if (status == PGRES_SINGLE_TUPLE) {
        give_row(sql, result);
    } else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
        PQclear(result);
        sql_lose(sql, "COPY to or from the client is not for this connection");
    } else {
        keep(sql, result);
    }
}

void sql_collect(struct sql *sql)
{
    while (!sql->is_freed && sql->conn && !sql->lost && !sql->is_copy && !sql->is_paused) {
        const struct question *question = first(sql);
        if (!question || !question->is_sent || PQisBusy(sql->conn))
            return;
        take(sql, PQgetResult(sql->conn));
    }
}

void sql_fail_all(struct sql *sql, const char *message)
{
    const struct sql_answer answer = {ERR_CLOSED, message, "", "", "", 0, 0, false, NULL};

    /* Not those that are asked by the answered: their turn is the next one. */
    for (size_t count = sql->pending; count > 0 && !sql->is_freed && sql->pending > 0; count--)
        answer_first(sql, &answer);
}

void sql_drop_all(struct sql *sql)
{
    LIST_EACH (link, &sql->questions) {
        list_remove(link);
        question_free(LIST_ITEM(link, struct question, link));
    }
    sql->pending = 0;
}

struct slice sql_value(const struct sql_answer *answer, int row, int column)
{
    return slice_of(PQgetvalue(answer->result, row, column),
                    (size_t)PQgetlength(answer->result, row, column));
}

bool sql_is_null(const struct sql_answer *answer, int row, int column)
{
    return PQgetisnull(answer->result, row, column) != 0;
}

bool sql_is_true(const struct sql_answer *answer, int row, int column)
{
    return slice_is(sql_value(answer, row, column), "t");
}
