/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/pool.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/random.h"
#include "net/loop.h"

#define FIRST_WAIT_MS 100
#define LAST_WAIT_MS 10000

struct member {
    struct pool *pool;
    struct sql *sql;
    struct timer *timer;
    uint64_t wait_ms;
};

struct pool {
    char *label; /* owned */
    void (*changed)(void *arg);
    void *arg;
    struct random random;
    struct fault why;
    bool is_told; /* that it is down was logged */
    _Atomic int ups;
    int count;
    struct member members[];
};

static void on_up(void *arg)
{
    struct member *member = arg;
    struct pool *pool = member->pool;

    member->wait_ms = FIRST_WAIT_MS;
    (void)atomic_fetch_add(&pool->ups, 1);
    if (pool->is_told)
        log_info("%s: connected again", pool->label);
    pool->is_told = false;
    pool->why.text[0] = '\0';
    pool->changed(pool->arg);
}

static void retry_later(struct member *member)
{
    const uint64_t half = member->wait_ms / 2;

    timer_start(member->timer, half + random_below(&member->pool->random, half + 1), 0);
    member->wait_ms *= 2;
    if (member->wait_ms > LAST_WAIT_MS)
        member->wait_ms = LAST_WAIT_MS;
}

static int count_ups(const struct pool *pool)
{
    int ups = 0;

    for (int i = 0; i < pool->count; i++)
        ups += sql_is_up(pool->members[i].sql) ? 1 : 0;
    return ups;
}

static void on_down(void *arg, const struct fault *why)
{
    struct member *member = arg;
    struct pool *pool = member->pool;
    const int ups = count_ups(pool);

    atomic_store(&pool->ups, ups);
    pool->why = *why;
    if (ups == 0 && !pool->is_told) {
        log_warning("%s: %s; trying again", pool->label, why->text);
        pool->is_told = true;
    }
    retry_later(member);
}

static void on_timer(void *arg)
{
    sql_connect(((struct member *)arg)->sql);
}

struct pool *pool_new(struct loop *loop, const struct pool_config *config,
                      void (*changed)(void *arg), void *arg)
{
    const size_t count = (size_t)config->connections;
    struct pool *pool = mem_new(sizeof *pool + count * sizeof pool->members[0]);
    const struct sql_config of_sql = {config->conninfo, NULL, false};
    const struct sql_events events = {on_up, on_down, NULL, NULL};

    pool->label = mem_text(config->label);
    pool->changed = changed;
    pool->arg = arg;
    pool->count = config->connections;
    random_init_system(&pool->random);
    for (size_t i = 0; i < count; i++) {
        struct member *member = &pool->members[i];
        member->pool = pool;
        member->sql = sql_new(loop, &of_sql, &events, member);
        member->timer = timer_new(loop, on_timer, member);
        member->wait_ms = FIRST_WAIT_MS;
    }
    for (size_t i = 0; i < count; i++)
        sql_connect(pool->members[i].sql);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    for (int i = 0; i < pool->count; i++) {
        sql_free(pool->members[i].sql);
        timer_free(pool->members[i].timer);
    }
    mem_free(pool->label);
    mem_free(pool);
}

bool pool_is_up(const struct pool *pool)
{
    return atomic_load(&pool->ups) > 0;
}

const char *pool_why(const struct pool *pool)
{
    return pool->why.text;
}

/* The one that has the fewest questions before it; NULL: none is up. */
static struct sql *best_of(const struct pool *pool)
{
    struct sql *best = NULL;

    for (int i = 0; i < pool->count; i++) {
        struct sql *sql = pool->members[i].sql;
        if (sql_is_up(sql) && (!best || sql_pending(sql) < sql_pending(best)))
            best = sql;
    }
    return best;
}

static struct sql *best_to_ask(const struct pool *pool)
{
    struct sql *best = best_of(pool);

    metrics_add(METRIC_QUESTIONS, best ? 1 : 0);
    return best;
}

struct sql *pool_ask(struct pool *pool, const char *text, const char *const *params, int count,
                     sql_answer_fn *fn, void *arg)
{
    struct sql *best = best_to_ask(pool);

    if (best)
        sql_ask(best, text, params, count, fn, arg);
    return best;
}

struct sql *pool_ask_prepared(struct pool *pool, const char *text, const char *const *params,
                              int count, sql_answer_fn *fn, void *arg)
{
    struct sql *best = best_to_ask(pool);

    if (best)
        sql_ask_prepared(best, text, params, count, fn, arg);
    return best;
}

void pool_renew(struct pool *pool, struct sql *sql)
{
    for (int i = 0; i < pool->count; i++) {
        struct member *member = &pool->members[i];
        if (member->sql != sql || !sql_is_up(sql))
            continue;
        sql_disconnect(sql);
        atomic_store(&pool->ups, count_ups(pool));
        retry_later(member);
    }
}
