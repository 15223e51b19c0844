/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"

/*
 * For net/tls.c and net/tls_server.c alone: OpenSSL's types under their own names.
 */
struct ssl_ctx_st; /* SSL_CTX */
struct tls_server;

/* The one that connections begin with now; the caller gives it back by SSL_CTX_free. */
struct ssl_ctx_st *tls_server_context(struct tls_server *server);

/* OpenSSL's first reason for the last failure, which is the root of it; forgets the others. */
const char *tls_reason(void);
