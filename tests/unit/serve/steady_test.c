/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a delivery costs besides its send: nothing is allocated, freed or locked.
 *
 * The functions that do so are replaced by ones that count while `is_counting`.  Not under a
 * sanitizer, which has its own.
 */
#include "serve/stage.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#define WARM_UP 64
#define CHANGES 256
#define CLIENTS_EACH 8

static bool is_counting;
static unsigned allocations, locks;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_REPLACED false
#else
#define IS_REPLACED true

void *__libc_malloc(size_t size);                /* NOLINT(bugprone-reserved-identifier) */
void *__libc_calloc(size_t count, size_t size);  /* NOLINT(bugprone-reserved-identifier) */
void *__libc_realloc(void *memory, size_t size); /* NOLINT(bugprone-reserved-identifier) */
void __libc_free(void *memory);                  /* NOLINT(bugprone-reserved-identifier) */

void *malloc(size_t size)
{
    allocations += is_counting;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations += is_counting;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations += is_counting;
    return __libc_realloc(memory, size);
}

void free(void *memory)
{
    allocations += is_counting && memory;
    __libc_free(memory);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    locks += is_counting;
    return real(mutex);
}
#endif

static struct stage stage;

struct all {
    size_t wanted, count;
};

static bool have_all(void *arg)
{
    struct all *all = arg;

    for (size_t i = 0; i < stage.client_count; i++)
        all->count += stage_count(stage.clients[i], "\"a body\"");
    return all->count >= all->wanted;
}

/* In turns, singly and in bursts, to all clients. */
static void deliver(size_t changes)
{
    for (size_t done = 0; done < changes; done += 4) {
        struct all all = {.wanted = stage.client_count};
        stage_insert(&stage, "a body");
        stage_run(&stage, have_all, &all);
        all = (struct all){.wanted = stage.client_count * 3};
        for (int i = 0; i < 3; i++)
            stage_append(&stage, "a body");
        journal_publish(stage.journal);
        stage_run(&stage, have_all, &all);
    }
}

static void connect_all(const char *path)
{
    for (int i = 0; i < CLIENTS_EACH; i++)
        (void)stage_connect(&stage, path);
}

static void expect_nothing_but_sends(void)
{
    if (!IS_REPLACED)
        skip();
    deliver(WARM_UP);
    const uint64_t before = metrics_get(METRIC_FRAMES_SENT);
    allocations = locks = 0;
    is_counting = true;
    deliver(CHANGES);
    is_counting = false;
    assert_int_equal(metrics_get(METRIC_FRAMES_SENT) - before, stage.client_count * CHANGES);
    assert_int_equal(allocations, 0);
    assert_int_equal(locks, 0);
    stage_close(&stage);
}

static void open_stage(void)
{
    if (IS_REPLACED)
        stage_open(&stage, &(struct stage_config){.batch_delay_us = 0});
}

static void clients_of_one_query(void **state)
{
    (void)state;
    open_stage();
    if (IS_REPLACED) {
        connect_all("/ws?query=insert:*");
        connect_all("/ws?query=insert:*&since=now");
        connect_all("/sse?query=insert:*");
    }
    expect_nothing_but_sends();
}

static void clients_of_several_queries(void **state)
{
    (void)state;
    open_stage();
    if (IS_REPLACED) {
        connect_all("/ws?query=insert:*&query=*:*");
        connect_all("/sse?query=insert:*&query=*:public.*");
    }
    expect_nothing_but_sends();
}

/* Masked with zeros, which leave the text as it is. */
static void say(int client, const char *text)
{
    uint8_t frame[256] = {0x81, (uint8_t)(0x80 | strlen(text))};
    const size_t size = 6 + strlen(text);

    assert_true(strlen(text) < 126);
    memcpy(frame + 6, text, strlen(text));
    assert_int_equal(send(client, frame, size, MSG_NOSIGNAL), (ssize_t)size);
}

static bool is_subscribed(void *arg)
{
    const int *client = arg;

    return stage_count(*client, "\"subscribed\"") > 0;
}

/* One or two ids for the same change, each. */
static void clients_of_the_rich_protocol(void **state)
{
    static const char *const subscribe[] = {
        "{\"type\":\"subscribe\",\"id\":\"a\",\"query\":\"insert:*\"}",
        "{\"type\":\"subscribe\",\"id\":\"b\",\"query\":\"*:public.*\"}",
    };

    (void)state;
    open_stage();
    for (int i = 0; IS_REPLACED && i < CLIENTS_EACH; i++) {
        int client = stage_connect(&stage, "/ws");
        for (int id = 0; id <= i % 2; id++) {
            say(client, subscribe[id]);
            stage_run(&stage, is_subscribed, &client);
        }
    }
    expect_nothing_but_sends();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_of_one_query),
        cmocka_unit_test(clients_of_several_queries),
        cmocka_unit_test(clients_of_the_rich_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
