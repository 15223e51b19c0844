/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "stamps.h"

/*
 * Many WebSocket clients in one thread.
 *
 *     wsclients [-c CLIENTS] [-q QUERY] [-k QUERIES] [-w WINDOW] [-n FRAMES] [-d] [-t] [-z] PORT
 *     wsclients -c 100 -k 60 -q '*:feed:id.eq.-%d' 8080
 *
 * -q is each client's query, -k how many of it each has; each %d in it counts all of them.  -d
 * asks for compression, and does not inflate what comes.  -t speaks TLS.  -w is how many
 * connections are being opened at a time (200).  -z reads nothing once live, as a stalled client
 * does.  -n: a client counts as live when it has had so many text frames, as one that resumes. When
 * all are live it prints {"opened":N,"seconds":S} and obeys lines of its input:
 *
 *     expect FRAMES SECONDS   prints {"expecting":FRAMES}, counts until FRAMES text frames came to
 *                             all clients together, or for SECONDS, and prints what it found
 *
 * and ends with its input.  Frames are parsed, not just read: the bytes a real client would touch.
 */
enum phase { CONNECTING, UPGRADING, LIVE, GONE };
enum { INPUT_SIZE = 1 << 19, EVENTS = 1024, PER_ADDRESS = 12000, HEAD_MAX = 10 };

struct client {
    int fd;
    uint8_t phase, head_size;
    uint8_t head[HEAD_MAX];
    uint64_t left;    /* of the payload of the frame whose head is complete */
    uint32_t missing; /* frames until it counts as live */
    SSL *tls;
};

static const char *query = "*:feed";
static int count = 1, queries = 1, port;
static uint32_t missing;
static int window = 200; /* connections that are being opened at a time */
static bool is_tls, is_stalled, is_deflated;
static SSL_CTX *tls;
static struct client *clients;
static int epoll_fd, opened, gone;
static char input[INPUT_SIZE];

static struct stamps stamps;
static uint64_t frames, bytes, reads;
static struct timespec first_frame, last_frame;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double seconds_between(struct timespec from, struct timespec to)
{
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static struct timespec now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

/* ---- one connection ---- */

static void drop(struct client *client)
{
    if (client->phase == LIVE && client->missing == 0)
        opened--;
    client->phase = GONE;
    gone++;
    SSL_free(client->tls);
    client->tls = NULL;
    close(client->fd);
}

/* -1: not now; -2: broken */
static ssize_t tls_result(const struct client *client, int result)
{
    if (result > 0)
        return result;
    const int error = SSL_get_error(client->tls, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? -1 : -2;
}

static ssize_t plain_result(ssize_t result, bool is_end_zero)
{
    if (result > 0 || (result == 0 && !is_end_zero))
        return result;
    return result < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN) ? -1 : -2;
}

static ssize_t put(struct client *client, const char *text, size_t size)
{
    if (client->tls)
        return tls_result(client, SSL_write(client->tls, text, (int)size));
    return plain_result(send(client->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT), false);
}

static ssize_t get(struct client *client)
{
    if (client->tls)
        return tls_result(client, SSL_read(client->tls, input, INPUT_SIZE));
    return plain_result(recv(client->fd, input, INPUT_SIZE, MSG_DONTWAIT), true);
}

static void watch(struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};

    if (epoll_ctl(epoll_fd, operation, client->fd, &event) != 0)
        fail("epoll_ctl");
}

