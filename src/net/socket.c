/* SPDX-License-Identifier: Apache-2.0 */
#include "net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop_uv.h"
#include "net/tls.h"

/*
 * The life of a socket:
 *
 *     socket_open --> open --> socket_close --> lingering --> closing --> closed()
 *                      |                            |            ^
 *                      +------- socket_abort -------+------------+
 *
 * Open, it is watched for reading always and for writing when somebody waits: the owner, or a
 * TLS read that must send first (read_to_write); not when its write must first read, since a socket
 * that is always writable would then spin.  Lingering, it is watched for reading only, to
 * throw away what comes until the peer's FIN.  Closing, the descriptor is gone and libuv still
 * holds the handle.
 */
static void on_poll(uv_poll_t *poll, int status, int events);

_Static_assert(sizeof(struct socket) <= 216, "a socket is paid for once per client");

static void watch(struct socket *socket)
{
    const bool wants = socket->want_write && !socket->write_to_read;
    const bool write = socket->is_open && (wants || socket->read_to_write);
    const int all = UV_READABLE | (write ? UV_WRITABLE : 0);
    const int events = socket->is_resting && socket->is_open ? 0 : all;

    if (events == socket->watched)
        return;
    socket->watched = (uint8_t)events;
    if (events == 0)
        (void)uv_poll_stop(&socket->poll);
    else
        (void)uv_poll_start(&socket->poll, events, on_poll); /* fails for a closing handle only */
}

