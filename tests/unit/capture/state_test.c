/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>

#include "capture/state.h"

static void test_write_read(void **state)
{
    (void)state;
    struct state_board board = {0};
    struct capture_state got;
    char longest[3000];

    state_board_write(&board, CAPTURE_STANDBY, "the slot is in use");
    state_board_read(&board, &got);
    assert_int_equal(got.phase, CAPTURE_STANDBY);
    assert_string_equal(got.reason, "the slot is in use");
    assert_int_equal(state_board_phase(&board), CAPTURE_STANDBY);

    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    state_board_write(&board, CAPTURE_STREAMING, longest);
    state_board_read(&board, &got);
    assert_int_equal(strlen(got.reason), CAPTURE_REASON_SIZE - 1);
    state_board_write(&board, CAPTURE_STREAMING, "");
    state_board_read(&board, &got);
    assert_string_equal(got.reason, "");
}

static void *write_main(void *arg)
{
    char text[400];

    for (int i = 0; i < 20000; i++) {
        memset(text, 'a' + i % 26, sizeof text);
        text[sizeof text - 1] = '\0';
        state_board_write(arg, CAPTURE_CONNECTING, text);
    }
    return NULL;
}

static void test_reads_are_whole(void **state)
{
    (void)state;
    struct state_board board = {0};
    struct capture_state got;
    pthread_t writer;

    pthread_create(&writer, NULL, write_main, &board);
    for (int i = 0; i < 20000; i++) {
        state_board_read(&board, &got);
        for (size_t at = 1; got.reason[0] && at < 399; at++)
            assert_int_equal(got.reason[at], got.reason[0]);
    }
    pthread_join(writer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_read),
        cmocka_unit_test(test_reads_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
