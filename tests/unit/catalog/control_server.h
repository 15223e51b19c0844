/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A control thread, the test as the worker, and a server that PGCDC_TEST_CONNINFO names, to which
 * the test comes as a superuser. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "catalog/control.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "sql/sql.h"

static struct {
    struct loop *loop;
    struct wake *stop;
    struct control *control;
    pthread_t thread;
} server;

static struct {
    struct loop *loop;
    struct mailbox *mailbox;
    struct timer *limit;
    int answers;
    enum status status;
    char text[2000];
    size_t bad_index;
    bool is_owner;
    struct table_shape *shape;
} worker;

static inline const char *conninfo(void)
{
    const char *text = getenv("PGCDC_TEST_CONNINFO");

    if (!text)
        fail_msg("PGCDC_TEST_CONNINFO is not set");
    return text;
}

static inline void on_stop(void *arg)
{
    (void)arg;
    loop_stop(server.loop);
}

static inline void *run_control(void *arg)
{
    (void)arg;
    loop_run(server.loop);
    return NULL;
}

static inline void on_limit(void *arg)
{
    (void)arg;
    fail_msg("no answer within %d s", LIMIT_MS / 1000);
}

static inline void start(const char *text, const char *auth)
{
    const struct control_config config = {text, 2, auth, 10, "pgcdc_probe"};

    server.loop = loop_new();
    server.stop = wake_new(server.loop, on_stop, NULL);
    server.control = control_new(server.loop, &config);
    assert_int_equal(pthread_create(&server.thread, NULL, run_control, NULL), 0);
    worker.loop = loop_new();
    worker.mailbox = mailbox_new(worker.loop);
    worker.limit = timer_new(worker.loop, on_limit, NULL);
    timer_start(worker.limit, LIMIT_MS, 0);
}

static inline void stop(void)
{
    wake_signal(server.stop);
    (void)pthread_join(server.thread, NULL);
    control_free(server.control);
    wake_free(server.stop);
    loop_free(server.loop);
    mailbox_free(worker.mailbox);
    timer_free(worker.limit);
    loop_free(worker.loop);
    table_shape_free(worker.shape);
    worker.shape = NULL;
}

static inline void on_answer(void *arg, struct ask_answer *answer)
{
    struct buf text = BUF_INIT;

    (void)arg;
    worker.answers++;
    worker.status = answer->status;
    worker.bad_index = answer->bad_index;
    worker.is_owner = answer->is_owner;
    table_shape_free(worker.shape);
    worker.shape = answer->shape;
    answer->shape = NULL;
    for (size_t i = 0; answer->status == OK && answer->values && i < answer->count; i++) {
        buf_printf(&text, "%s", i > 0 ? "|" : "");
        buf_add(&text, answer->values[i]);
    }
    (void)snprintf(worker.text, sizeof worker.text, "%s",
                   answer->status == OK ? buf_text(&text) : answer->message);
    buf_release(&text);
    loop_stop(worker.loop);
}

static inline void on_up(void *arg)
{
    loop_stop(arg);
}

static inline void on_down(void *arg, const struct fault *why)
{
    (void)arg;
    fail_msg("%s", why->text);
}

static inline void on_done(void *arg, const struct sql_answer *answer)
{
    if (answer->status != OK)
        fail_msg("%s", answer->message);
    loop_stop(arg);
}

static inline void execute(const char *text)
{
    struct loop *loop = loop_new();
    const struct sql_config config = {conninfo(), NULL, false};
    const struct sql_events events = {on_up, on_down, NULL, NULL};
    struct sql *sql = sql_new(loop, &config, &events, loop);

    sql_connect(sql);
    loop_run(loop);
    sql_ask(sql, text, NULL, 0, on_done, loop);
    loop_run(loop);
    sql_free(sql);
    loop_free(loop);
}

static inline void ask_table(const char *schema, const char *name)
{
    (void)control_ask_table(server.control, worker.mailbox, slice_text(schema), slice_text(name),
                            on_answer, NULL);
    loop_run(worker.loop);
}
