/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/metrics.h"
#include "unit.h"

enum { CLIENTS = 8 };

struct guests {
    struct loop *loop;
    struct listener *listener;
    struct timer *deadline;
    int fds[CLIENTS], count, wanted;
    int turns, most_in_a_turn, in_this_turn;
    bool is_late, frees_listener;
    enum metric metric; /* stops the loop when it has come to `enough`; 0: never */
    uint64_t enough;
};

static void on_accept(void *arg, int fd, const struct sockaddr_storage *peer)
{
    struct guests *guests = arg;
    struct address address;

    assert_int_equal(address_from(peer, &address), OK);
    assert_true(address_is_loopback(&address));
    guests->fds[guests->count++] = fd;
    guests->in_this_turn++;
    if (guests->frees_listener) {
        listener_free(guests->listener);
        guests->listener = NULL;
    }
    if (guests->count == guests->wanted)
        loop_stop(guests->loop);
}

static void on_turn(void *arg)
{
    struct guests *guests = arg;

    if (guests->in_this_turn > guests->most_in_a_turn)
        guests->most_in_a_turn = guests->in_this_turn;
    guests->in_this_turn = 0;
    guests->turns++;
    if (guests->enough && metrics_get(guests->metric) >= guests->enough)
        loop_stop(guests->loop);
}

static void on_late(void *arg)
{
    struct guests *guests = arg;

    guests->is_late = true;
    loop_stop(guests->loop);
}

static struct guests *open_house(struct guests *guests, const char *binding, int budget)
{
    struct listener_config config = {.accept_budget = budget, .refusal = SLICE("no!")};
    struct fault fault;

    *guests = (struct guests){.loop = loop_new()};
    assert_int_equal(address_parse(binding, &config.address, NULL), OK);
    guests->listener = listener_new(guests->loop, &config, on_accept, guests, &fault);
    if (!guests->listener)
        fail_msg("%s", fault.text);
    guests->deadline = timer_new(guests->loop, on_late, guests);
    timer_start(guests->deadline, LIMIT_MS, 0);
    return guests;
}

static void close_house(struct guests *guests)
{
    for (int i = 0; i < guests->count; i++)
        (void)close(guests->fds[i]);
    listener_free(guests->listener);
    timer_free(guests->deadline);
    loop_free(guests->loop);
}

static int visit(const struct guests *guests)
{
    struct address to = *listener_address(guests->listener);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    const int port = address_port(&to);
    to.at.v4 = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)port),
                                    .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &to.at.any, sizeof to.at.v4), 0);
    return fd;
}

static void connections_are_taken_in_budgets(void **state)
{
    struct guests guests;
    int fds[CLIENTS];

    (void)state;
    open_house(&guests, "127.0.0.1:0", 3);
    guests.wanted = CLIENTS;
    loop_on_turn(guests.loop, on_turn, &guests);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = visit(&guests);
    loop_run(guests.loop);
    assert_false(guests.is_late);
    assert_int_equal(guests.most_in_a_turn, 3);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    close_house(&guests);
}

static void ipv4_comes_in_by_ipv6_too(void **state)
{
    const int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct guests guests;

    (void)state;
    if (probe < 0)
        skip();
    (void)close(probe);
    open_house(&guests, "[::]:0", 0);
    guests.wanted = 1;
    const int fd = visit(&guests);
    loop_run(guests.loop);
    assert_false(guests.is_late);
    (void)close(fd);
    close_house(&guests);
}

static void a_listener_may_be_freed_by_its_guest(void **state)
{
    struct guests guests;

    (void)state;
    open_house(&guests, "127.0.0.1:0", 0);
    guests.wanted = 1;
    guests.frees_listener = true;
    const int first = visit(&guests), second = visit(&guests);
    loop_run(guests.loop);
    assert_int_equal(guests.count, 1);
    (void)close(first);
    (void)close(second);
    close_house(&guests);
}

