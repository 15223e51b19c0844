/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/control.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/list.h"
#include "base/mem.h"
#include "catalog/cast_asks.h"
#include "catalog/casts.h"
#include "catalog/pool.h"
#include "catalog/table_asks.h"
#include "net/loop.h"
#include "net/mailbox.h"

/*
 * An ask is a letter that travels: posted by the asker, kept in `open` while a pool answers it,
 * then posted back with the answer.  It has one owner at any time, so nothing of it is locked;
 * only is_cancelled is read by the control thread while the asker may set it, to save work.
 *
 * An ask that finds no connection stays in `open` unsent, until one comes up or its grace is over.
 */
#define ASK_MS 10000    /* then ERR_TIMEOUT */
#define GRACE_MS 1000   /* without a connection; then ERR_CLOSED */
#define TICK_MS 100     /* how exact these are */
#define OPEN_MAX 100000 /* a client has one at a time for each table of its queries */

enum ask_kind { ASK_TABLE, ASK_CASTS, ASK_OWNER };

struct ask {
    struct letter letter; /* first */
    enum ask_kind kind;
    struct control *control;
    struct mailbox *mine;
    ask_fn *fn;
    void *arg;
    _Atomic bool is_cancelled;

    struct list_link in_open; /* the control thread's, as all below */
    struct sql *sql;          /* where it was asked by itself; NULL: it waits */
    uint64_t asked_ms;

    struct table_asker table;       /* of ASK_TABLE */
    char *schema, *name;            /* owned; of ASK_TABLE */
    struct casts casts;             /* of ASK_CASTS */
    struct cast_asker cast;         /* likewise */
    bool is_alone;                  /* they are not asked for together with others' */
    enum ask_owner_kind owner_kind; /* of ASK_OWNER */
    char *customer_id, *value;      /* owned */

    struct ask_answer answer;
    char *message;        /* owned; what answer.message points to */
    struct slice *values; /* owned; what answer.values points to */
};

struct control {
    struct loop *loop;
    struct mailbox *mailbox;
    struct timer *tick;
    struct pool *catalogue, *auth; /* auth: NULL where there is none */
    struct list_link open;         /* oldest first */
    size_t open_count;
    struct table_asks table_asks;
    struct cast_asks cast_asks;
    struct cast_cache cast_cache;
    char *publication; /* owned; NULL: none */
    bool is_closing;
};

static void ask_free(struct ask *ask)
{
    table_shape_free(ask->answer.shape);
    casts_release(&ask->casts);
    mem_free(ask->schema);
    mem_free(ask->name);
    mem_free(ask->customer_id);
    mem_free(ask->value);
    mem_free(ask->message);
    mem_free(ask->values);
    mem_free(ask);
}

/* In the asker's thread. */
static void deliver_answer(struct letter *letter)
{
    struct ask *ask = (struct ask *)(void *)letter;

    if (!atomic_load(&ask->is_cancelled))
        ask->fn(ask->arg, &ask->answer);
    ask_free(ask);
}

static void finish(struct ask *ask, enum status status, const char *message)
{
    struct control *control = ask->control;

    if (ask->in_open.next) {
        list_remove(&ask->in_open);
        control->open_count--;
    }
    if (list_is_empty(&control->open))
        timer_stop(control->tick);
    ask->message = mem_text(message);
    ask->answer.status = status;
    ask->answer.message = ask->message;
    ask->letter.deliver = deliver_answer;
    mailbox_post(ask->mine, &ask->letter);
}

static void send(struct ask *ask);

/* What no answer can be made of: lost connections (try again), and refusals. */
static void on_trouble(struct ask *ask, const struct sql_answer *answer)
{
    if (answer->status == ERR_CLOSED)
        send(ask); /* on another connection, or it waits for its grace to end */
    else
        finish(ask, ERR_REFUSED, answer->message);
}

static void on_table(struct table_asker *asker, enum status status, struct table_shape *shape,
                     const char *message)
{
    struct ask *ask = LIST_ITEM(asker, struct ask, table);

    ask->answer.shape = shape;
    finish(ask, status, message);
}

