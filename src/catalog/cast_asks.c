/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/cast_asks.h"

#include "catalog/casts.h"
#include "catalog/pool.h"
#include "net/loop.h"

void cast_asks_init(struct cast_asks *asks, struct loop *loop, struct pool *pool,
                    cast_answer_fn *fn)
{
    *asks = (struct cast_asks){.loop = loop, .pool = pool, .fn = fn};
    list_init(&asks->askers);
    list_init(&asks->next);
}

static struct cast_asker *asker_of(struct list_link *link)
{
    return LIST_ITEM(link, struct cast_asker, in_asks);
}

/* ---- the question ---- */

struct question {
    struct buf text;
    const char *params[CASTS_IN_QUESTION];
    size_t count;
};

/* False: its next stretch does not fit behind the others. */
static bool add_stretch(struct question *question, struct casts *casts)
{
    const char *params[CASTS_IN_QUESTION];
    CLEANUP(buf_release) struct buf alone = BUF_INIT;
    const struct casts before = *casts;

    const size_t count = casts_ask(casts, &alone, params);
    if (count > CASTS_IN_QUESTION - question->count) {
        *casts = before;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *mark = question->count == 0 ? "SELECT " : ", ";
        question->params[question->count++] = params[i];
        buf_printf(&question->text, "%s$%zu::%s", mark, question->count,
                   casts->items[casts->from + i].type);
    }
    return true;
}

/* They are asked for again. */
static void put_back(struct cast_asks *asks)
{
    while (!list_is_empty(&asks->askers)) {
        struct list_link *last = asks->askers.prev;
        struct casts *casts = asker_of(last)->casts;
        casts->to = casts->from;
        asker_of(last)->is_put = false;
        list_remove(last);
        list_append(asks->next.next, last); /* before the first */
    }
}

static void on_answer(void *arg, const struct sql_answer *answer);

/* Whoever has come by now, as far as a question goes. */
static void put(struct cast_asks *asks)
{
    struct question question = {.text = BUF_INIT};

    LIST_EACH (link, &asks->next) {
        if (!add_stretch(&question, asker_of(link)->casts))
            break;
        asker_of(link)->is_put = true;
        list_remove(link);
        list_append(&asks->askers, link);
    }
    asks->put_ms = loop_now_ms(asks->loop);
    asks->sql = pool_ask(asks->pool, buf_text(&question.text), question.params, (int)question.count,
                         on_answer, asks);
    buf_release(&question.text);
    if (!asks->sql)
        put_back(asks);
}

/* ---- the answer ---- */

static void take_values(struct casts *casts, const struct sql_answer *answer, int *column)
{
    const size_t count = casts->to - casts->from;

    for (size_t i = 0; i < count; i++)
        casts_take(casts, i, sql_value(answer, 0, (*column)++));
}

static enum cast_answer judge(const struct sql_answer *answer)
{
    if (answer->status == OK)
        return CAST_TAKEN;
    return casts_are_not_at_fault(answer->sqlstate) ? CAST_REFUSED : CAST_ALONE;
}

static void tell_all(struct cast_asks *asks, const struct sql_answer *answer)
{
    const enum cast_answer verdict = judge(answer);
    int column = 0;

    while (!list_is_empty(&asks->askers)) {
        struct cast_asker *asker = asker_of(asks->askers.next);
        struct casts *casts = asker->casts;
        list_remove(&asker->in_asks);
        asker->asks = NULL;
        asker->is_put = false;
        if (verdict == CAST_TAKEN)
            take_values(casts, answer, &column);
        else
            casts->to = casts->from; /* the same stretch again */
        asks->fn(asker, verdict, answer->message);
    }
}

static void on_answer(void *arg, const struct sql_answer *answer)
{
    struct cast_asks *asks = arg;

    /* A connection that was lost has answered nobody.  Who asks for more while all are told waits
     * for the next question: asks->sql is still set. */
    if (answer->status == ERR_CLOSED)
        put_back(asks);
    else
        tell_all(asks, answer);
    asks->sql = NULL;
    if (!list_is_empty(&asks->next))
        put(asks);
}

/* ---- who asks ---- */

void cast_asks_add(struct cast_asks *asks, struct cast_asker *asker, struct casts *casts)
{
    asker->asks = asks;
    asker->casts = casts;
    list_append(&asks->next, &asker->in_asks);
    if (!asks->sql)
        put(asks);
}

/* One whose values were asked for takes the question with it. */
void cast_asks_remove(struct cast_asker *asker)
{
    struct cast_asks *asks = asker->asks;

    if (!asks)
        return;
    if (asker->is_put) {
        sql_forget(asks->sql, asks);
        asks->sql = NULL;
        put_back(asks);
    }
    list_remove(&asker->in_asks);
    asker->asks = NULL;
}

void cast_asks_retry(struct cast_asks *asks)
{
    if (!asks->sql && !list_is_empty(&asks->next))
        put(asks);
}
