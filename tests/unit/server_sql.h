/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A connection to the server of the tests on a loop of its own, asked and waited for. */
#include "unit.h"

#include <stdlib.h>

#include "net/loop.h"
#include "sql/sql.h"

struct server_sql {
    struct loop *loop;
    struct sql *sql;
    void (*take)(void *arg, const struct sql_answer *answer);
    void *arg;
    struct fault refused; /* of server_sql_try */
};

static inline const char *server_conninfo(void)
{
    const char *text = getenv("PGCDC_TEST_CONNINFO");

    if (!text)
        fail_msg("PGCDC_TEST_CONNINFO is not set");
    return text;
}

static inline void server_sql_on_up(void *arg)
{
    loop_stop(((struct server_sql *)arg)->loop);
}

static inline void server_sql_on_down(void *arg, const struct fault *why)
{
    (void)arg;
    fail_msg("%s", why->text);
}

static inline void server_sql_open(struct server_sql *server)
{
    const struct sql_config config = {server_conninfo(), "test", false};
    const struct sql_events events = {server_sql_on_up, server_sql_on_down, NULL, NULL};

    *server = (struct server_sql){.loop = loop_new()};
    server->sql = sql_new(server->loop, &config, &events, server);
    sql_connect(server->sql);
    loop_run(server->loop);
}

static inline void server_sql_close(struct server_sql *server)
{
    sql_free(server->sql);
    loop_free(server->loop);
}

static inline void server_sql_on_answer(void *arg, const struct sql_answer *answer)
{
    struct server_sql *server = arg;

    server->refused.text[0] = '\0';
    if (answer->status != OK)
        (void)fault_set(&server->refused, answer->status, "%s", answer->message);
    else if (server->take)
        server->take(server->arg, answer);
    loop_stop(server->loop);
}

/* take(arg, answer) is called within; NULL: nobody wants to know.  False: refused. */
static inline bool server_sql_try(struct server_sql *server, const char *text,
                                  const char *const *params, int count, sql_answer_fn *take,
                                  void *arg)
{
    server->take = take;
    server->arg = arg;
    sql_ask(server->sql, text, params, count, server_sql_on_answer, server);
    loop_run(server->loop);
    return server->refused.text[0] == '\0';
}

static inline void server_sql_do(struct server_sql *server, const char *text)
{
    if (!server_sql_try(server, text, NULL, 0, NULL, NULL))
        fail_msg("%s: %s", text, server->refused.text);
}
