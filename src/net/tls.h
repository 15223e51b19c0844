/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/*
 * TLS as a server, by OpenSSL: versions 1.2 and 1.3, AEAD suites only, no renegotiation, no
 * compression, no early data; the buffers of an idle connection are given back.  Client
 * certificates are not asked for.
 *
 * A tls_server is one certificate with its key, and the keys of the session tickets by which a
 * client that returns is spared the signature (net/tls_tickets.h).  All workers share it, so a
 * ticket of one is good at every other; it must outlive its connections.
 *
 * tls_server_reload reads all files again.  Connections go on with what they began with, those to
 * come get the new; when something is wrong with the new, nothing changes.
 */
struct tls_server;
struct tls;

struct tls_config {
    const char *cert_path, *key_path; /* PEM; the certificate's may hold the chain behind it */
    const char *ticket_path;          /* secrets that seal tickets; NULL or "": made, and renewed */
    bool wants_kernel;                /* let the kernel encrypt, where it can (kTLS) */
};

/*
 * Paths are borrowed as long as the server.  NULL and ERR_CONFIG in the fault when a file cannot be
 * read or two do not belong together: it names the file and the reason.  An expired certificate is
 * taken, and warned of in the log.
 */
struct tls_server *tls_server_new(const struct tls_config *config, struct fault *fault);
void tls_server_free(struct tls_server *server);
MUST_CHECK enum status tls_server_reload(struct tls_server *server, struct fault *fault);
/* Will the kernel encrypt for connections to come, if their cipher is one that it knows? */
bool tls_server_has_kernel(const struct tls_server *server);

/* What follows is for net/socket.c: one connection on a descriptor that stays the caller's. */
enum tls_want { TLS_WANT_NOTHING, TLS_WANT_READ, TLS_WANT_WRITE };

struct tls *tls_new(struct tls_server *server, int fd); /* NULL: OpenSSL has no memory */
void tls_free(struct tls *tls);
bool tls_is_shaking(const struct tls *tls);   /* the handshake is not done */
bool tls_has_answered(const struct tls *tls); /* the client's hello, which is the dear part */
/* OK, ERR_CLOSED, or ERR_AGAIN with what to wait for in out_want. */
MUST_CHECK enum status tls_read(struct tls *tls, void *into, size_t size, size_t *out_size,
                                enum tls_want *out_want);
MUST_CHECK enum status tls_write(struct tls *tls, const void *bytes, size_t size, size_t *out_size,
                                 enum tls_want *out_want);
void tls_say_goodbye(struct tls *tls); /* tries to send close_notify, once */
