/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a subscription of the rich protocol begins: bound, placed in the journal, told, and with its
 * rows if it wants them.
 */
#include <assert.h>

#include "base/mem.h"
#include "change/shape.h"
#include "encode/v1_columns.h"
#include "encode/v1_messages.h"
#include "journal/cursor.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "match/query.h"
#include "match/warn.h"
#include "serve/binding.h"
#include "serve/catch_up.h"
#include "serve/session.h"
#include "serve/v1.h"
#include "serve/v1_message.h"
#include "serve/v1_snapshot.h"
#include "serve/worker.h"

/* Everything behind this is delivered, from the beginning of a transaction on. */
static struct token begin_now(struct v1_subscription *subscription)
{
    struct worker *worker = subscription->v1->session->worker;
    struct journal_ledger ledger;

    worker_learn_epoch(worker);
    journal_read_ledger(worker->config.journal, &ledger);
    const bool is_complete = journal_head(worker->config.journal) == worker->flushed_to &&
                             ledger.settled >= worker->last.commit;
    subscription->after = is_complete
                              ? (struct position){ledger.settled, POSITION_ALL, ledger.check}
                              : worker_behind(worker, &ledger);
    return worker_token(worker, subscription->after);
}

/* Where it goes on behind its token; ERR_NOT_FOUND with a reason: it begins now. */
static enum status begin_at_token(struct v1_subscription *subscription, struct fault *fault)
{
    struct session *session = subscription->v1->session;
    struct worker *worker = session->worker;
    uint64_t place;
    const enum status status = journal_find(worker->reader, &subscription->since, &place, fault);

    if (status != OK)
        return status;
    subscription->after = subscription->since.position;
    if (place < (session->is_behind ? session->place : worker->flushed_to)) {
        subscription->is_behind = true;
        subscription->place = place;
        catch_up_add(session);
    }
    return OK;
}

/* The texts are borrowed one by one, so they are kept. */
struct warnings {
    struct v1_warning items[4];
    uint32_t count;
};

static const char *warning_code(enum query_warning warning)
{
    switch (warning) {
    case QUERY_NOT_PUBLISHED:
        return V1_WARN_NOT_PUBLISHED;
    case QUERY_NO_IDENTITY:
        return V1_WARN_NO_IDENTITY;
    case QUERY_WEAK_FILTER:
        return V1_WARN_WEAK_FILTER;
    case QUERY_NO_SCOPE:
        break;
    }
    return V1_WARN_NO_SCOPE;
}

static void keep_warning(void *arg, enum query_warning warning, struct slice text)
{
    struct warnings *warnings = arg;

    if (warnings->count == sizeof warnings->items / sizeof warnings->items[0])
        return;
    warnings->items[warnings->count++] = (struct v1_warning){
        warning_code(warning), slice_of(mem_text_n(text.at, text.size), text.size)};
}

static void put_subscribed(struct v1_subscription *subscription, struct token position,
                           const struct bound *bound)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    struct warnings warnings = {.count = 0};

    if (bound->shape)
        query_warnings(bound->query, bound->shape, keep_warning, &warnings);
    encode_v1_subscribed(&message, slice_text(subscription->id), position, bound->shape,
                         subscription->columns, warnings.items, warnings.count);
    v1_put(subscription->v1, buf_slice(&message));
    for (uint32_t i = 0; i < warnings.count; i++)
        mem_free_at(&warnings.items[i].message.at);
}

/* The rows say what came before; which of the changes they contain is decided one by one. */
static void begin_snapshot(struct v1_subscription *subscription, const struct bound *bound)
{
    struct fault fault = {0};

    if (v1_snapshot_begin(subscription, bound, &fault) == OK) {
        subscription->after = (struct position){0, 0};
        return;
    }
    v1_put_error(subscription->v1, subscription->id, V1_NO_SNAPSHOT, fault.text);
    v1_forget(subscription);
}

static void begin(struct v1_subscription *subscription, struct bound *bound)
{
    struct v1 *v1 = subscription->v1;
    struct fault fault = {0};
    struct token position = subscription->since;
    enum status status = OK;

    v1_join(subscription, bound->filter);
    bound->filter = NULL;
    if (subscription->has_since)
        status = begin_at_token(subscription, &fault);
    const bool is_new = !subscription->has_since || status != OK;
    if (is_new)
        position = begin_now(subscription);
    put_subscribed(subscription, position, bound);
    if (status != OK) {
        const struct slice id = slice_text(subscription->id);
        v1_put_gap(v1, &id, 1, slice_text(fault.text), position);
    }
    if (is_new && subscription->wants_snapshot)
        begin_snapshot(subscription, bound);
}

