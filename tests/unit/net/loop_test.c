/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/* What a test's callbacks note down: one letter each. */
struct notes {
    struct loop *loop;
    struct timer *timer;
    struct watch *watch;
    struct wake *wake;
    char text[64];
    size_t size;
    int fd;
};

static void note(struct notes *notes, char c)
{
    if (notes->size + 1 < sizeof notes->text)
        notes->text[notes->size++] = c;
}

static void stop(void *arg)
{
    struct notes *notes = arg;

    note(notes, 's');
    loop_stop(notes->loop);
}

static void on_tick(void *arg)
{
    struct notes *notes = arg;

    note(notes, 't');
    if (notes->size == 3) { /* freed inside its own callback */
        timer_free(notes->timer);
        loop_stop(notes->loop);
    }
}

static void a_timer_repeats_until_it_is_freed(void **state)
{
    struct notes notes = {.loop = loop_new()};

    (void)state;
    const uint64_t start = loop_now_ms(notes.loop);
    notes.timer = timer_new(notes.loop, on_tick, &notes);
    timer_start(notes.timer, 5, 5);
    loop_run(notes.loop);
    assert_string_equal(notes.text, "ttt");
    assert_true(loop_now_ms(notes.loop) >= start + 15);
    loop_free(notes.loop);
}

static void a_stopped_timer_is_silent(void **state)
{
    struct notes notes = {.loop = loop_new()};
    struct timer *end = timer_new(notes.loop, stop, &notes);

    (void)state;
    notes.timer = timer_new(notes.loop, on_tick, &notes);
    timer_start(notes.timer, 1, 0);
    timer_stop(notes.timer);
    timer_start(end, 20, 0);
    loop_run(notes.loop);
    assert_string_equal(notes.text, "s");
    timer_free(notes.timer);
    timer_free(end);
    timer_free(NULL);
    loop_free(notes.loop);
    loop_free(NULL);
}

static void on_turn(void *arg)
{
    note(arg, '.');
}

/* In a turn of its own, however late the machine is. */
static void start_next(void *arg)
{
    struct notes *notes = arg;

    note(notes, 't');
    timer_start(notes->timer, 1, 0);
}

static void the_turns_end_comes_after_its_callbacks(void **state)
{
    struct notes notes = {.loop = loop_new()};
    struct timer *first = timer_new(notes.loop, start_next, &notes);

    (void)state;
    notes.timer = timer_new(notes.loop, stop, &notes);
    loop_on_turn(notes.loop, on_turn, &notes);
    timer_start(first, 1, 0);
    loop_run(notes.loop);
    assert_string_equal(strchr(notes.text, 't'), "t.s."); /* turns before it may be none */
    timer_free(first);
    timer_free(notes.timer);
    loop_free(notes.loop);
}

static void on_event(void *arg, bool readable, bool writable)
{
    struct notes *notes = arg;
    char c;

    if (writable) {
        note(notes, 'w');
        watch_set(notes->watch, true, false);
        assert_int_equal(write(notes->fd, "x", 1), 1); /* comes out at the other end */
    }
    if (readable && !writable) {
        note(notes, 'r');
        assert_int_equal(read(notes->fd, &c, 1), 1);
        watch_free(notes->watch);
        loop_stop(notes->loop);
    }
}

static void a_watch_tells_what_was_asked_for(void **state)
{
    struct notes notes = {.loop = loop_new()};
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(write(pair[1], "y", 1), 1);
    notes.fd = pair[0];
    notes.watch = watch_new(notes.loop, pair[0], on_event, &notes);
    watch_set(notes.watch, false, true);
    loop_run(notes.loop);
    assert_string_equal(notes.text, "wr");
    loop_free(notes.loop);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void what_cannot_be_watched_is_told(void **state)
{
    struct loop *loop = loop_new();
    const int file = open("meson.build", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(file >= 0);
    assert_null(watch_new(loop, file, on_event, NULL));
    (void)close(file);
    assert_null(watch_new(loop, file, on_event, NULL));
    watch_free(NULL);
    loop_free(loop);
}

static void on_wake(void *arg)
{
    struct notes *notes = arg;

    note(notes, 'a');
    wake_free(notes->wake);
    loop_stop(notes->loop);
}

static void *signal_often(void *arg)
{
    const struct notes *notes = arg;

    for (int i = 0; i < 100; i++)
        wake_signal(notes->wake);
    return NULL;
}

static void another_thread_can_wake_the_loop(void **state)
{
    struct notes notes = {.loop = loop_new()};
    pthread_t thread;

    (void)state;
    notes.wake = wake_new(notes.loop, on_wake, &notes);
    assert_int_equal(pthread_create(&thread, NULL, signal_often, &notes), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_run(notes.loop);
    assert_string_equal(notes.text, "a"); /* a hundred signals, one call */
    wake_free(NULL);
    loop_free(notes.loop);
}

static void on_number(void *arg, int number)
{
    struct notes *notes = arg;

    note(notes, number == SIGUSR1 ? 'u' : '?');
    loop_stop(notes->loop);
}

static void a_signal_is_told_in_the_loop(void **state)
{
    struct notes notes = {.loop = loop_new()};
    struct signal_watch *watch = signal_watch_new(notes.loop, SIGUSR1, on_number, &notes);

    (void)state;
    assert_int_equal(raise(SIGUSR1), 0);
    loop_run(notes.loop);
    assert_string_equal(notes.text, "u");
    signal_watch_free(watch);
    signal_watch_free(NULL);
    loop_free(notes.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_repeats_until_it_is_freed),
        cmocka_unit_test(a_stopped_timer_is_silent),
        cmocka_unit_test(the_turns_end_comes_after_its_callbacks),
        cmocka_unit_test(a_watch_tells_what_was_asked_for),
        cmocka_unit_test(what_cannot_be_watched_is_told),
        cmocka_unit_test(another_thread_can_wake_the_loop),
        cmocka_unit_test(a_signal_is_told_in_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
