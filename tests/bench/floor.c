/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
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
#include <unistd.h>

/*
 * What is the least that a WebSocket broadcaster can do?
 *
 *     floor PORT FEED_PORT
 *
 * One thread, epoll.  Lines come in on FEED_PORT; all that one read brought are framed once, laid
 * end to end, and sent to each client of PORT with one send().  What a socket does not take is
 * copied and sent when it drains.  It decodes, matches and checks nothing: every upgrade is
 * answered with the accept value of the one key that wsclients sends.  `make bench` divides the
 * program's CPU per delivered frame by this one's.
 */
enum { LISTEN, LISTEN_FEED, FEED, CLIENT };
enum { INPUT_SIZE = 1 << 20, EVENTS = 1024 };

struct peer {
    int kind, fd;
    bool is_live;
    size_t place; /* in `live` */
    char *rest;   /* what its socket did not take */
    size_t rest_size;
};

static int epoll_fd;
static struct peer **live;
static size_t live_count;
static char input[INPUT_SIZE], lines[2 * INPUT_SIZE], frames[4 * INPUT_SIZE];
static size_t lines_size;

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(struct peer *peer, int operation, bool for_writing)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};

    if (for_writing)
        event.events |= EPOLLOUT;
    if (epoll_ctl(epoll_fd, operation, peer->fd, &event) != 0)
        fail("epoll_ctl");
}

static void add_peer(int fd, int kind)
{
    struct peer *peer = calloc(1, sizeof *peer);

    peer->fd = fd;
    peer->kind = kind;
    watch(peer, EPOLL_CTL_ADD, false);
}

static void listen_on(int port, int kind)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
        fail("listen");
    add_peer(fd, kind);
}

static void take_peers(const struct peer *listener)
{
    const int on = 1;
    int fd;

    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        add_peer(fd, listener->kind == LISTEN ? CLIENT : FEED);
    }
}

static void drop(struct peer *peer)
{
    if (peer->is_live) {
        live[peer->place] = live[--live_count];
        live[peer->place]->place = peer->place;
    }
    close(peer->fd);
    free(peer->rest);
    free(peer);
}

static void keep(struct peer *peer, const char *bytes, size_t size)
{
    if (peer->rest_size == 0)
        watch(peer, EPOLL_CTL_MOD, true);
    peer->rest = realloc(peer->rest, peer->rest_size + size);
    memcpy(peer->rest + peer->rest_size, bytes, size);
    peer->rest_size += size;
}

static void give(struct peer *peer, const char *bytes, size_t size)
{
    ssize_t sent = 0;

    if (peer->rest_size == 0)
        sent = send(peer->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        sent = 0; /* full; or gone, which its next read will tell */
    if ((size_t)sent < size)
        keep(peer, bytes + sent, size - (size_t)sent);
}

static void give_rest(struct peer *peer)
{
    const ssize_t sent = send(peer->fd, peer->rest, peer->rest_size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent <= 0)
        return;
    peer->rest_size -= (size_t)sent;
    memmove(peer->rest, peer->rest + sent, peer->rest_size);
    if (peer->rest_size > 0)
        return;
    free(peer->rest);
    peer->rest = NULL;
    watch(peer, EPOLL_CTL_MOD, false);
}

/* The line as a text frame; its end. */
static char *add_frame(char *at, const char *line, size_t size)
{
    *at++ = (char)0x81;
    if (size < 126) {
        *at++ = (char)size;
    } else {
        *at++ = 126;
        *at++ = (char)(size >> 8);
        *at++ = (char)size;
    }
    memcpy(at, line, size);
    return at + size;
}

static void take_lines(struct peer *feed)
{
    const ssize_t got = recv(feed->fd, input, sizeof input, 0);
    char *line = lines, *end, *frame = frames;

    if (got <= 0) {
        drop(feed);
        return;
    }
    memcpy(lines + lines_size, input, (size_t)got);
    lines_size += (size_t)got;
    while ((end = memchr(line, '\n', (size_t)(lines + lines_size - line)))) {
        frame = add_frame(frame, line, (size_t)(end - line));
        line = end + 1;
    }
    lines_size -= (size_t)(line - lines);
    memmove(lines, line, lines_size);
    for (size_t i = 0; frame > frames && i < live_count; i++)
        give(live[i], frames, (size_t)(frame - frames));
}

static void hear(struct peer *client)
{
    const ssize_t got = recv(client->fd, input, sizeof input, 0);

    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        drop(client);
        return;
    }
    if (client->is_live || got < 0 || !memmem(input, (size_t)got, "\r\n\r\n", 4))
        return;
    client->is_live = true;
    client->place = live_count;
    live[live_count++] = client;
    give(client, answer, sizeof answer - 1);
}

static void handle(struct peer *peer, uint32_t events)
{
    switch (peer->kind) {
    case LISTEN:
    case LISTEN_FEED:
        take_peers(peer);
        break;
    case FEED:
        take_lines(peer);
        break;
    default:
        if ((events & EPOLLOUT) != 0 && peer->rest_size > 0)
            give_rest(peer);
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
            hear(peer);
        break;
    }
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS];
    struct rlimit limit;

    if (argc != 3) {
        fprintf(stderr, "usage: floor PORT FEED_PORT\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    live = calloc(limit.rlim_max, sizeof(struct peer *));
    epoll_fd = epoll_create1(0);
    listen_on(atoi(argv[1]), LISTEN);
    listen_on(atoi(argv[2]), LISTEN_FEED);
    for (;;) {
        const int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++)
            handle(events[i].data.ptr, events[i].events);
    }
}