static const char *code_of(enum bind_refusal refusal)
{
    switch (refusal) {
    case BIND_OK:
        break;
    case BIND_BAD_QUERY:
        return V1_BAD_QUERY;
    case BIND_UNKNOWN_TABLE:
        return V1_UNKNOWN_TABLE;
    case BIND_INVALID:
    case BIND_DENIED:
        return V1_UNAUTHORIZED;
    case BIND_UNAVAILABLE:
        return V1_UNAVAILABLE;
    }
    return V1_BAD_QUERY;
}

/* Every column of the list must be there; the first that is not. */
static const char *unknown_column(const struct v1_columns *columns, const struct table_shape *shape)
{
    for (uint32_t i = 0; columns && shape && i < columns->count; i++) {
        if (!table_shape_find(shape, slice_text(columns->names[i])))
            return columns->names[i];
    }
    return NULL;
}

/* The key is always sent.  The catalogue names it at once, wal2json only with the table's first
 * update or delete. */
static void add_key(struct v1_columns *columns, const struct table_shape *shape)
{
    CLEANUP(mem_free_at) struct slice *names = mem_array(shape->column_count, sizeof *names);
    uint32_t count = 0;

    for (uint32_t i = 0; i < shape->column_count; i++) {
        if (shape->columns[i].is_key)
            names[count++] = slice_text(shape->columns[i].name);
    }
    struct v1_columns *key = v1_columns_new(names, count);
    v1_columns_unite(columns, key);
    v1_columns_free(key);
}

static void on_bound(void *arg, struct bind_result *result)
{
    struct v1_subscription *subscription = arg;
    struct v1 *v1 = subscription->v1;
    struct binding *binding = subscription->binding;

    struct bound *bound = result->bound;

    assert(bound || result->refusal != BIND_OK);
    subscription->binding = NULL;
    const char *unknown = bound ? unknown_column(subscription->columns, bound->shape) : NULL;
    if (result->refusal != BIND_OK) {
        CLEANUP(mem_free_at) char *words = mem_text_n(result->text.at, result->text.size);
        v1_put_error(v1, subscription->id, code_of(result->refusal), words);
        v1_forget(subscription);
    } else if (unknown) {
        struct fault fault;
        (void)fault_set(&fault, ERR_INPUT, "there is no column \"%s\"", unknown);
        v1_put_error(v1, subscription->id, V1_BAD_SELECT, fault.text);
        v1_forget(subscription);
    } else {
        if (subscription->columns && bound->shape && bound->shape->identity != IDENTITY_FULL)
            add_key(subscription->columns, bound->shape);
        begin(subscription, bound);
    }
    binding_free(binding);
}

static struct v1_columns *columns_of(const struct v1_message *message)
{
    if (!message->select)
        return NULL;
    struct slice *names = mem_array(message->select_count, sizeof *names);
    for (uint32_t i = 0; i < message->select_count; i++)
        names[i] = slice_text(message->select[i]);
    struct v1_columns *columns = v1_columns_new(names, message->select_count);
    mem_free(names);
    return columns;
}

void v1_subscribe(struct v1 *v1, const struct v1_message *message)
{
    struct fault fault = {0};

    if (v1_find(v1, message->id)) {
        v1_put_error(v1, message->id, V1_ID_IN_USE, "there is a subscription of this id already");
        return;
    }
    if (v1->count == V1_MAX_SUBSCRIPTIONS) {
        v1_put_error(v1, message->id, V1_TOO_MANY, "a connection has at most 100 subscriptions");
        return;
    }
    struct v1_subscription *subscription = mem_new(sizeof *subscription);
    subscription->v1 = v1;
    subscription->id = mem_text(message->id);
    subscription->columns = columns_of(message);
    subscription->has_since = message->has_since;
    subscription->wants_snapshot = message->wants_snapshot;
    subscription->since = message->since;
    subscription->binding = binding_new(v1->session->worker, on_bound, subscription);
    list_append(&v1->subscriptions, &subscription->in_session);
    v1->count++;
    if (binding_add(subscription->binding, slice_text(message->query), &fault) != OK) {
        v1_put_error(v1, subscription->id, V1_BAD_QUERY, fault.text);
        v1_forget(subscription);
        return;
    }
    binding_start(subscription->binding, &v1->who);
}
