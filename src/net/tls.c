/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <errno.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/metrics.h"
#include "net/tls_server.h"

/*
 * One connection: an SSL under another name.  `struct tls` is never defined, its pointers are
 * OpenSSL's own.
 *
 * Where the kernel encrypts (kTLS) OpenSSL has given it the keys at the end of the handshake, and
 * what is written from then on becomes records by itself:
 *
 *     SSL_do_handshake() --> send("{...}")                  messages: the kernel's own way
 *                       \--> SSL_shutdown()                alerts: OpenSSL, by sendmsg(2)
 *
 * Messages must not go through SSL_write there.  After a short write OpenSSL 3.0 sends the rest
 * from where it was at first (ssl3_write_pending), not from the buffer that the next call names,
 * whatever SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER promises; ours may be gone by then.
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

bool tls_is_shaking(const struct tls *tls)
{
    return SSL_in_init((const SSL *)(const void *)tls);
}

bool tls_has_answered(const struct tls *tls)
{
    return SSL_get_pending_cipher((const SSL *)(const void *)tls) != NULL;
}

static bool kernel_encrypts(const SSL *ssl)
{
    return BIO_get_ktls_send(SSL_get_wbio(ssl)) != 0;
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
        metrics_add(METRIC_TLS_KERNEL, kernel_encrypts(ssl) ? 1 : 0);
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

static enum status kernel_write(SSL *ssl, const void *bytes, size_t size, size_t *out_size,
                                enum tls_want *out_want)
{
    ssize_t put;

    /* The keys are the kernel's for good: a client that asks for new ones has to come back. */
    if (SSL_get_key_update_type(ssl) != SSL_KEY_UPDATE_NONE)
        return ERR_CLOSED;
    do {
        put = send(SSL_get_fd(ssl), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (put < 0 && errno == EINTR);
    if (put >= 0) {
        *out_size = (size_t)put;
        return OK;
    }
    if (errno != EAGAIN)
        return ERR_CLOSED;
    *out_want = TLS_WANT_WRITE;
    return ERR_AGAIN;
}

enum status tls_write(struct tls *tls, const void *bytes, size_t size, size_t *out_size,
                      enum tls_want *out_want)
{
    SSL *ssl = ssl_of(tls);
    const enum status status = shake_hands(ssl, out_want);

    if (status != OK)
        return status;
    if (kernel_encrypts(ssl))
        return kernel_write(ssl, bytes, size, out_size, out_want);
    const int result = SSL_write_ex(ssl, bytes, size, out_size);
    return result == 1 ? OK : failure(ssl, result, out_want);
}

void tls_say_goodbye(struct tls *tls)
{
    if (!SSL_in_init(ssl_of(tls))) /* not before the handshake is done */
        (void)SSL_shutdown(ssl_of(tls));
    ERR_clear_error();
}
