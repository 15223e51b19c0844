/* SPDX-License-Identifier: Apache-2.0 */
#include "net/socket.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/* A connected pair of TCP sockets on loopback: ours, and the peer's plain descriptor. */
struct pair {
    struct loop *loop;
    struct socket socket;
    struct timer *deadline;
    int peer;
    char got[64];
    size_t got_size;
    size_t written;
    int writable_count;
    bool is_closed_by_peer, is_closed, is_late;
    bool answers_and_closes, closes_on_end;
};

static void on_closed(void *arg)
{
    struct pair *pair = arg;

    pair->is_closed = true;
    loop_stop(pair->loop);
}

static void on_late(void *arg)
{
    struct pair *pair = arg;

    pair->is_late = true;
    loop_stop(pair->loop);
}

static void read_all(struct pair *pair)
{
    enum status status;
    size_t size;

    while ((status = socket_read(&pair->socket, pair->got + pair->got_size,
                                 sizeof pair->got - pair->got_size, &size)) == OK &&
           size > 0)
        pair->got_size += size;
    if (status != ERR_CLOSED)
        return;
    pair->is_closed_by_peer = true;
    if (pair->closes_on_end)
        socket_close(&pair->socket, on_closed);
    else
        loop_stop(pair->loop);
}

static void on_event(void *arg, bool readable, bool writable)
{
    struct pair *pair = arg;
    size_t size;

    if (writable) {
        pair->writable_count++;
        loop_stop(pair->loop);
    }
    if (!readable)
        return;
    if (pair->answers_and_closes) { /* having read but one byte of all that came */
        assert_int_equal(socket_read(&pair->socket, pair->got, 1, &size), OK);
        assert_int_equal(socket_write(&pair->socket, "bad", 3, &size), OK);
        socket_close(&pair->socket, on_closed);
        loop_stop(pair->loop);
        return;
    }
    read_all(pair);
}

static void connect_pair(int fds[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    const int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(door, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(door, 1), 0);
    assert_int_equal(getsockname(door, (struct sockaddr *)&at, &size), 0);
    fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[1], (struct sockaddr *)&at, size), 0);
    fds[0] = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fds[0] >= 0);
    (void)close(door);
}

static void open_pair(struct pair *pair)
{
    int fds[2];

    connect_pair(fds);
    *pair = (struct pair){.loop = loop_new(), .peer = fds[1]};
    pair->deadline = timer_new(pair->loop, on_late, pair);
    timer_start(pair->deadline, LIMIT_MS, 0);
    assert_int_equal(socket_open(&pair->socket, pair->loop, fds[0], NULL, on_event, pair), OK);
}

static void close_pair(struct pair *pair)
{
    if (!pair->is_closed) {
        socket_abort(&pair->socket, on_closed);
        loop_run(pair->loop);
    }
    assert_true(pair->is_closed);
    assert_false(pair->is_late);
    if (pair->peer >= 0)
        (void)close(pair->peer);
    timer_free(pair->deadline);
    loop_free(pair->loop);
}

static void bytes_come_and_go(void **state)
{
    struct pair pair;
    char answer[8];
    size_t size;

    (void)state;
    open_pair(&pair);
    assert_int_equal(socket_read(&pair.socket, pair.got, 1, &size), ERR_AGAIN);
    assert_int_equal(write(pair.peer, "hello", 5), 5);
    assert_int_equal(socket_write(&pair.socket, "world", 5, &size), OK);
    assert_int_equal(size, 5);
    assert_int_equal(read(pair.peer, answer, sizeof answer), 5);
    assert_memory_equal(answer, "world", 5);
    assert_int_equal(shutdown(pair.peer, SHUT_WR), 0);
    loop_run(pair.loop);
    assert_true(pair.is_closed_by_peer);
    assert_int_equal(pair.got_size, 5);
    assert_memory_equal(pair.got, "hello", 5);
    assert_int_equal(socket_write(&pair.socket, "!", 1, &size), OK); /* half closed only */
    close_pair(&pair);
}

static void a_full_socket_waits_until_it_can_be_written(void **state)
{
    static char block[65536];
    struct pair pair;
    enum status status;
    size_t size, sum = 0;

    (void)state;
    open_pair(&pair);
    while ((status = socket_write(&pair.socket, block, sizeof block, &size)) == OK)
        sum += size;
    assert_int_equal(status, ERR_AGAIN);
    assert_true(sum > 0);
    socket_want_write(&pair.socket, true);
    for (size_t got = 0; got < sum;) {
        const ssize_t piece = read(pair.peer, block, sizeof block);
        assert_true(piece > 0);
        got += (size_t)piece;
    }
    loop_run(pair.loop);
    assert_int_equal(pair.writable_count, 1);
    assert_int_equal(socket_write(&pair.socket, block, sizeof block, &size), OK);
    socket_want_write(&pair.socket, false);
    close_pair(&pair);
}

/* Closing with unread input must not become a reset that eats the answer. */
static void the_last_answer_arrives(void **state)
{
    struct pair pair;
    char answer[8];

    (void)state;
    open_pair(&pair);
    pair.answers_and_closes = true;
    assert_int_equal(write(pair.peer, "lots of rubbish", 15), 15);
    struct timer *moment = timer_new(pair.loop, on_late, &pair);
    loop_run(pair.loop); /* closes, and lingers: the peer still sends */
    assert_false(pair.is_closed);
    assert_int_equal(write(pair.peer, "and more", 8), 8);
    timer_start(moment, 50, 0); /* for it to be thrown away */
    loop_run(pair.loop);
    pair.is_late = false;

    assert_int_equal(read(pair.peer, answer, sizeof answer), 3);
    assert_memory_equal(answer, "bad", 3);
    assert_int_equal(read(pair.peer, answer, sizeof answer), 0);
    (void)close(pair.peer);
    pair.peer = -1;
    loop_run(pair.loop);
    assert_true(pair.is_closed);
    timer_free(moment);
    close_pair(&pair);
}

