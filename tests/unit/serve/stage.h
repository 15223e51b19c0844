/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A worker with clients, on a journal that the test writes: no PostgreSQL, no second thread.
 *
 *     struct stage stage;
 *     stage_open(&stage, &(struct stage_config){.batch_delay_us = 20000});
 *     int client = stage_connect(&stage, "/ws?query=insert:*");
 *     stage_insert(&stage, "hello");
 *     stage_run(&stage, has_something, &client);       turns the loop until that is true
 *     stage_close(&stage);
 *
 * Only queries for many tables can be asked: others need the catalogue.
 */
#include "unit.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "change/change.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "net/listener.h"
#include "net/loop.h"
#include "serve/worker.h"

#define STAGE_SECONDS 60 /* until a wait has failed */
#define STAGE_EPOCH 7
#define STAGE_CLIENTS 200

typedef bool(stage_fn)(void *arg);

struct stage_config {
    uint32_t batch_delay_us;
    size_t journal_size; /* 0: 4 MiB */
};

struct stage {
    struct journal *journal;
    struct worker *worker;
    struct table *table;
    lsn commit; /* of the last transaction */
    struct timer *look;
    uint32_t looks;
    stage_fn *is_done;
    void *arg;
    int clients[STAGE_CLIENTS];
    size_t client_count;
};

static inline bool stage_is_live(void *arg)
{
    (void)arg;
    return true;
}

static inline bool stage_is_elsewhere(void *arg)
{
    (void)arg;
    return false;
}

static inline void stage_on_look(void *arg)
{
    struct stage *stage = arg;

    if (stage->is_done(stage->arg) || ++stage->looks == STAGE_SECONDS * 1000)
        loop_stop(stage->worker->loop);
}

/* Turns the loop until is_done(arg); the test fails when that does not come true. */
static inline void stage_run(struct stage *stage, stage_fn *is_done, void *arg)
{
    stage->is_done = is_done;
    stage->arg = arg;
    stage->looks = 0;
    timer_start(stage->look, 1, 1);
    loop_run(stage->worker->loop);
    timer_stop(stage->look);
    assert_true(stage->looks < STAGE_SECONDS * 1000);
}

static inline void stage_open(struct stage *stage, const struct stage_config *config)
{
    const struct column_spec columns[] = {{SLICE("id"), SLICE("bigint"), true},
                                          {SLICE("body"), SLICE("text"), false}};
    struct worker_config worker = {
        .source = {.is_live = stage_is_live, .is_elsewhere = stage_is_elsewhere},
        .batch_delay_us = config->batch_delay_us,
        .ping_seconds = 25};
    struct fault fault = {0};

    *stage = (struct stage){.commit = 100};
    stage->table = table_new(SLICE("public"), SLICE("rows"), columns, 2);
    stage->journal = journal_new(config->journal_size ? config->journal_size : 1 << 22, &fault);
    journal_begin_epoch(stage->journal, STAGE_EPOCH, 1, 1);
    worker.journal = stage->journal;
    assert_int_equal(address_parse("127.0.0.1:0", &worker.address, &fault), OK);
    stage->worker = worker_new(&worker, &fault);
    if (!stage->worker)
        fail_msg("%s", fault.text);
    stage->look = timer_new(stage->worker->loop, stage_on_look, stage);
    wake_signal(stage->worker->wake); /* the first look puts the reader to sleep */
}

/* One transaction of one row, put into the journal but not yet published. */
static inline void stage_append(struct stage *stage, const char *body)
{
    char id[24];
    const int size = snprintf(id, sizeof id, "%llu", (unsigned long long)++stage->commit);
    const struct value row[] = {value_of(slice_of(id, (size_t)size)), value_of(slice_text(body))};
    const struct change change = {.kind = CHANGE_INSERT,
                                  .table = stage->table,
                                  .new_row = row,
                                  .position = {stage->commit, 0, (uint32_t)stage->commit},
                                  .is_last = true,
                                  .xid = (uint32_t)stage->commit};

    assert_int_equal(journal_append(stage->journal, &change), OK);
    journal_settle(stage->journal, stage->commit);
}

static inline void stage_insert(struct stage *stage, const char *body)
{
    stage_append(stage, body);
    journal_publish(stage->journal);
}

/* How many times `mark` stands in what the client can read now; it is read by that. */
static inline size_t stage_count(int client, const char *mark)
{
    static char bytes[1 << 20];
    size_t count = 0;

    const ssize_t got = recv(client, bytes, sizeof bytes - 1, MSG_DONTWAIT);
    if (got <= 0)
        return 0;
    for (const char *at = bytes;
         (at = memmem(at, (size_t)(bytes + got - at), mark, strlen(mark))) != NULL; at++)
        count++;
    return count;
}

static inline bool stage_has_bytes(void *arg)
{
    const int *client = arg;
    char byte;

    return recv(*client, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

/* A client that has had its answer, 101 or 200; its descriptor is the stage's. */
static inline int stage_connect(struct stage *stage, const char *path)
{
    const struct address *address = listener_address(stage->worker->listener);
    char request[1024], *head = NULL;
    static char reply[4096];

    int *client = &stage->clients[stage->client_count++];
    assert_true(stage->client_count <= STAGE_CLIENTS);
    *client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*client, &address->at.any, address->size), 0);
    const int size =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n%s"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                 path, strchr(path, '?') ? "" : "Sec-WebSocket-Protocol: pgcdc.v1\r\n");
    assert_int_equal(send(*client, request, (size_t)size, MSG_NOSIGNAL), size);
    stage_run(stage, stage_has_bytes, client);
    const ssize_t got = recv(*client, reply, sizeof reply - 1, MSG_PEEK);
    reply[got] = '\0';
    head = strstr(reply, "\r\n\r\n");
    if (!head || (!strstr(reply, " 101 ") && !strstr(reply, " 200 ")))
        fail_msg("%s", reply);
    assert_int_equal(recv(*client, reply, (size_t)(head + 4 - reply), 0), head + 4 - reply);
    return *client;
}

static inline bool stage_is_empty(void *arg)
{
    const struct stage *stage = arg;

    return stage->worker->session_count == 0;
}

static inline void stage_close(struct stage *stage)
{
    for (size_t i = 0; i < stage->client_count; i++)
        (void)close(stage->clients[i]);
    stage_run(stage, stage_is_empty, stage);
    timer_free(stage->look);
    worker_free(stage->worker);
    journal_free(stage->journal);
    table_free(stage->table);
}
