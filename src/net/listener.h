/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/socket.h>

#include "base/bytes.h"
#include "base/status.h"
#include "net/address.h"
#include "net/loop.h"

/*
 * A listening TCP socket on one loop.  Each worker opens its own on the same address
 * (SO_REUSEPORT), and the kernel deals the connections out among them.
 *
 * At most `accept_budget` connections are taken in one turn, so that a storm of them cannot starve
 * the sessions that are already here; the rest waits in the kernel's queue of `backlog`.
 * When descriptors or kernel memory run out, accepting rests for 100 ms (METRIC_ACCEPT_PAUSES)
 * instead of being told again and again of a connection that it cannot take.
 *
 * The last LISTENER_SPARE_FDS numbers, or the last quarter of few, are kept for others: without
 * them a lost connection to PostgreSQL could not be made again, nor a file be opened.
 *
 *     descriptors   0 ... 15 (ours)   16 ... 19,935 (clients)   19,936 ... 19,999 (kept)
 *
 * A client that would get one of those is refused at once, and after each turn of refusals
 * accepting rests, so that whoever insists costs little.
 */
#define LISTENER_SPARE_FDS 64
struct listener;

struct listener_config {
    struct address address; /* with port 0 the system chooses: see listener_address */
    int backlog;            /* 0: 4096; the kernel's limit is net.core.somaxconn */
    int accept_budget;      /* 0: 256 */
    struct slice refusal;   /* what a client is told that cannot be had, borrowed; may be empty */
};

/* fd is non-blocking and close-on-exec, and from now on the callee's. */
typedef void(listener_accept_fn)(void *arg, int fd, const struct sockaddr_storage *peer);

/* Is the address nobody's?  Asked once before the first listener_new: SO_REUSEPORT, by which our
 * workers share it, would let a second server of the same user take half of the first one's
 * clients without a word.  (Who wants just that does not ask.)  Port 0 is always free. */
MUST_CHECK enum status listener_check_free(const struct address *address, struct fault *fault);

/* ERR_SYSTEM as a NULL: the fault names the address and the reason. */
struct listener *listener_new(struct loop *loop, const struct listener_config *config,
                              listener_accept_fn *fn, void *arg, struct fault *fault);
void listener_free(struct listener *listener); /* allowed inside fn */
/* The bound address, with its real port; borrowed as long as the listener. */
const struct address *listener_address(const struct listener *listener);