static void on_owner(void *arg, const struct sql_answer *answer)
{
    struct ask *ask = arg;

    ask->sql = NULL;
    if (answer->status != OK || answer->rows != 1) {
        on_trouble(ask, answer);
        return;
    }
    ask->answer.is_owner = sql_is_true(answer, 0, 0);
    finish(ask, OK, "");
}

static void finish_casts(struct ask *ask)
{
    cast_cache_store(&ask->control->cast_cache, &ask->casts);
    ask->values = mem_array(ask->casts.count + 1, sizeof *ask->values);
    for (size_t i = 0; i < ask->casts.count; i++)
        ask->values[i] = slice_text(ask->casts.items[i].canonical);
    ask->answer.values = ask->values;
    finish(ask, OK, "");
}

static void on_casts(void *arg, const struct sql_answer *answer)
{
    struct ask *ask = arg;

    ask->sql = NULL;
    if (answer->status == ERR_CLOSED ||
        (answer->status != OK && casts_are_not_at_fault(answer->sqlstate))) {
        ask->casts.to = ask->casts.from; /* the same stretch again */
        on_trouble(ask, answer);
        return;
    }
    if (answer->status != OK) {
        if (casts_narrow(&ask->casts, &ask->answer.bad_index) == OK)
            send(ask);
        else
            finish(ask, ERR_INPUT, answer->message);
        return;
    }
    for (int i = 0; i < answer->columns; i++)
        casts_take(&ask->casts, (size_t)i, sql_value(answer, 0, i));
    send(ask);
}

static void on_shared_casts(struct cast_asker *asker, enum cast_answer answer, const char *message)
{
    struct ask *ask = LIST_ITEM(asker, struct ask, cast);

    if (answer == CAST_REFUSED) {
        finish(ask, ERR_REFUSED, message);
        return;
    }
    ask->is_alone = ask->is_alone || answer == CAST_ALONE;
    send(ask);
}

static void send_casts(struct ask *ask)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const char *params[CASTS_IN_QUESTION];
    const struct casts before = ask->casts;
    const size_t count = casts_ask(&ask->casts, &text, params);

    if (count == 0) {
        finish_casts(ask);
        return;
    }
    if (!ask->is_alone) {
        ask->casts = before;
        cast_asks_add(&ask->control->cast_asks, &ask->cast, &ask->casts);
        return;
    }
    ask->sql =
        pool_ask(ask->control->catalogue, buf_text(&text), params, (int)count, on_casts, ask);
    if (!ask->sql)
        ask->casts = before; /* the same stretch again, later */
}

static void send_owner(struct ask *ask)
{
    const char *params[2] = {ask->customer_id, ask->value};

    if (!ask->control->auth) {
        finish(ask, ERR_REFUSED, "no auth database is configured");
        return;
    }
    ask->sql = pool_ask(ask->control->auth,
                        ask->owner_kind == ASK_HOST_UUID
                            ? "SELECT EXISTS (SELECT 1 FROM apikeys WHERE customer_id::text = $1"
                              " AND host_uuid::text = $2)"
                            : "SELECT EXISTS (SELECT 1 FROM apikeys WHERE customer_id::text = $1"
                              " AND key::text = $2)",
                        params, 2, on_owner, ask);
}

static void send(struct ask *ask)
{
    ask->sql = NULL;
    switch (ask->kind) {
    case ASK_TABLE:
        table_asks_retry(&ask->table);
        break;
    case ASK_CASTS:
        send_casts(ask);
        break;
    case ASK_OWNER:
        send_owner(ask);
        break;
    }
}

static struct pool *pool_of(const struct ask *ask)
{
    return ask->kind == ASK_OWNER ? ask->control->auth : ask->control->catalogue;
}

/* Where it was asked, and since when that has not answered. */
static struct sql *sql_of(const struct ask *ask)
{
    if (ask->kind == ASK_TABLE)
        return table_asker_sql(&ask->table);
    return ask->cast.asks ? ask->cast.asks->sql : ask->sql;
}

