/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/binding.h"

#include "auth/grant.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "catalog/control.h"
#include "match/filter.h"
#include "match/query.h"
#include "serve/worker.h"

struct binding {
    struct worker *worker;
    bind_done_fn *done;
    void *arg;
    struct query query; /* owned, as is all below */
    struct filter *filter;
    struct table_shape *shape;
    struct who who;
    struct grant *grant; /* while the owner of the query's values is in question */
    const struct grant_question *question;
    struct ask *ask; /* the question under way, or NULL */
};

struct binding *binding_new(struct worker *worker, bind_done_fn *done, void *arg)
{
    struct binding *binding = mem_new(sizeof *binding);

    binding->worker = worker;
    binding->done = done;
    binding->arg = arg;
    return binding;
}

void binding_free(struct binding *binding)
{
    if (!binding)
        return;
    ask_cancel(binding->ask);
    grant_free(binding->grant);
    query_release(&binding->query);
    filter_free(binding->filter);
    table_shape_free(binding->shape);
    mem_free(binding);
}

enum status binding_parse(struct binding *binding, struct slice words, struct fault *fault)
{
    return query_parse(words, &binding->query, fault);
}

enum status binding_parse_filter(struct binding *binding, const struct filter *filter,
                                 struct fault *fault)
{
    return query_of_filter(filter, &binding->query, fault);
}

/* Reports; the binding may be freed by that, so this is the last thing done. */
static void refuse(struct binding *binding, enum bind_refusal refusal, const char *text)
{
    struct bind_result result = {
        .refusal = refusal, .text = slice_text(text), .query = &binding->query};

    binding->done(binding->arg, &result);
}

static void succeed(struct binding *binding)
{
    struct bind_result result = {
        .filter = binding->filter, .shape = binding->shape, .query = &binding->query};

    /* What is not taken is freed here, since the binding may be gone by then. */
    binding->filter = NULL;
    binding->shape = NULL;
    binding->done(binding->arg, &result);
    filter_free(result.filter);
    table_shape_free(result.shape);
}

/* ---- 3 to 5: table, values, filter ---- */

/* What the database could not tell now may be had in a moment. */
static void refuse_for_now(struct binding *binding, const struct ask_answer *answer)
{
    log_debug("subscription: no answer from the database: %s", answer->message);
    refuse(binding, BIND_UNAVAILABLE, "the database does not answer now, come back in a moment");
}

static void compile(struct binding *binding)
{
    struct fault fault = {0};

    if (query_compile(&binding->query, &binding->filter, &fault) != OK)
        refuse(binding, BIND_BAD_QUERY, fault.text);
    else
        succeed(binding);
}

static void on_casts(void *arg, struct ask_answer *answer)
{
    struct binding *binding = arg;
    struct query *query = &binding->query;

    binding->ask = NULL;
    if (answer->status == ERR_INPUT || answer->status == ERR_REFUSED) {
        refuse(binding, BIND_BAD_QUERY, answer->message);
        return;
    }
    if (answer->status != OK) {
        refuse_for_now(binding, answer);
        return;
    }
    for (size_t i = 0; i < answer->count && i < query->cast_count; i++)
        query->casts[i].canonical = mem_text_n(answer->values[i].at, answer->values[i].size);
    compile(binding);
}

static void ask_for_casts(struct binding *binding)
{
    struct query *query = &binding->query;
    struct worker *worker = binding->worker;

    if (query->cast_count == 0) {
        compile(binding);
        return;
    }
    struct ask_cast *casts = mem_array(query->cast_count, sizeof *casts);
    for (uint32_t i = 0; i < query->cast_count; i++)
        casts[i] = (struct ask_cast){slice_text(query->casts[i].text), query->casts[i].cast_type};
    binding->ask = control_ask_casts(worker->config.control, worker->mailbox, casts,
                                     query->cast_count, on_casts, binding);
    mem_free(casts);
}

static void on_table(void *arg, struct ask_answer *answer)
{
    struct binding *binding = arg;
    struct fault fault = {0};

    binding->ask = NULL;
    if (answer->status == ERR_NOT_FOUND) {
        refuse(binding, BIND_UNKNOWN_TABLE, "the table asked for does not exists");
        return;
    }
    if (answer->status != OK) {
        refuse_for_now(binding, answer);
        return;
    }
    binding->shape = answer->shape;
    answer->shape = NULL;
    if (query_bind(&binding->query, binding->shape, &fault) != OK)
        refuse(binding, BIND_BAD_QUERY, fault.text);
    else
        ask_for_casts(binding);
}

static void ask_for_table(struct binding *binding)
{
    const struct query *query = &binding->query;
    struct worker *worker = binding->worker;

    if (query_is_for_many(query))
        compile(binding);
    else
        binding->ask = control_ask_table(worker->config.control, worker->mailbox, query->schema,
                                         query->table, on_table, binding);
}

/* ---- 2: whose rows ---- */

static void settle_grant(struct binding *binding);

static void on_owner(void *arg, struct ask_answer *answer)
{
    struct binding *binding = arg;

    binding->ask = NULL;
    if (answer->status != OK && answer->status != ERR_INPUT && answer->status != ERR_REFUSED) {
        refuse_for_now(binding, answer);
        return;
    }
    grant_answer(binding->grant, binding->question, answer->status == OK && answer->is_owner,
                 clock_system_ms(NULL));
    settle_grant(binding);
}

static void settle_grant(struct binding *binding)
{
    struct worker *worker = binding->worker;
    const enum grant_verdict verdict = grant_verdict(binding->grant);

    if (verdict == GRANT_DENIED || verdict == GRANT_INVALID) {
        refuse(binding, verdict == GRANT_DENIED ? BIND_DENIED : BIND_INVALID, grant_text(verdict));
        return;
    }
    if (verdict == GRANT_ALLOWED) {
        ask_for_table(binding);
        return;
    }
    binding->question = grant_next(binding->grant);
    binding->ask = control_ask_owner(
        worker->config.control, worker->mailbox, slice_text(grant_user(binding->grant)),
        binding->question->kind == GRANT_HOST ? ASK_HOST_UUID : ASK_KEY, binding->question->value,
        on_owner, binding);
}

static void begin_grant(struct binding *binding)
{
    const struct query *query = &binding->query;
    struct slice *values = mem_array(query->value_count, sizeof *values);
    struct grant_condition conditions[QUERY_MAX_NODES];
    const struct query_node *node;
    uint32_t at = 0;
    size_t count = 0;

    for (uint32_t i = 0; i < query->value_count; i++)
        values[i] = query->values[i].text;
    while (count < QUERY_MAX_NODES && query_next_equality(query, &at, &node))
        conditions[count++] =
            (struct grant_condition){node->column, values + node->first_value, node->value_count};
    binding->grant = grant_new(slice_text(binding->who.user), query->node_count > 0, conditions,
                               count, &binding->worker->grants, clock_system_ms(NULL));
    mem_free(values);
    settle_grant(binding);
}

void binding_start(struct binding *binding, const struct who *who)
{
    binding->who = *who;
    switch (who->kind) {
    case WHO_NOBODY:
        refuse(binding, BIND_DENIED, grant_text(GRANT_DENIED));
        break;
    case WHO_USER:
        begin_grant(binding);
        break;
    case WHO_ANYBODY:
        ask_for_table(binding);
        break;
    }
}
