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

/* One of the queries. */
struct part {
    struct binding *binding;
    struct query query; /* owned, as is all below but `first` */
    struct filter *filter;
    struct part *first;        /* the first query for the same table; NULL: for many tables */
    struct table_shape *shape; /* of a first one */
    enum status table_status;  /* likewise: how its question was answered */
    struct ask *ask;           /* under way, or NULL */
};

struct binding {
    struct worker *worker;
    bind_done_fn *done;
    void *arg;
    struct part **parts; /* owned, as is all below */
    uint32_t count;
    struct who who;
    uint32_t granted;    /* queries whose rows are known to be the user's */
    struct grant *grant; /* while the owner of the next one's values is in question */
    const struct grant_question *question;
    uint32_t tables_asked; /* and not yet answered */
    struct ask *ask;       /* for an owner, or for values, or NULL */
};

struct binding *binding_new(struct worker *worker, bind_done_fn *done, void *arg)
{
    struct binding *binding = mem_new(sizeof *binding);

    binding->worker = worker;
    binding->done = done;
    binding->arg = arg;
    return binding;
}

static void part_free(struct part *part)
{
    ask_cancel(part->ask);
    query_release(&part->query);
    filter_free(part->filter);
    table_shape_free(part->shape);
    mem_free(part);
}

void binding_free(struct binding *binding)
{
    if (!binding)
        return;
    ask_cancel(binding->ask);
    grant_free(binding->grant);
    for (uint32_t i = 0; i < binding->count; i++)
        part_free(binding->parts[i]);
    mem_free(binding->parts);
    mem_free(binding);
}

static struct query *new_query(struct binding *binding)
{
    struct part *part = mem_new(sizeof *part);

    part->binding = binding;
    binding->parts = mem_resize(binding->parts, (binding->count + 1) * sizeof binding->parts[0]);
    binding->parts[binding->count++] = part;
    return &part->query;
}

enum status binding_add(struct binding *binding, struct slice words, struct fault *fault)
{
    return query_parse(words, new_query(binding), fault);
}

enum status binding_add_filter(struct binding *binding, const struct filter *filter,
                               struct fault *fault)
{
    return query_of_filter(filter, new_query(binding), fault);
}

/* ---- the end of it ---- */

/* Reports; the binding may be freed by that, so this is the last thing done. */
static void refuse(struct binding *binding, enum bind_refusal refusal, const char *text)
{
    struct bind_result result = {.refusal = refusal, .text = slice_text(text)};

    binding->done(binding->arg, &result);
}

/* What the database could not tell now may be had in a moment. */
static void refuse_for_now(struct binding *binding)
{
    refuse(binding, BIND_UNAVAILABLE, "the database does not answer now, come back in a moment");
}

static void note_trouble(const struct ask_answer *answer)
{
    log_debug("subscription: no answer from the database: %s", answer->message);
}

/* What is not taken is freed here, since the binding may be gone by then. */
static void succeed(struct binding *binding)
{
    const uint32_t count = binding->count;
    struct bound *bound = mem_array(count, sizeof *bound);
    struct bind_result result = {.bound = bound};

    for (uint32_t i = 0; i < count; i++) {
        struct part *part = binding->parts[i];
        bound[i] =
            (struct bound){part->filter, part->first ? part->first->shape : NULL, &part->query};
        part->filter = NULL;
    }
    binding->done(binding->arg, &result);
    for (uint32_t i = 0; i < count; i++)
        filter_free(bound[i].filter);
    mem_free(bound);
}

/* ---- 5: filters ---- */

static void compile_all(struct binding *binding)
{
    struct fault fault = {0};

    for (uint32_t i = 0; i < binding->count; i++) {
        struct part *part = binding->parts[i];
        if (query_compile(&part->query, &part->filter, &fault) == OK)
            continue;
        refuse(binding, BIND_BAD_QUERY, fault.text);
        return;
    }
    succeed(binding);
}

/* ---- 4: values ---- */

/* They come in the order in which they were asked for: that of the queries. */
static void take_values(struct binding *binding, const struct ask_answer *answer)
{
    size_t at = 0;

    for (uint32_t i = 0; i < binding->count; i++) {
        struct query *query = &binding->parts[i]->query;
        for (uint32_t j = 0; j < query->cast_count && at < answer->count; j++, at++)
            query->casts[j].canonical = mem_text_n(answer->values[at].at, answer->values[at].size);
    }
}

static void on_casts(void *arg, struct ask_answer *answer)
{
    struct binding *binding = arg;

    binding->ask = NULL;
    if (answer->status == ERR_INPUT || answer->status == ERR_REFUSED) {
        refuse(binding, BIND_BAD_QUERY, answer->message);
    } else if (answer->status != OK) {
        note_trouble(answer);
        refuse_for_now(binding);
    } else {
        take_values(binding, answer);
        compile_all(binding);
    }
}

static size_t cast_count(const struct binding *binding)
{
    size_t count = 0;

    for (uint32_t i = 0; i < binding->count; i++)
        count += binding->parts[i]->query.cast_count;
    return count;
}

