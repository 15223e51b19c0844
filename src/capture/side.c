/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/side.h"

#include "base/mem.h"
#include "capture/backoff.h"
#include "net/loop.h"
#include "sql/sql.h"

struct side {
    struct sql *sql;
    struct timer *retry;
    struct backoff backoff;
    struct side_events events;
    void *arg;
};

static void on_up(void *arg)
{
    struct side *side = arg;

    backoff_reset(&side->backoff);
    side->events.up(side->arg);
}

static void on_down(void *arg, const struct fault *why)
{
    struct side *side = arg;

    timer_start(side->retry, backoff_next_ms(&side->backoff), 0);
    side->events.down(side->arg, why);
}

static void on_retry(void *arg)
{
    struct side *side = arg;

    sql_connect(side->sql);
}

struct side *side_new(struct loop *loop, const char *conninfo, const struct side_events *events,
                      void *arg)
{
    const struct sql_config config = {.conninfo = conninfo, .application_name = "pgcdc capture"};
    const struct sql_events sql_events = {.up = on_up, .down = on_down};
    struct side *side = mem_new(sizeof *side);
    struct random random;

    random_init_system(&random);
    backoff_init(&side->backoff, random);
    side->events = *events;
    side->arg = arg;
    side->sql = sql_new(loop, &config, &sql_events, side);
    side->retry = timer_new(loop, on_retry, side);
    return side;
}

void side_free(struct side *side)
{
    if (!side)
        return;
    sql_free(side->sql);
    timer_free(side->retry);
    mem_free(side);
}

void side_start(struct side *side)
{
    sql_connect(side->sql);
}

struct sql *side_sql(struct side *side)
{
    return side->sql;
}