static uint64_t put_ms(const struct ask *ask)
{
    if (ask->kind == ASK_TABLE)
        return table_asker_put_ms(&ask->table);
    return ask->cast.asks ? ask->cast.asks->put_ms : ask->asked_ms;
}

static void on_up(void *arg)
{
    struct control *control = arg;

    LIST_EACH (link, &control->open) {
        struct ask *ask = LIST_ITEM(link, struct ask, in_open);
        if (ask->cast.asks)
            cast_asks_retry(&control->cast_asks);
        else if (!sql_of(ask))
            send(ask);
    }
}

static void finish_closed(struct ask *ask)
{
    char message[1100];

    table_asks_remove(&ask->table);
    cast_asks_remove(&ask->cast);
    (void)snprintf(message, sizeof message, "the database is not connected: %s",
                   pool_why(pool_of(ask)));
    finish(ask, ERR_CLOSED, message);
}

/* True: its connection has been at it all the time and was renewed, which may have changed the list
 * of open asks. */
static bool end_unanswered(struct ask *ask, struct sql *sql, uint64_t now_ms)
{
    const bool is_stuck = sql && now_ms - put_ms(ask) >= ASK_MS;
    struct pool *pool = pool_of(ask);

    if (ask->kind == ASK_TABLE)
        table_asks_remove(&ask->table);
    else if (ask->cast.asks)
        cast_asks_remove(&ask->cast);
    else if (sql)
        sql_forget(sql, ask);
    finish(ask, ERR_TIMEOUT, "the database has not answered within 10 s");
    if (is_stuck)
        pool_renew(pool, sql);
    return is_stuck;
}

/* True: there may be more. */
static bool end_overdue(struct control *control, uint64_t now_ms)
{
    LIST_EACH (link, &control->open) {
        struct ask *ask = LIST_ITEM(link, struct ask, in_open);
        const uint64_t age_ms = now_ms - ask->asked_ms;
        if (age_ms < ASK_MS) /* those before it are gone: whom they kept waiting goes on */
            cast_asks_retry(&control->cast_asks);
        struct sql *sql = sql_of(ask);
        if (age_ms >= ASK_MS && end_unanswered(ask, sql, now_ms))
            return true;
        if (!sql && age_ms >= GRACE_MS && age_ms < ASK_MS)
            finish_closed(ask);
    }
    return false;
}

static void on_tick(void *arg)
{
    struct control *control = arg;

    while (end_overdue(control, loop_now_ms(control->loop)))
        continue;
}

/* In the control thread. */
static void deliver_question(struct letter *letter)
{
    struct ask *ask = (struct ask *)(void *)letter;
    struct control *control = ask->control;

    if (control->is_closing) {
        ask_free(ask);
        return;
    }
    ask->asked_ms = loop_now_ms(control->loop);
    if (atomic_load(&ask->is_cancelled) || control->open_count >= OPEN_MAX) {
        finish(ask, ERR_LIMIT, "too many questions are open");
        return;
    }
    if (control->open_count++ == 0)
        timer_start(control->tick, TICK_MS, TICK_MS);
    list_append(&control->open, &ask->in_open);
    if (ask->kind == ASK_TABLE) {
        table_asks_add(&control->table_asks, &ask->table, slice_text(ask->schema),
                       slice_text(ask->name));
        return;
    }
    if (ask->kind == ASK_CASTS)
        cast_cache_apply(&control->cast_cache, &ask->casts, ask->asked_ms);
    send(ask);
}

static struct pool *open_pool(struct control *control, const char *label, const char *conninfo,
                              int connections)
{
    const struct pool_config config = {label, conninfo, connections > 0 ? connections : 2};

    return pool_new(control->loop, &config, on_up, control);
}

struct control *control_new(struct loop *loop, const struct control_config *config)
{
    struct control *control = mem_new(sizeof *control);

