/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/table_asks.h"

#include "base/mem.h"
#include "catalog/pool.h"
#include "catalog/tables.h"
#include "net/loop.h"

struct table_question {
    struct table_asks *asks;
    char *schema, *name;     /* owned */
    struct list_link askers; /* of the question that is put, or waits for a connection */
    struct list_link next;   /* who came after it was put */
    struct sql *sql;         /* where it was put; NULL: it waits */
    uint64_t put_ms;
};

static void key_of(struct buf *key, struct slice schema, struct slice name)
{
    buf_add(key, schema);
    buf_add_char(key, '\0');
    buf_add(key, name);
}

static void question_free(struct table_question *question)
{
    mem_free(question->schema);
    mem_free(question->name);
    mem_free(question);
}

static struct table_question *question_get(struct table_asks *asks, struct slice schema,
                                           struct slice name)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    key_of(&key, schema, name);
    struct table_question *question = map_get(&asks->questions, buf_slice(&key));
    if (question)
        return question;
    question = mem_new(sizeof *question);
    question->asks = asks;
    question->schema = mem_text_n(schema.at, schema.size);
    question->name = mem_text_n(name.at, name.size);
    list_init(&question->askers);
    list_init(&question->next);
    (void)map_set(&asks->questions, buf_slice(&key), question);
    return question;
}

/* Nobody asks it any more. */
static void question_end(struct table_question *question)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    if (question->sql)
        sql_forget(question->sql, question);
    key_of(&key, slice_text(question->schema), slice_text(question->name));
    (void)map_remove(&question->asks->questions, buf_slice(&key));
    question_free(question);
}

void table_asks_release(struct table_asks *asks)
{
    struct slice key;
    void *question = NULL;

    for (size_t at = 0; map_next(&asks->questions, &at, &key, &question);)
        question_free(question);
    map_release(&asks->questions);
    asks->questions = MAP_INIT;
}

static void on_answer(void *arg, const struct sql_answer *answer);

/* Whoever has come by now is answered by it. */
static void question_put(struct table_question *question)
{
    struct table_asks *asks = question->asks;
    const char *params[3] = {question->schema, question->name, asks->publication};

    LIST_EACH (link, &question->next) {
        list_remove(link);
        list_append(&question->askers, link);
    }
    question->put_ms = loop_now_ms(asks->loop);
    question->sql = pool_ask_prepared(asks->pool, TABLE_QUESTION, params, 3, on_answer, question);
}

static void tell_all(struct table_question *question, const struct sql_answer *answer)
{
    struct table_shape *shape = answer->status == OK ? table_shape_of(answer) : NULL;

    LIST_EACH (link, &question->askers) {
        struct table_asker *asker = LIST_ITEM(link, struct table_asker, in_question);
        list_remove(link);
        asker->question = NULL;
        if (answer->status != OK)
            question->asks->fn(asker, ERR_REFUSED, NULL, answer->message);
        else if (!shape)
            question->asks->fn(asker, ERR_NOT_FOUND, NULL, "there is no such table");
        else
            question->asks->fn(asker, OK, table_shape_copy(shape), "");
    }
    table_shape_free(shape);
}

static void on_answer(void *arg, const struct sql_answer *answer)
{
    struct table_question *question = arg;

    question->sql = NULL;
    if (answer->status != ERR_CLOSED)
        tell_all(question, answer);
    /* A connection that was lost has answered nobody: it is put again, on another one. */
    if (list_is_empty(&question->askers) && list_is_empty(&question->next))
        question_end(question);
    else
        question_put(question);
}

void table_asks_add(struct table_asks *asks, struct table_asker *asker, struct slice schema,
                    struct slice name)
{
    struct table_question *question = question_get(asks, schema, name);

    asker->question = question;
    list_append(&question->next, &asker->in_question);
    if (!question->sql)
        question_put(question);
}

void table_asks_remove(struct table_asker *asker)
{
    struct table_question *question = asker->question;

    if (!question)
        return;
    list_remove(&asker->in_question);
    asker->question = NULL;
    if (list_is_empty(&question->askers) && list_is_empty(&question->next))
        question_end(question);
}

void table_asks_retry(struct table_asker *asker)
{
    if (asker->question && !asker->question->sql)
        question_put(asker->question);
}

struct sql *table_asker_sql(const struct table_asker *asker)
{
    return asker->question ? asker->question->sql : NULL;
}

uint64_t table_asker_put_ms(const struct table_asker *asker)
{
    return asker->question ? asker->question->put_ms : 0;
}
