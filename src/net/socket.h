/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/status.h"
#include "net/loop.h"

struct tls;
struct tls_server;

/*
 * One connected TCP socket, plain or TLS, inside its owner's struct: no buffers, no allocation of
 * its own but OpenSSL's.
 *
 *     OK          some bytes were read or written, perhaps fewer than asked for
 *     ERR_AGAIN   nothing now: wait for the callback (and, to write, socket_want_write)
 *     ERR_CLOSED  the peer is gone, cleanly or not, or broke TLS: call socket_close
 *
 * The TLS handshake happens inside read and write, which answer ERR_AGAIN until it is done; what
 * OpenSSL needs in the other direction it waits for by itself.  Two rules of TLS hold for every
 * socket.  Read with room for SOCKET_READ_MIN bytes, or until ERR_AGAIN: the rest of a TLS record
 * (16 KiB at most) stays inside OpenSSL, where it wakes nobody.  After ERR_AGAIN from a write offer
 * the same bytes first; more may follow them.
 *
 * The kernel keeps at most SOCKET_UNSENT_MAX unsent bytes (TCP_NOTSENT_LOWAT), and gives up on a
 * peer that acknowledges nothing for 35 s (TCP_USER_TIMEOUT).
 * 216 bytes, 160 of which are libuv's.  Thread: the loop's.
 */
#define SOCKET_UNSENT_MAX (128 * 1024)
#define SOCKET_USER_TIMEOUT_MS 35000
#define SOCKET_READ_MIN (16 * 1024)
#define SOCKET_LINGER_MS 2000
#define SOCKET_LINGER_MAX (256 * 1024)

typedef void(socket_fn)(void *arg, bool readable, bool writable);
typedef void(socket_closed_fn)(void *arg);

/* What a write looks at stands at the end, where the owner's own part of it may follow. */
struct socket {
    uv_poll_t poll;
    struct timer *linger;     /* owned; while closing politely */
    socket_fn *fn;            /* may close the socket */
    socket_closed_fn *closed; /* set while closing */
    void *arg;
    struct tls *tls;    /* owned; NULL for a plain socket */
    int fd;             /* owned */
    uint32_t drained;   /* bytes thrown away while closing */
    uint8_t watched;    /* the libuv events waited for */
    bool is_open;       /* from socket_open until socket_close */
    bool is_broken;     /* the peer is gone: nothing more to read or write */
    bool want_write;    /* the owner waits to write */
    bool read_to_write; /* TLS: a read waits until it may write */
    bool write_to_read; /* TLS: a write waits until it may read */
    bool is_resting;    /* not watched until the owner says so */
};

/*
 * Takes fd (non-blocking) and waits until it can be read.  With a tls_server the socket speaks
 * TLS.  ERR_SYSTEM: fd has been closed, the struct is unused and no callback will come.
 */
MUST_CHECK enum status socket_open(struct socket *socket, struct loop *loop, int fd,
                                   struct tls_server *tls, socket_fn *fn, void *arg);
MUST_CHECK enum status socket_read(struct socket *socket, void *into, size_t size,
                                   size_t *out_size);
MUST_CHECK enum status socket_write(struct socket *socket, const void *bytes, size_t size,
                                    size_t *out_size);
void socket_want_write(struct socket *socket, bool want_write);

/* For an owner who cannot attend to all TLS handshakes at once (serve/handshakes.h). */
bool socket_is_shaking(const struct socket *socket);      /* its handshake is not done */
bool socket_is_answered(const struct socket *socket);     /* it has had our half of it */
bool socket_is_left(const struct socket *socket);         /* the peer has closed; asks the kernel */
void socket_rest(struct socket *socket, bool is_resting); /* nothing is reported meanwhile */

/*
 * Says goodbye (TLS close_notify, FIN) and waits until the peer has closed, too, for at most
 * SOCKET_LINGER_MS or SOCKET_LINGER_MAX bytes of whatever it still sends: closing earlier would
 * make the kernel answer those with a reset, and the peer lose the last thing we told it.
 * `fn` is not called any more; `closed` is called once, later, when the struct may be freed.
 */
void socket_close(struct socket *socket, socket_closed_fn *closed);
/* At once, without goodbye: for peers that are dead, and to cut socket_close short (then `closed`
 * is the one of the first call). */
void socket_abort(struct socket *socket, socket_closed_fn *closed);