static void a_peer_that_never_closes_is_left(void **state)
{
    struct pair pair;

    (void)state;
    open_pair(&pair);
    const uint64_t start = loop_now_ms(pair.loop);
    socket_close(&pair.socket, on_closed);
    loop_run(pair.loop);
    assert_true(pair.is_closed);
    assert_in_range(loop_now_ms(pair.loop) - start, SOCKET_LINGER_MS - 50, LIMIT_MS);
    close_pair(&pair);
}

/* How long a socket lingers whose peer goes on sending rubbish. */
static uint64_t linger_with_rubbish(void)
{
    static char block[65536];
    struct pair pair;
    size_t sum = 0;

    open_pair(&pair);
    const uint64_t start = loop_now_ms(pair.loop);
    socket_close(&pair.socket, on_closed);
    while (sum < 2 * SOCKET_LINGER_MAX) {
        const ssize_t put = send(pair.peer, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put <= 0)
            break;
        sum += (size_t)put;
    }
    assert_true(sum >= SOCKET_LINGER_MAX);
    loop_run(pair.loop);
    assert_true(pair.is_closed);
    const uint64_t end = loop_now_ms(pair.loop);
    close_pair(&pair);
    return end - start;
}

static uint64_t linger_until_abort(void)
{
    struct pair pair;

    open_pair(&pair);
    const uint64_t start = loop_now_ms(pair.loop);
    socket_close(&pair.socket, on_closed);
    socket_close(&pair.socket, on_closed); /* again: nothing happens */
    socket_abort(&pair.socket, NULL);
    loop_run(pair.loop);
    assert_true(pair.is_closed);
    const uint64_t end = loop_now_ms(pair.loop);
    close_pair(&pair);
    return end - start;
}

/* Sooner than the linger's own end: in one of a few tries, since the machine may stand still. */
static void assert_short(uint64_t (*linger)(void))
{
    uint64_t ms = SOCKET_LINGER_MS;

    for (int i = 0; i < 5 && ms >= SOCKET_LINGER_MS / 2; i++)
        ms = linger();
    assert_in_range(ms, 0, SOCKET_LINGER_MS / 2);
}

static void lingering_ends_with_too_much_rubbish(void **state)
{
    (void)state;
    assert_short(linger_with_rubbish);
}

static void abort_cuts_lingering_short(void **state)
{
    (void)state;
    assert_short(linger_until_abort);
}

static void a_reset_is_an_end(void **state)
{
    const struct linger at_once = {1, 0};
    struct pair pair;
    size_t size;

    (void)state;
    open_pair(&pair);
    pair.closes_on_end = true;
    assert_int_equal(setsockopt(pair.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    (void)close(pair.peer);
    pair.peer = -1;
    loop_run(pair.loop);
    assert_true(pair.is_closed_by_peer);
    assert_true(pair.is_closed);
    assert_int_equal(socket_read(&pair.socket, pair.got, 1, &size), ERR_CLOSED);
    assert_int_equal(socket_write(&pair.socket, "x", 1, &size), ERR_CLOSED);
    close_pair(&pair);
}

static void stop(void *arg)
{
    const struct pair *pair = arg;

    loop_stop(pair->loop);
}

static void who_rests_hears_nothing(void **state)
{
    struct pair pair;

    (void)state;
    open_pair(&pair);
    struct timer *later = timer_new(pair.loop, stop, &pair);
    assert_false(socket_is_shaking(&pair.socket) || socket_is_left(&pair.socket));
    assert_int_equal(write(pair.peer, "abc", 3), 3);
    socket_rest(&pair.socket, true);
    timer_start(later, 1, 0);
    loop_run(pair.loop);
    assert_int_equal(pair.got_size, 0);
    assert_false(socket_is_left(&pair.socket));

    assert_int_equal(shutdown(pair.peer, SHUT_WR), 0);
    assert_true(socket_is_left(&pair.socket));
    timer_start(later, 1, 0);
    loop_run(pair.loop);
    assert_false(pair.is_closed_by_peer);
    socket_rest(&pair.socket, false);
    loop_run(pair.loop);
    assert_int_equal(pair.got_size, 3);
    assert_true(pair.is_closed_by_peer);

    socket_rest(&pair.socket, true); /* closing needs no attention of the owner */
    socket_close(&pair.socket, on_closed);
    loop_run(pair.loop);
    timer_free(later);
    close_pair(&pair);
}

static void a_bad_descriptor_is_refused(void **state)
{
    struct loop *loop = loop_new();
    struct socket socket;

    (void)state;
    assert_int_equal(socket_open(&socket, loop, -1, NULL, on_event, NULL), ERR_SYSTEM);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_and_go),
        cmocka_unit_test(a_full_socket_waits_until_it_can_be_written),
        cmocka_unit_test(the_last_answer_arrives),
        cmocka_unit_test(a_peer_that_never_closes_is_left),
        cmocka_unit_test(lingering_ends_with_too_much_rubbish),
        cmocka_unit_test(abort_cuts_lingering_short),
        cmocka_unit_test(a_reset_is_an_end),
        cmocka_unit_test(who_rests_hears_nothing),
        cmocka_unit_test(a_bad_descriptor_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
