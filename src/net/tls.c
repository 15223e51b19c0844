/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/metrics.h"
#include "net/tls_server.h"

/*
 * One connection: an SSL under another name.  `struct tls` is never defined, its pointers are
 * OpenSSL's own.
 */
static SSL *ssl_of(struct tls *tls)
{
    return (SSL *)(void *)tls;
}

struct tls *tls_new(struct tls_server *server, int fd)
{
    SSL_CTX *ctx = tls_server_context(server);
    SSL *ssl = SSL_new(ctx);

    SSL_CTX_free(ctx); /* the SSL has a reference of its own */
    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return (struct tls *)(void *)ssl;
}

void tls_free(struct tls *tls)
{
    SSL_free(ssl_of(tls));
}

/* What a call that did not succeed means; `result` is what it returned. */
static enum status failure(SSL *ssl, int result, enum tls_want *out_want)
{
    const int error = SSL_get_error(ssl, result);

    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ) {
        *out_want = TLS_WANT_READ;
        return ERR_AGAIN;
    }
    if (error == SSL_ERROR_WANT_WRITE) {
        *out_want = TLS_WANT_WRITE;
        return ERR_AGAIN;
    }
    return ERR_CLOSED;
}

/* Nothing can be read or written before the handshake is done. */
static enum status shake_hands(SSL *ssl, enum tls_want *out_want)
{
    *out_want = TLS_WANT_NOTHING;
    ERR_clear_error();
    if (!SSL_in_init(ssl))
        return OK;
    const int result = SSL_do_handshake(ssl);
    if (result == 1) {
        metrics_add(METRIC_TLS_HANDSHAKES, 1);
        metrics_add(METRIC_TLS_RESUMED, SSL_session_reused(ssl) ? 1 : 0);
        return OK;
    }
    const enum status status = failure(ssl, result, out_want);
    if (status == ERR_CLOSED)
        metrics_add(METRIC_TLS_FAILED, 1);
    return status;
}

enum status tls_read(struct tls *tls, void *into, size_t size, size_t *out_size,
                     enum tls_want *out_want)
{
    SSL *ssl = ssl_of(tls);
    const enum status status = shake_hands(ssl, out_want);

    if (status != OK)
        return status;
    const int result = SSL_read_ex(ssl, into, size, out_size);
    return result == 1 ? OK : failure(ssl, result, out_want);
}

enum status tls_write(struct tls *tls, const void *bytes, size_t size, size_t *out_size,
                      enum tls_want *out_want)
{
    SSL *ssl = ssl_of(tls);
    const enum status status = shake_hands(ssl, out_want);

    if (status != OK)
        return status;
    const int result = SSL_write_ex(ssl, bytes, size, out_size);
    return result == 1 ? OK : failure(ssl, result, out_want);
}

void tls_say_goodbye(struct tls *tls)
{
    if (!SSL_in_init(ssl_of(tls))) /* not before the handshake is done */
        (void)SSL_shutdown(ssl_of(tls));
    ERR_clear_error();
}