    control->loop = loop;
    control->mailbox = mailbox_new(loop);
    control->tick = timer_new(loop, on_tick, control);
    list_init(&control->open);
    control->publication = mem_text(config->publication);
    control->catalogue = open_pool(control, "catalogue", config->conninfo, config->connections);
    control->table_asks =
        (struct table_asks){loop, control->catalogue, control->publication, on_table, MAP_INIT};
    cast_asks_init(&control->cast_asks, loop, control->catalogue, on_shared_casts);
    if (config->auth_conninfo) /* more than two gain nothing: questions are short and queued */
        control->auth = open_pool(control, "auth database", config->auth_conninfo,
                                  config->auth_connections == 1 ? 1 : 2);
    return control;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    control->is_closing = true;
    pool_free(control->catalogue);
    pool_free(control->auth);
    mailbox_free(control->mailbox);
    LIST_EACH (link, &control->open) {
        list_remove(link);
        ask_free(LIST_ITEM(link, struct ask, in_open));
    }
    table_asks_release(&control->table_asks);
    timer_free(control->tick);
    cast_cache_release(&control->cast_cache);
    mem_free(control->publication);
    mem_free(control);
}

bool control_is_up(const struct control *control)
{
    return pool_is_up(control->catalogue);
}

static struct ask *ask_new(struct control *control, struct mailbox *mine, enum ask_kind kind,
                           ask_fn *fn, void *arg)
{
    struct ask *ask = mem_new(sizeof *ask);

    ask->letter.deliver = deliver_question;
    ask->kind = kind;
    ask->control = control;
    ask->mine = mine;
    ask->fn = fn;
    ask->arg = arg;
    return ask;
}

static char *copy(struct slice text)
{
    return mem_text_n(text.at, text.size);
}

static struct ask *post(struct ask *ask)
{
    mailbox_post(ask->control->mailbox, &ask->letter);
    return ask;
}

/* What PostgreSQL could not even be asked: answered at once, by the asker's own mailbox. */
static struct ask *refuse(struct ask *ask, enum status status, const char *message)
{
    ask->message = mem_text(message);
    ask->answer.status = status;
    ask->answer.message = ask->message;
    ask->letter.deliver = deliver_answer;
    mailbox_post(ask->mine, &ask->letter);
    return ask;
}

static bool is_askable(struct slice text)
{
    return slice_is_utf8(text) && (text.size == 0 || !memchr(text.at, '\0', text.size));
}

struct ask *control_ask_table(struct control *control, struct mailbox *mine, struct slice schema,
                              struct slice name, ask_fn *fn, void *arg)
{
    struct ask *ask = ask_new(control, mine, ASK_TABLE, fn, arg);

    if (!is_askable(schema) || !is_askable(name))
        return refuse(ask, ERR_NOT_FOUND, "there is no such table");
    ask->schema = copy(schema);
    ask->name = copy(name);
    return post(ask);
}

struct ask *control_ask_casts(struct control *control, struct mailbox *mine,
                              const struct ask_cast *casts, size_t count, ask_fn *fn, void *arg)
{
    struct ask *ask = ask_new(control, mine, ASK_CASTS, fn, arg);

    ask->answer.count = count;
    ask->casts.count = count;
    ask->casts.items = mem_array(count + 1, sizeof *ask->casts.items);
    for (size_t i = 0; i < count; i++) {
        if (!is_askable(casts[i].text)) {
            ask->answer.bad_index = i;
            return refuse(ask, ERR_INPUT, "the value is not UTF-8 text without NUL");
        }
        ask->casts.items[i].text = copy(casts[i].text);
        ask->casts.items[i].type = mem_text(casts[i].cast_type);
    }
    return post(ask);
}

struct ask *control_ask_owner(struct control *control, struct mailbox *mine,
                              struct slice customer_id, enum ask_owner_kind kind,
                              struct slice value, ask_fn *fn, void *arg)
{
    struct ask *ask = ask_new(control, mine, ASK_OWNER, fn, arg);

    if (!is_askable(customer_id) || !is_askable(value))
        return refuse(ask, OK, ""); /* nobody owns such a thing */
    ask->owner_kind = kind;
    ask->customer_id = copy(customer_id);
    ask->value = copy(value);
    return post(ask);
}

void ask_cancel(struct ask *ask)
{
    if (ask)
        atomic_store(&ask->is_cancelled, true);
}
