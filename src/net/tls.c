/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/log.h"

/*
 * An SSL_CTX and an SSL under other names: `struct tls_server` and `struct tls` are never defined,
 * their pointers are OpenSSL's own, so that nothing but this file knows OpenSSL.
 *
 * Session tickets stay as OpenSSL has them (stateless, its keys renewed with the process), so
 * there is no cache of sessions that threads would have to lock.
 */
static const char ciphers_tls_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20";

static SSL_CTX *ctx_of(struct tls_server *server)
{
    return (SSL_CTX *)(void *)server;
}

static SSL *ssl_of(struct tls *tls)
{
    return (SSL *)(void *)tls;
}

/* OpenSSL's first reason for the last failure, which is the root of it. */
static const char *reason(void)
{
    const unsigned long code = ERR_get_error();
    const char *text = NULL;

    if (ERR_SYSTEM_ERROR(code))
        text = strerrordesc_np(ERR_GET_REASON(code));
    else if (code != 0)
        text = ERR_reason_error_string(code);
    ERR_clear_error();
    return text ? text : "unknown reason";
}

/* We offer HTTP/1.1 and nothing else; who insists on another protocol gets no connection. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *in, unsigned in_size, void *arg)
{
    static const unsigned char http_1_1[] = "\x08http/1.1";
    unsigned char *chosen = NULL;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_size, http_1_1, sizeof http_1_1 - 1, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_rules(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_max_early_data(ctx, 0);
    (void)SSL_CTX_set_dh_auto(ctx, 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, ciphers_tls_1_2) == 1;
}

static enum status take_files(SSL_CTX *ctx, const char *cert_path, const char *key_path,
                              struct fault *fault)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1)
        return fault_set(fault, ERR_CONFIG, "the certificate %s cannot be used: %s", cert_path,
                         reason());
    if (SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM) != 1)
        return fault_set(fault, ERR_CONFIG, "the key %s cannot be used with the certificate %s: %s",
                         key_path, cert_path, reason());
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fault_set(fault, ERR_CONFIG, "the key %s does not belong to the certificate %s: %s",
                         key_path, cert_path, reason());
    return OK;
}

static void warn_of_dates(SSL_CTX *ctx, const char *cert_path)
{
    const X509 *cert = SSL_CTX_get0_certificate(ctx);

    if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
        log_warning("the certificate %s has expired", cert_path);
    else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
        log_warning("the certificate %s is not valid yet", cert_path);
}

/* A key with a pass phrase must fail, not ask on the terminal. */
static int no_pass_phrase(char *into, int size, int for_writing, void *arg)
{
    (void)into;
    (void)size;
    (void)for_writing;
    (void)arg;
    return -1;
}

struct tls_server *tls_server_new(const char *cert_path, const char *key_path, struct fault *fault)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx || !set_rules(ctx)) {
        (void)fault_set(fault, ERR_CONFIG, "OpenSSL cannot speak TLS: %s", reason());
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(ctx, no_pass_phrase);
    if (take_files(ctx, cert_path, key_path, fault) != OK) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    warn_of_dates(ctx, cert_path);
    return (struct tls_server *)(void *)ctx;
}

void tls_server_free(struct tls_server *server)
{
    SSL_CTX_free(ctx_of(server));
}

struct tls *tls_new(struct tls_server *server, int fd)
{
    SSL *ssl = SSL_new(ctx_of(server));

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

enum status tls_read(struct tls *tls, void *into, size_t size, size_t *out_size,
                     enum tls_want *out_want)
{
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_of(tls), into, size, out_size);

    *out_want = TLS_WANT_NOTHING;
    return result == 1 ? OK : failure(ssl_of(tls), result, out_want);
}

enum status tls_write(struct tls *tls, const void *bytes, size_t size, size_t *out_size,
                      enum tls_want *out_want)
{
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_of(tls), bytes, size, out_size);

    *out_want = TLS_WANT_NOTHING;
    return result == 1 ? OK : failure(ssl_of(tls), result, out_want);
}

void tls_say_goodbye(struct tls *tls)
{
    if (!SSL_in_init(ssl_of(tls))) /* not before the handshake is done */
        (void)SSL_shutdown(ssl_of(tls));
    ERR_clear_error();
}
