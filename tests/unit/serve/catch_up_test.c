/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/catch_up.h"

#include "serve/session.h"
#include "serve/stage.h"

#define SESSIONS (CATCH_UP_ROUNDS * 2 + 5)
#define CHANGES (CATCH_UP_CHANGES * 2 + 10)

static struct stage stage;

static struct {
    struct session *at[STAGE_CLIENTS];
    size_t count;
} all;

static bool has_read_all(void *arg)
{
    (void)arg;
    return stage.worker->flushed_to == journal_head(stage.journal);
}

/* Everybody stands where nothing has come yet; what has come since is in the journal. */
static uint64_t set_the_scene(const char *path, size_t changes, const char *body)
{
    all.count = 0;
    stage_open(&stage, &(struct stage_config){.journal_size = 1 << 25});
    stage.commit = 1000000; /* so that all records are of a size */
    stage_insert(&stage, body);
    stage_run(&stage, has_read_all, NULL);
    const uint64_t start = stage.worker->flushed_to;
    for (size_t i = 0; i < changes; i++)
        stage_append(&stage, body);
    journal_publish(stage.journal);
    stage_run(&stage, has_read_all, NULL);
    for (int i = 0; i < SESSIONS; i++)
        (void)stage_connect(&stage, path);
    for (size_t i = 0; i < WHEEL_SECONDS; i++) {
        LIST_EACH (link, &stage.worker->wheel.seconds[i])
            all.at[all.count++] = session_of_link(link);
    }
    assert_int_equal(all.count, SESSIONS);
    for (size_t i = 0; i < all.count; i++) {
        session_fall_behind(all.at[i], start);
        catch_up_add(all.at[i]);
    }
    return start;
}

static bool are_all_live(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < stage.client_count; i++)
        (void)stage_count(stage.clients[i], "x");
    for (size_t i = 0; i < all.count; i++) {
        if (all.at[i]->is_behind)
            return false;
    }
    return true;
}

/* However many are behind, and however far. */
static void a_turn_reads_only_so_many_changes(void **state)
{
    (void)state;
    const uint64_t start = set_the_scene("/ws?query=delete:*", CHANGES, "small");
    const uint64_t record = (stage.worker->flushed_to - start) / CHANGES;
    size_t given = 0;

    (void)catch_up_turn(stage.worker);
    for (size_t i = 0; i < all.count; i++) {
        const uint64_t changes = (all.at[i]->place - start) / record;
        assert_in_range(changes, 0, CATCH_UP_CHANGES);
        given += changes > 0 ? 1 : 0;
    }
    assert_int_equal(given, CATCH_UP_ROUNDS);
    /* The others have the next turn: nobody comes twice before all have come once. */
    (void)catch_up_turn(stage.worker);
    given = 0;
    for (size_t i = 0; i < all.count; i++)
        given += all.at[i]->place > start ? 1 : 0;
    assert_int_equal(given, CATCH_UP_ROUNDS * 2);
    stage_run(&stage, are_all_live, NULL);
    stage_close(&stage);
}

static void a_turn_sends_only_so_many_bytes(void **state)
{
    static char body[4096];

    (void)state;
    memset(body, 'y', sizeof body - 1);
    (void)set_the_scene("/ws?query=insert:*", 200, body);
    const uint64_t before = metrics_get(METRIC_FRAMES_SENT);
    (void)catch_up_turn(stage.worker);
    const uint64_t frames = metrics_get(METRIC_FRAMES_SENT) - before;
    assert_in_range(frames, CATCH_UP_ROUNDS, CATCH_UP_ROUNDS * (CATCH_UP_BYTES / sizeof body + 1));
    stage_run(&stage, are_all_live, NULL);
    assert_int_equal(metrics_get(METRIC_FRAMES_SENT) - before, 200 * SESSIONS);
    stage_close(&stage);
}

/* A stalled client keeps its place: nothing is read for it, nothing is kept for it. */
static void who_does_not_read_costs_no_rounds(void **state)
{
    static char body[65536];

    (void)state;
    memset(body, 'z', sizeof body - 1);
    (void)set_the_scene("/ws?query=insert:*", 300, body);
    for (int turn = 0; turn < 1000 && !list_is_empty(&stage.worker->catching); turn++)
        (void)catch_up_turn(stage.worker);
    assert_true(list_is_empty(&stage.worker->catching)); /* all sockets are full */
    for (size_t i = 0; i < all.count; i++) {
        assert_true(all.at[i]->is_behind);
        assert_true(all.at[i]->outbox.bytes < CATCH_UP_BYTES + sizeof body + 1024);
    }
    const uint64_t before = metrics_get(METRIC_FRAMES_SENT);
    stage_insert(&stage, "one more");
    stage_run(&stage, has_read_all, NULL);
    assert_int_equal(metrics_get(METRIC_FRAMES_SENT), before);
    stage_run(&stage, are_all_live, NULL);
    stage_close(&stage);
}

/* Who begins before the worker has read anything begins where the epoch does: 0 would be too old
 * when it comes back. */
static void before_the_first_change_there_is_a_position(void **state)
{
    struct journal_ledger ledger;
    struct token token;

    (void)state;
    stage_open(&stage, &(struct stage_config){0});
    stage_insert(&stage, "not read yet");
    worker_learn_epoch(stage.worker);
    journal_read_ledger(stage.journal, &ledger);
    assert_false(worker_is_level(stage.worker, &token));
    token = worker_token_read(stage.worker);
    assert_int_equal(token.epoch, STAGE_EPOCH);
    assert_int_equal(token.position.commit, 1);
    assert_int_equal(worker_behind(stage.worker, &ledger).commit, 1);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_first_change_there_is_a_position),
        cmocka_unit_test(a_turn_reads_only_so_many_changes),
        cmocka_unit_test(a_turn_sends_only_so_many_bytes),
        cmocka_unit_test(who_does_not_read_costs_no_rounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