/* No descriptor left: it pauses, does not spin, and takes the guest once there is room. */
static void without_descriptors_it_rests(void **state)
{
    struct guests guests;
    struct rlimit limit, low;

    (void)state;
    open_house(&guests, "127.0.0.1:0", 0);
    guests.wanted = 1;
    const int fd = visit(&guests);
    const int next = dup(fd); /* the next free number is the limit now */
    (void)close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)next;
    guests.metric = METRIC_ACCEPT_PAUSES;
    guests.enough = metrics_get(METRIC_ACCEPT_PAUSES) + 3;
    loop_on_turn(guests.loop, on_turn, &guests);
    const uint64_t start = loop_now_ms(guests.loop);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    loop_run(guests.loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(guests.is_late);
    assert_int_equal(guests.count, 0);
    assert_true(loop_now_ms(guests.loop) - start >= 190); /* two of the pauses have passed */
    assert_in_range(guests.turns, 3, 12);

    guests.enough = 0;
    timer_start(guests.deadline, LIMIT_MS, 0);
    loop_run(guests.loop);
    assert_false(guests.is_late);
    assert_int_equal(guests.count, 1);
    (void)close(fd);
    close_house(&guests);
}

static void the_last_descriptors_are_kept_for_others(void **state)
{
    struct guests guests;
    struct rlimit limit, low;
    char text[10] = "";

    (void)state;
    open_house(&guests, "127.0.0.1:0", 0);
    guests.wanted = 1;
    const int fd = visit(&guests);
    const int next = dup(fd);
    (void)close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)next + 1;
    guests.metric = METRIC_ACCEPT_REFUSED;
    guests.enough = metrics_get(METRIC_ACCEPT_REFUSED) + 1;
    loop_on_turn(guests.loop, on_turn, &guests);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    loop_run(guests.loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(guests.is_late);
    assert_int_equal(guests.count, 0);
    assert_int_equal(metrics_get(METRIC_ACCEPT_REFUSED), guests.enough);
    assert_int_equal(read(fd, text, sizeof text), 3);
    assert_string_equal(text, "no!");
    assert_int_equal(read(fd, text, sizeof text), 0);
    (void)close(fd);

    guests.enough = 0;
    timer_start(guests.deadline, LIMIT_MS, 0);
    const int second = visit(&guests);
    loop_run(guests.loop);
    assert_false(guests.is_late);
    assert_int_equal(guests.count, 1);
    (void)close(second);
    close_house(&guests);
}

static void several_listen_on_one_address(void **state)
{
    struct guests guests;
    struct fault fault;

    (void)state;
    open_house(&guests, "127.0.0.1:0", 0);
    const struct listener_config config = {.address = *listener_address(guests.listener)};
    struct listener *second = listener_new(guests.loop, &config, on_accept, &guests, &fault);
    assert_non_null(second);
    assert_int_equal(address_port(listener_address(second)), address_port(&config.address));
    listener_free(second);
    listener_free(NULL);
    close_house(&guests);
}

static void a_taken_port_is_a_fault_with_its_address(void **state)
{
    struct address address;
    struct fault fault = {0};
    struct loop *loop = loop_new();
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(address_parse("127.0.0.1:0", &address, NULL), OK);
    assert_int_equal(bind(fd, &address.at.any, address.size), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, &address.at.any, &address.size), 0);
    const struct listener_config config = {.address = address};
    assert_null(listener_new(loop, &config, on_accept, NULL, &fault));
    assert_int_equal(fault.status, ERR_SYSTEM);
    assert_non_null(strstr(fault.text, "cannot listen on 127.0.0.1:"));
    assert_non_null(strstr(fault.text, "address already in use"));
    (void)close(fd);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_taken_in_budgets),
        cmocka_unit_test(ipv4_comes_in_by_ipv6_too),
        cmocka_unit_test(a_listener_may_be_freed_by_its_guest),
        cmocka_unit_test(without_descriptors_it_rests),
        cmocka_unit_test(the_last_descriptors_are_kept_for_others),
        cmocka_unit_test(several_listen_on_one_address),
        cmocka_unit_test(a_taken_port_is_a_fault_with_its_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
