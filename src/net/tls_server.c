/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/tls.h"
#include "net/tls_tickets.h"

/*
 * What all connections of a server have in common: an SSL_CTX, and the keys of session tickets.
 *
 * A reload makes a new SSL_CTX; OpenSSL counts who uses the old one.  The keys of tickets are ours
 * and not the SSL_CTX's, so that a new certificate costs nobody his ticket.
 */
struct tls_server {
    struct tls_config config;
    struct tickets *tickets; /* owned */
    pthread_mutex_t lock;    /* of ctx, which workers take and a reload replaces */
    SSL_CTX *ctx;            /* a reference of ours */
};

static const char ciphers_tls_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20";
static const unsigned char session_context[] = "pgcdc"; /* a ticket of another service is none */

const char *tls_reason(void)
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

/* ---- session tickets ---- */

static bool set_hmac(EVP_MAC_CTX *hmac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac, sizeof key->hmac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(hmac, params) == 1;
}

/*
 * SSL_CTX_set_tlsext_ticket_key_evp_cb(3): is to prepare the two contexts for a ticket.  1: done;
 * 2: done, and the client should get a new ticket; 0: no such key; -1: fails.
 */
static int take_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                           EVP_MAC_CTX *hmac, int is_sealing)
{
    const struct tls_server *server = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    bool is_well;

    if (is_sealing) {
        tickets_sealing(server->tickets, &key);
        memcpy(name, key.name, sizeof key.name);
        is_well = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                  EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.aes, iv) == 1;
    } else {
        if (tickets_opening(server->tickets, name, &key) != OK)
            return 0;
        is_well = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.aes, iv) == 1;
    }
    is_well = is_well && set_hmac(hmac, &key);
    crypto_wipe(&key, sizeof key);
    if (!is_well)
        return -1;
    return is_sealing ? 1 : 2; /* each return starts 24 h of its own */
}

/* ---- an SSL_CTX ---- */

static bool set_tickets(SSL_CTX *ctx, struct tls_server *server)
{
    (void)SSL_CTX_set_app_data(ctx, server);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_max_early_data(ctx, 0);
    (void)SSL_CTX_set_timeout(ctx, TICKET_LIFE_SECONDS);
    return SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1) == 1 &&
           SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, take_ticket_key) == 1;
}

/* A socket that is not connected cannot be given to TLS yet; or never, where the kernel does not
 * have it.  Its module is not loaded by asking, unless we are root. */
static bool kernel_has_tls(void)
{
    static const char name[] = "tls";
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    const bool is_missing =
        setsockopt(fd, IPPROTO_TCP, TCP_ULP, name, sizeof name) != 0 && errno != ENOTCONN;
    (void)close(fd);
    return !is_missing;
}

static bool set_rules(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
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
                         tls_reason());
    if (SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM) != 1)
        return fault_set(fault, ERR_CONFIG, "the key %s cannot be used with the certificate %s: %s",
                         key_path, cert_path, tls_reason());
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fault_set(fault, ERR_CONFIG, "the key %s does not belong to the certificate %s: %s",
                         key_path, cert_path, tls_reason());
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

static SSL_CTX *context_new(struct tls_server *server, struct fault *fault)
{
    const struct tls_config *config = &server->config;

    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx || !set_rules(ctx) || !set_tickets(ctx, server)) {
        (void)fault_set(fault, ERR_CONFIG, "OpenSSL cannot speak TLS: %s", tls_reason());
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(ctx, no_pass_phrase);
    if (take_files(ctx, config->cert_path, config->key_path, fault) != OK) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    warn_of_dates(ctx, config->cert_path);
    if (config->wants_kernel && kernel_has_tls())
        (void)SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
    return ctx;
}

/* ---- the server ---- */

struct tls_server *tls_server_new(const struct tls_config *config, struct fault *fault)
{
    struct tls_server *server = mem_new(sizeof *server);

    server->config = *config;
    server->tickets = tickets_new(CLOCK_SYSTEM);
    (void)pthread_mutex_init(&server->lock, NULL);
    if (tls_server_reload(server, fault) == OK)
        return server;
    tls_server_free(server);
    return NULL;
}

void tls_server_free(struct tls_server *server)
{
    if (!server)
        return;
    SSL_CTX_free(server->ctx);
    tickets_free(server->tickets);
    (void)pthread_mutex_destroy(&server->lock);
    mem_free(server);
}

enum status tls_server_reload(struct tls_server *server, struct fault *fault)
{
    const char *ticket_path = server->config.ticket_path;
    SSL_CTX *ctx = context_new(server, fault);

    if (!ctx)
        return ERR_CONFIG;
    if (ticket_path && ticket_path[0] && tickets_load(server->tickets, ticket_path, fault) != OK) {
        SSL_CTX_free(ctx);
        return ERR_CONFIG;
    }
    (void)pthread_mutex_lock(&server->lock);
    SSL_CTX *old = server->ctx;
    server->ctx = ctx;
    (void)pthread_mutex_unlock(&server->lock);
    SSL_CTX_free(old);
    return OK;
}

bool tls_server_has_kernel(const struct tls_server *server)
{
#ifdef OPENSSL_NO_KTLS
    (void)server;
    return false;
#else
    return (SSL_CTX_get_options(server->ctx) & SSL_OP_ENABLE_KTLS) != 0;
#endif
}

SSL_CTX *tls_server_context(struct tls_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    SSL_CTX *ctx = server->ctx;
    (void)SSL_CTX_up_ref(ctx);
    (void)pthread_mutex_unlock(&server->lock);
    return ctx;
}