static void ask_for_casts(struct binding *binding)
{
    const struct worker *worker = binding->worker;
    const size_t count = cast_count(binding);
    size_t at = 0;

    if (count == 0) {
        compile_all(binding);
        return;
    }
    struct ask_cast *casts = mem_array(count, sizeof *casts);
    for (uint32_t i = 0; i < binding->count; i++) {
        const struct query *query = &binding->parts[i]->query;
        for (uint32_t j = 0; j < query->cast_count; j++)
            casts[at++] =
                (struct ask_cast){slice_text(query->casts[j].text), query->casts[j].cast_type};
    }
    binding->ask =
        control_ask_casts(worker->config.control, worker->mailbox, casts, count, on_casts, binding);
    mem_free(casts);
}

/* ---- 3: tables ---- */

/* False: it was refused. */
static bool bind_part(struct binding *binding, struct part *part)
{
    const struct part *first = part->first;
    struct fault fault = {0};

    if (!first)
        return true;
    if (first->table_status == ERR_NOT_FOUND)
        refuse(binding, BIND_UNKNOWN_TABLE, "the table asked for does not exists");
    else if (first->table_status != OK)
        refuse_for_now(binding);
    else if (query_bind(&part->query, first->shape, &fault) != OK)
        refuse(binding, BIND_BAD_QUERY, fault.text);
    else
        return true;
    return false;
}

static void bind_all(struct binding *binding)
{
    for (uint32_t i = 0; i < binding->count; i++) {
        if (!bind_part(binding, binding->parts[i]))
            return;
    }
    ask_for_casts(binding);
}

static void on_table(void *arg, struct ask_answer *answer)
{
    struct part *part = arg;
    struct binding *binding = part->binding;

    part->ask = NULL;
    part->table_status = answer->status;
    part->shape = answer->shape;
    answer->shape = NULL;
    if (answer->status != OK && answer->status != ERR_NOT_FOUND)
        note_trouble(answer);
    if (--binding->tables_asked == 0)
        bind_all(binding);
}

static struct part *first_of_table(const struct binding *binding, struct part *part)
{
    const struct query *query = &part->query;

    for (uint32_t i = 0; binding->parts[i] != part; i++) {
        struct part *other = binding->parts[i];
        if (other->first == other && slice_equal(other->query.schema, query->schema) &&
            slice_equal(other->query.table, query->table))
            return other;
    }
    return part;
}

static void ask_for_tables(struct binding *binding)
{
    const struct worker *worker = binding->worker;

    for (uint32_t i = 0; i < binding->count; i++) {
        struct part *part = binding->parts[i];
        if (query_is_for_many(&part->query))
            continue;
        part->first = first_of_table(binding, part);
        if (part->first != part)
            continue;
        part->ask = control_ask_table(worker->config.control, worker->mailbox, part->query.schema,
                                      part->query.table, on_table, part);
        binding->tables_asked++;
    }
    if (binding->tables_asked == 0)
        bind_all(binding);
}

/* ---- 2: whose rows ---- */

static void settle_grant(struct binding *binding);

static void on_owner(void *arg, struct ask_answer *answer)
{
    struct binding *binding = arg;

    binding->ask = NULL;
    if (answer->status != OK && answer->status != ERR_INPUT && answer->status != ERR_REFUSED) {
        note_trouble(answer);
        refuse_for_now(binding);
        return;
    }
    grant_answer(binding->grant, binding->question, answer->status == OK && answer->is_owner,
                 clock_system_ms(NULL));
    settle_grant(binding);
}

static void ask_for_owner(struct binding *binding)
{
    const struct worker *worker = binding->worker;

    binding->question = grant_next(binding->grant);
    binding->ask = control_ask_owner(
        worker->config.control, worker->mailbox, slice_text(grant_user(binding->grant)),
        binding->question->kind == GRANT_HOST ? ASK_HOST_UUID : ASK_KEY, binding->question->value,
        on_owner, binding);
}

static struct grant *new_grant(struct binding *binding, const struct query *query)
{
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
    struct grant *grant =
        grant_new(slice_text(binding->who.user), query->node_count > 0, conditions, count,
                  &binding->worker->grants, clock_system_ms(NULL));
    mem_free(values);
    return grant;
}

static void settle_grant(struct binding *binding)
{
    while (binding->granted < binding->count) {
        if (!binding->grant)
            binding->grant = new_grant(binding, &binding->parts[binding->granted]->query);
        const enum grant_verdict verdict = grant_verdict(binding->grant);
        if (verdict == GRANT_DENIED || verdict == GRANT_INVALID) {
            refuse(binding, verdict == GRANT_DENIED ? BIND_DENIED : BIND_INVALID,
                   grant_text(verdict));
            return;
        }
        if (verdict != GRANT_ALLOWED) {
            ask_for_owner(binding);
            return;
        }
        grant_free(binding->grant);
        binding->grant = NULL;
        binding->granted++;
    }
    ask_for_tables(binding);
}

void binding_start(struct binding *binding, const struct who *who)
{
    binding->who = *who;
    switch (who->kind) {
    case WHO_NOBODY:
        refuse(binding, BIND_DENIED, grant_text(GRANT_DENIED));
        break;
    case WHO_USER:
        settle_grant(binding);
        break;
    case WHO_ANYBODY:
        ask_for_tables(binding);
        break;
    }
}