/* Each 12,000 clients have an address of their own, since one has but 28,000 ports. */
static void begin(struct client *client)
{
    const uint32_t own = INADDR_LOOPBACK + (uint32_t)((client - clients) / PER_ADDRESS);
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(own)};
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1, little = 4096;

    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        fail("socket");
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (is_stalled)
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    if (bind(client->fd, (const struct sockaddr *)&from, sizeof from) != 0)
        fail("bind");
    if (connect(client->fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        fail("connect");
    if (is_tls) {
        client->tls = SSL_new(tls);
        SSL_set_fd(client->tls, client->fd);
        SSL_set_connect_state(client->tls);
    }
    client->phase = CONNECTING;
    watch(client, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

/* The query with a number for each %d; its end. */
static char *add_query(char *at, int number)
{
    const char *rest = query;

    for (const char *mark; (mark = strstr(rest, "%d")); rest = mark + 2)
        at += sprintf(at, "%.*s%d", (int)(mark - rest), rest, number);
    return at + sprintf(at, "%s", rest);
}

/* "?query=...&query=..." of the client's queries; its end. */
static char *add_queries(char *at, const struct client *client)
{
    for (int i = 0; i < queries; i++) {
        at += sprintf(at, "%cquery=", i == 0 ? '?' : '&');
        at = add_query(at, (int)(client - clients) * queries + i + 1);
    }
    return at;
}

static void ask(struct client *client)
{
    static char request[16384];
    char *at = add_queries(request + sprintf(request, "GET /ws"), client);
    ssize_t sent;

    at += sprintf(at,
                  " HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Version: 13\r\n%s\r\n",
                  port, is_deflated ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    sent = put(client, request, (size_t)(at - request));
    if (sent == -1)
        return;
    if (sent != at - request) {
        drop(client);
        return;
    }
    client->phase = UPGRADING;
    watch(client, EPOLL_CTL_MOD, EPOLLIN);
}

/* ---- frames ---- */

static void take_frame(struct client *client, const char *payload, size_t size, uint64_t now_us)
{
    static const char pong[] = {(char)0x8a, (char)0x80, 0, 0, 0, 0};

    switch (client->head[0] & 15) {
    case 1:
        frames++;
        if (client->missing > 0 && --client->missing == 0)
            opened++;
        (void)stamps_note(&stamps, payload, size, now_us);
        break;
    case 8:
        fprintf(stderr, "wsclients: closed by the server: %.*s\n", (int)(size > 2 ? size - 2 : 0),
                payload + 2);
        break;
    case 9:
        (void)put(client, pong, sizeof pong);
        break;
    default:
        break;
    }
}

static bool is_head_whole(const struct client *client)
{
    if (client->head_size < 2)
        return false;
    const unsigned code = client->head[1];
    return client->head_size == (code == 127 ? 10 : code == 126 ? 4 : 2);
}

/* Takes bytes into the frame's head; how many. */
static size_t take_head(struct client *client, const char *at, size_t size)
{
    size_t taken = 0;

    while (taken < size && !is_head_whole(client))
        client->head[client->head_size++] = (uint8_t)at[taken++];
    return taken;
}

static uint64_t payload_size(const struct client *client)
{
    uint64_t size = 0;

    if (client->head_size == 2)
        return client->head[1];
    for (int i = 2; i < client->head_size; i++)
        size = size << 8 | client->head[i];
    return size;
}

/* A frame counts when its last byte is here; its stamp, when one read brought it. */
static void take_frames(struct client *client, const char *at, size_t size)
{
    const uint64_t now_us = stamps_now_us();

    while (size > 0) {
        if (!is_head_whole(client)) {
            const size_t taken = take_head(client, at, size);
            at += taken;
            size -= taken;
            if (!is_head_whole(client))
                return;
            client->left = payload_size(client);
            if (size == 0 && client->left > 0)
                return;
        }
        const size_t part = size < client->left ? size : (size_t)client->left;
        client->left -= part;
        if (client->left == 0) {
            take_frame(client, at, part, now_us);
            client->head_size = 0;
        }
        at += part;
        size -= part;
    }
}

static void hear(struct client *client)
{
    const ssize_t got = get(client);
    const char *at = input, *end;

    if (got == -1)
        return;
    if (got < 0) {
        drop(client);
        return;
    }
    if (client->phase == UPGRADING) {
        if (strncmp(input, "HTTP/1.1 101", 12) != 0 ||
            !(end = memmem(input, (size_t)got, "\r\n\r\n", 4))) {
            fprintf(stderr, "wsclients: %.*s\n", (int)got, input);
            drop(client);
            return;
        }
        at = end + 4;
        client->phase = LIVE;
        client->missing = missing;
        opened += missing == 0 ? 1 : 0;
        if (is_stalled)
            (void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
    }
    reads++;
    bytes += (uint64_t)(input + got - at);
    take_frames(client, at, (size_t)(input + got - at));
}

/* ---- all of them ---- */

static void turn(int wait_ms)
{
    static struct epoll_event events[EVENTS];
    const int found = epoll_wait(epoll_fd, events, EVENTS, wait_ms);

    for (int i = 0; i < found; i++) {
        struct client *client = events[i].data.ptr;
        if (client->phase == CONNECTING)
            ask(client);
        else if (client->phase != GONE)
            hear(client);
    }
}

static void connect_all(void)
{
    const struct timespec from = now();

    for (int started = 0; opened + gone < count;) {
        while (started < count && started < opened + gone + window)
            begin(&clients[started++]);
        turn(100);
    }
    printf("{\"opened\":%d,\"seconds\":%.6f}\n", opened, seconds_between(from, now()));
    (void)fflush(stdout);
}

static void expect(uint64_t wanted, double seconds)
{
    const struct timespec from = now();

    memset(&stamps, 0, sizeof stamps);
    frames = bytes = reads = 0;
    first_frame = last_frame = from;
    printf("{\"expecting\":%" PRIu64 "}\n", wanted);
    (void)fflush(stdout);
    while (frames < wanted && seconds_between(from, now()) < seconds) {
        const uint64_t before = frames;
        turn(20);
        if (frames == before)
            continue;
        last_frame = now();
        if (before == 0)
            first_frame = last_frame;
    }
    stamps_report(&stamps, frames, bytes, reads, seconds_between(first_frame, last_frame));
}

/* Between commands, pings are answered, and whatever still comes is read. */
static void obey(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    const int outer = epoll_create1(0);
    char line[128];
    uint64_t wanted;
    double seconds;

    (void)epoll_ctl(outer, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    event.data.ptr = &event;
    (void)epoll_ctl(outer, EPOLL_CTL_ADD, epoll_fd, &event);
    for (;;) {
        if (epoll_wait(outer, &event, 1, -1) != 1)
            continue;
        if (event.data.ptr) {
            turn(0);
            continue;
        }
        const ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
        if (got <= 0)
            return;
        line[got] = '\0';
        if (sscanf(line, "expect %" SCNu64 " %lf", &wanted, &seconds) == 2)
            expect(wanted, seconds);
    }
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    int option;

    while ((option = getopt(argc, argv, "c:q:k:w:n:dtz")) != -1) {
        switch (option) {
        case 'c':
            count = atoi(optarg);
            break;
        case 'q':
            query = optarg;
            break;
        case 'k':
            queries = atoi(optarg);
            window = queries > 10 ? 10 : window; /* each query asks the catalogue */
            break;
        case 'w':
            window = atoi(optarg);
            break;
        case 'n':
            missing = (uint32_t)atoi(optarg);
            break;
        case 'd':
            is_deflated = true;
            break;
        case 't':
            is_tls = true;
            break;
        case 'z':
            is_stalled = true;
            break;
        default:
            optind = argc;
        }
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: wsclients [-c CLIENTS] [-q QUERY] [-k QUERIES] [-w WINDOW] [-n "
                        "FRAMES] [-t] [-z]"
                        " PORT\n");
        return 2;
    }
    port = atoi(argv[optind]);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (is_tls && !(tls = SSL_CTX_new(TLS_client_method())))
        fail("TLS");
    if (is_tls)
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    clients = calloc((size_t)count, sizeof *clients);
    epoll_fd = epoll_create1(0);
    connect_all();
    obey();
    return 0;
}
