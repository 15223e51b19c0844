/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/stage.h"

#include "base/clock.h"

#define A_WHILE_US 1000000    /* the machine does not stand still for so long between two lines */
#define FOR_EVER_US 600000000 /* longer than any test waits */

static struct stage stage;

struct sent {
    uint64_t frames, sends;
};

static struct sent sent_now(void)
{
    return (struct sent){metrics_get(METRIC_FRAMES_SENT), metrics_get(METRIC_SENDS)};
}

static bool is_waiting(void *arg)
{
    (void)arg;
    return stage.worker->batch.state == BATCH_WAITING;
}

/* Frames that have come to a client, and how many it wants. */
struct want {
    int client;
    size_t wanted, count;
    const char *mark;
};

static bool has_come(void *arg)
{
    struct want *want = arg;

    want->count += stage_count(want->client, want->mark ? want->mark : "\"kind\":\"insert\"");
    return want->count >= want->wanted;
}

static void expect(int client, size_t wanted, const char *mark)
{
    struct want want = {.client = client, .wanted = wanted, .mark = mark};

    stage_run(&stage, has_come, &want);
    assert_int_equal(want.count, wanted);
}

static void without_a_delay_a_lone_change_leaves_at_once(void **state)
{
    (void)state;
    stage_open(&stage, &(struct stage_config){.batch_delay_us = 0});
    const int client = stage_connect(&stage, "/ws?query=insert:*");
    const struct sent before = sent_now();

    for (size_t i = 1; i <= 3; i++) {
        stage_insert(&stage, "one");
        expect(client, 1, NULL);
        assert_int_equal(sent_now().sends - before.sends, i);
        assert_int_equal(stage.worker->batch.state, BATCH_AT_REST);
    }
    assert_int_equal(sent_now().frames - before.frames, 3);
    stage_close(&stage);
}

static void what_comes_within_the_delay_leaves_with_one_send(void **state)
{
    (void)state;
    stage_open(&stage, &(struct stage_config){.batch_delay_us = A_WHILE_US});
    const int client = stage_connect(&stage, "/ws?query=insert:*");

    for (int turn = 0; turn < 2; turn++) {
        const struct sent before = sent_now();
        const uint64_t began_us = clock_monotonic_us();
        stage_insert(&stage, "first");
        stage_run(&stage, is_waiting, NULL);
        stage_insert(&stage, "second");
        stage_insert(&stage, "third");
        expect(client, 3, NULL);
        assert_true(clock_monotonic_us() - began_us >= A_WHILE_US);
        assert_int_equal(sent_now().sends - before.sends, 1);
        assert_int_equal(sent_now().frames - before.frames, 3);
    }
    stage_close(&stage);
}

static void what_is_enough_for_a_send_does_not_wait(void **state)
{
    static char body[4096];
    const struct sent before = sent_now();
    const size_t count = BATCH_BYTES / sizeof body + 1;

    (void)state;
    memset(body, 'x', sizeof body - 1);
    stage_open(&stage, &(struct stage_config){.batch_delay_us = FOR_EVER_US});
    const int client = stage_connect(&stage, "/ws?query=insert:*");
    stage_insert(&stage, body);
    stage_run(&stage, is_waiting, NULL);
    for (size_t i = 1; i < count; i++)
        stage_insert(&stage, body);
    expect(client, count, NULL);
    assert_int_equal(sent_now().sends - before.sends, 1);
    stage_close(&stage);
}

static void a_small_journal_is_never_full_of_what_waits(void **state)
{
    static char body[1024];

    (void)state;
    memset(body, 'x', sizeof body - 1);
    stage_open(&stage, &(struct stage_config){.batch_delay_us = FOR_EVER_US,
                                              .journal_size = JOURNAL_SIZE_MIN});
    const int client = stage_connect(&stage, "/ws?query=insert:*");
    for (int i = 0; i < 8; i++)
        stage_insert(&stage, body);
    expect(client, 8, NULL);
    stage_close(&stage);
}

/* The mask is 0. */
static void send_frame(int client, unsigned opcode)
{
    const char frame[] = {(char)(0x80 | opcode), (char)0x80, 0, 0, 0, 0};

    assert_int_equal(send(client, frame, sizeof frame, MSG_NOSIGNAL), sizeof frame);
}

static void pings_closes_and_resuming_do_not_wait(void **state)
{
    (void)state;
    stage_open(&stage, &(struct stage_config){.batch_delay_us = FOR_EVER_US});
    const int client = stage_connect(&stage, "/ws?query=insert:*");
    stage_insert(&stage, "one");
    stage_insert(&stage, "two");
    stage_run(&stage, is_waiting, NULL);
    batch_end(&stage.worker->batch);
    wake_signal(stage.worker->wake);
    expect(client, 2, NULL);

    const int gone = stage_connect(&stage, "/ws?query=insert:*");
    stage_insert(&stage, "that waits");
    stage_run(&stage, is_waiting, NULL);
    send_frame(client, 9);
    expect(client, 1, "\x8A");
    const int resumed = stage_connect(
        &stage, "/ws?query=insert:*&since=0000000000000007-0000000000000065-ffffffff-00000065");
    expect(resumed, 1, "\"two\"");
    send_frame(gone, 8);
    expect(gone, 1, "\x88");
    assert_true(is_waiting(NULL));
    stage_close(&stage);
}

static bool is_drained(void *arg)
{
    (void)arg;
    return stage.worker->is_draining;
}

static void what_waits_comes_before_goodbye(void **state)
{
    (void)state;
    stage_open(&stage, &(struct stage_config){.batch_delay_us = FOR_EVER_US});
    const int client = stage_connect(&stage, "/ws?query=insert:*");
    stage_insert(&stage, "that waits");
    stage_run(&stage, is_waiting, NULL);
    worker_drain(stage.worker);
    stage_run(&stage, is_drained, NULL);
    expect(client, 1, "that waits");
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_delay_a_lone_change_leaves_at_once),
        cmocka_unit_test(what_comes_within_the_delay_leaves_with_one_send),
        cmocka_unit_test(what_is_enough_for_a_send_does_not_wait),
        cmocka_unit_test(a_small_journal_is_never_full_of_what_waits),
        cmocka_unit_test(pings_closes_and_resuming_do_not_wait),
        cmocka_unit_test(what_waits_comes_before_goodbye),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
