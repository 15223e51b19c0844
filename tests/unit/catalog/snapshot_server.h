/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A control thread with snapshots, the test as the worker, and a schema of their own. */
#include "server_sql.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "catalog/snapshot.h"
#include "catalog/tables.h"
#include "change/shape.h"
#include "change/table.h"
#include "change/visible.h"
#include "net/mailbox.h"

static struct {
    struct loop *loop;
    struct wake *stop;
    struct snapshots *snapshots;
    pthread_t thread;
} control;

static struct {
    struct loop *loop;
    struct mailbox *mailbox;
    struct timer *limit;
    struct server_sql server;
} worker;

static inline void on_stop(void *arg)
{
    (void)arg;
    loop_stop(control.loop);
}

static inline void *run_control(void *arg)
{
    (void)arg;
    loop_run(control.loop);
    return NULL;
}

static inline void on_limit(void *arg)
{
    (void)arg;
    fail_msg("nothing has happened for %d s", LIMIT_MS / 1000);
}

static inline void start_as(const char *conninfo, int connections, uint32_t idle_ms)
{
    const struct snapshots_config config = {conninfo, connections, idle_ms};

    control.loop = loop_new();
    control.stop = wake_new(control.loop, on_stop, NULL);
    control.snapshots = snapshots_new(control.loop, &config);
    assert_int_equal(pthread_create(&control.thread, NULL, run_control, NULL), 0);
    worker.loop = loop_new();
    worker.mailbox = mailbox_new(worker.loop);
    worker.limit = timer_new(worker.loop, on_limit, NULL);
    timer_start(worker.limit, LIMIT_MS, 0);
    server_sql_open(&worker.server);
    server_sql_do(&worker.server, "DROP SCHEMA IF EXISTS snap CASCADE; CREATE SCHEMA snap");
}

static inline void start(int connections, uint32_t idle_ms)
{
    start_as(server_conninfo(), connections, idle_ms);
}

static inline void stop(void)
{
    wake_signal(control.stop);
    (void)pthread_join(control.thread, NULL);
    snapshots_free(control.snapshots);
    wake_free(control.stop);
    loop_free(control.loop);
    mailbox_free(worker.mailbox);
    timer_free(worker.limit);
    loop_free(worker.loop);
    server_sql_do(&worker.server, "DROP SCHEMA snap CASCADE");
    server_sql_close(&worker.server);
}

static inline void take_shape(void *arg, const struct sql_answer *answer)
{
    *(struct table_shape **)arg = table_shape_of(answer);
}

static inline struct table_shape *describe(const char *name)
{
    struct table_shape *shape = NULL;

    assert_true(server_sql_try(&worker.server, TABLE_QUESTION,
                               (const char *[]){"snap", name, "pgcdc"}, 3, take_shape, &shape));
    assert_non_null(shape);
    return shape;
}
