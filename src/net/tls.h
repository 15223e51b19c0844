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
 * A tls_server is one certificate with its key.  Any number of threads may use it; connections
 * that began with it keep it alive, so it may be freed and replaced while they last (reload).
 */
struct tls_server;
struct tls;

/*
 * PEM files; the certificate's may hold the chain behind it.  NULL and ERR_CONFIG in the fault
 * when one cannot be read or they do not belong together: it names the file and the reason.  An
 * expired certificate is taken, and warned of in the log.
 */
struct tls_server *tls_server_new(const char *cert_path, const char *key_path, struct fault *fault);
void tls_server_free(struct tls_server *server);

/* What follows is for net/socket.c: one connection on a descriptor that stays the caller's. */
enum tls_want { TLS_WANT_NOTHING, TLS_WANT_READ, TLS_WANT_WRITE };

struct tls *tls_new(struct tls_server *server, int fd); /* NULL: OpenSSL has no memory */
void tls_free(struct tls *tls);
/* OK, ERR_CLOSED, or ERR_AGAIN with what to wait for in out_want. */
MUST_CHECK enum status tls_read(struct tls *tls, void *into, size_t size, size_t *out_size,
                                enum tls_want *out_want);
MUST_CHECK enum status tls_write(struct tls *tls, const void *bytes, size_t size, size_t *out_size,
                                 enum tls_want *out_want);
void tls_say_goodbye(struct tls *tls); /* tries to send close_notify, once */