static void set_options(int fd)
{
    const int on = 1, unsent = SOCKET_UNSENT_MAX, timeout = SOCKET_USER_TIMEOUT_MS;

    /* Wishes, not needs: a Unix socket has none of them. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

enum status socket_open(struct socket *socket, struct loop *loop, int fd, struct tls_server *tls,
                        socket_fn *fn, void *arg)
{
    memset(socket, 0, sizeof *socket);
    socket->fd = fd;
    socket->fn = fn;
    socket->arg = arg;
    if (tls && !(socket->tls = tls_new(tls, fd))) {
        (void)close(fd);
        return ERR_SYSTEM;
    }
    if (uv_poll_init(loop_uv(loop), &socket->poll, fd) != 0) {
        tls_free(socket->tls);
        socket->tls = NULL;
        (void)close(fd);
        return ERR_SYSTEM;
    }
    socket->poll.data = socket;
    socket->is_open = true;
    set_options(fd);
    watch(socket);
    return OK;
}

/* What recv and send said, as a status. */
static enum status plain_result(struct socket *socket, ssize_t got, size_t *out_size)
{
    if (got >= 0) {
        *out_size = (size_t)got;
        return OK;
    }
    if (errno == EAGAIN)
        return ERR_AGAIN;
    socket->is_broken = true;
    return ERR_CLOSED;
}

static enum status plain_read(struct socket *socket, void *into, size_t size, size_t *out_size)
{
    ssize_t got;

    do {
        got = recv(socket->fd, into, size, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got == 0 && size > 0) { /* the peer has said FIN; we may still write to it */
        return ERR_CLOSED;
    }
    return plain_result(socket, got, out_size);
}

static enum status plain_write(struct socket *socket, const void *bytes, size_t size,
                               size_t *out_size)
{
    ssize_t put;

    do {
        put = send(socket->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (put < 0 && errno == EINTR);
    return plain_result(socket, put, out_size);
}

enum status socket_read(struct socket *socket, void *into, size_t size, size_t *out_size)
{
    enum tls_want want = TLS_WANT_NOTHING;

    *out_size = 0;
    if (!socket->is_open || socket->is_broken)
        return ERR_CLOSED;
    if (!socket->tls)
        return plain_read(socket, into, size, out_size);

    const enum status status = tls_read(socket->tls, into, size, out_size, &want);
    socket->is_broken = status == ERR_CLOSED;
    socket->read_to_write = want == TLS_WANT_WRITE;
    watch(socket);
    return status;
}

enum status socket_write(struct socket *socket, const void *bytes, size_t size, size_t *out_size)
{
    enum tls_want want = TLS_WANT_NOTHING;

    *out_size = 0;
    if (!socket->is_open || socket->is_broken)
        return ERR_CLOSED;
    if (!socket->tls)
        return plain_write(socket, bytes, size, out_size);

    const enum status status = tls_write(socket->tls, bytes, size, out_size, &want);
    socket->is_broken = status == ERR_CLOSED;
    socket->write_to_read = want == TLS_WANT_READ;
    watch(socket);
    return status;
}

void socket_want_write(struct socket *socket, bool want_write)
{
    socket->want_write = want_write;
    if (socket->is_open)
        watch(socket);
}

bool socket_is_shaking(const struct socket *socket)
{
    return socket->is_open && socket->tls && tls_is_shaking(socket->tls);
}

bool socket_is_answered(const struct socket *socket)
{
    return socket->is_open && socket->tls && tls_has_answered(socket->tls);
}

bool socket_is_left(const struct socket *socket)
{
    struct pollfd poll_fd = {.fd = socket->fd, .events = POLLRDHUP};

    return poll(&poll_fd, 1, 0) == 1;
}

void socket_rest(struct socket *socket, bool is_resting)
{
    socket->is_resting = is_resting;
    if (socket->is_open)
        watch(socket);
}

static void on_closed(uv_handle_t *handle)
{
    const struct socket *socket = handle->data;

    socket->closed(socket->arg);
}

static void finish(struct socket *socket)
{
    if (uv_is_closing((uv_handle_t *)&socket->poll))
        return;
    timer_free(socket->linger);
    socket->linger = NULL;
    tls_free(socket->tls);
    socket->tls = NULL;
    uv_close((uv_handle_t *)&socket->poll, on_closed);
    (void)close(socket->fd);
    socket->fd = -1;
}

/* Throws away what the peer still sends, until its FIN.  Where the kernel decrypts (kTLS) an alert
 * comes with a control message, and is an error to whoever has no room for that. */
static void drain(struct socket *socket)
{
    char rubbish[4096], control[64];
    struct iovec into = {rubbish, sizeof rubbish};
    ssize_t got;

    do {
        struct msghdr message = {.msg_iov = &into,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        got = recvmsg(socket->fd, &message, MSG_DONTWAIT);
        if (got > 0)
            socket->drained += (uint32_t)got;
    } while ((got > 0 && socket->drained < SOCKET_LINGER_MAX) || (got < 0 && errno == EINTR));
    if (got >= 0 || errno != EAGAIN)
        finish(socket);
}

static void on_linger_over(void *arg)
{
    finish(arg);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct socket *socket = poll->data;
    bool readable = (events & UV_READABLE) != 0, writable = (events & UV_WRITABLE) != 0;

    if (status < 0) { /* broken; libuv has stopped watching.  recv or send will say why. */
        socket->watched = 0;
        readable = writable = true;
    }
    if (!socket->is_open) {
        drain(socket);
        return;
    }
    if (writable && socket->read_to_write)
        readable = true;
    if (readable && socket->write_to_read)
        writable = true;
    socket->fn(socket->arg, readable, writable && (socket->want_write || socket->write_to_read));
}

void socket_close(struct socket *socket, socket_closed_fn *closed)
{
    if (!socket->is_open)
        return;
    if (socket->is_broken) {
        socket_abort(socket, closed);
        return;
    }
    socket->is_open = false;
    socket->closed = closed;
    if (socket->tls)
        tls_say_goodbye(socket->tls);
    (void)shutdown(socket->fd, SHUT_WR);
    socket->linger = timer_new(loop_of_uv(socket->poll.loop), on_linger_over, socket);
    timer_start(socket->linger, SOCKET_LINGER_MS, 0);
    watch(socket);
    drain(socket);
}

void socket_abort(struct socket *socket, socket_closed_fn *closed)
{
    if (socket->is_open)
        socket->closed = closed;
    socket->is_open = false;
    finish(socket);
}
