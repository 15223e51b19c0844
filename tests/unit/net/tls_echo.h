/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket.h"
#include "net/tls.h"
#include "unit.h"

/* For the tests of TLS: certificates, and a server and a client that talk to each other. */

/* Certificates made for this run, in a directory of its own. */
static char directory[] = "/tmp/pgcdc_tls_XXXXXX";
static char good_cert[64], good_key[64], other_key[64], expired_cert[64], locked_key[64], text[64];

static inline void write_key(const char *path, EVP_PKEY *key, const char *pass_phrase)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, pass_phrase ? EVP_aes_128_cbc() : NULL,
                                          (const unsigned char *)pass_phrase,
                                          pass_phrase ? (int)strlen(pass_phrase) : 0, NULL, NULL),
                     1);
    assert_int_equal(fclose(file), 0);
}

static inline void write_cert(const char *path, EVP_PKEY *key, long from, long until)
{
    X509 *cert = X509_new();
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), from);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), until);
    (void)X509_set_pubkey(cert, key);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                     (const unsigned char *)"localhost", -1, -1, 0);
    (void)X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(cert);
}

static inline int make_files(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(good_cert, sizeof good_cert, "%s/cert.pem", directory);
    (void)snprintf(good_key, sizeof good_key, "%s/key.pem", directory);
    (void)snprintf(other_key, sizeof other_key, "%s/other.pem", directory);
    (void)snprintf(locked_key, sizeof locked_key, "%s/locked.pem", directory);
    (void)snprintf(expired_cert, sizeof expired_cert, "%s/expired.pem", directory);
    (void)snprintf(text, sizeof text, "%s/text", directory);
    write_key(good_key, key, NULL);
    write_key(other_key, other, NULL);
    write_key(locked_key, key, "secret");
    write_cert(good_cert, key, -3600, 3600);
    write_cert(expired_cert, key, -3600, -60);
    file = fopen(text, "w");
    assert_non_null(file);
    (void)fputs("no PEM\n", file);
    assert_int_equal(fclose(file), 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return 0;
}

static inline int remove_files(void **state)
{
    const char *const files[] = {good_cert, good_key, other_key, expired_cert, locked_key, text};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        (void)unlink(files[i]);
    return rmdir(directory);
}

static inline struct tls_server *server_of(const char *cert, const char *key, const char *tickets,
                                           struct fault *fault)
{
    const struct tls_config config = {.cert_path = cert, .key_path = key, .ticket_path = tickets};

    return tls_server_new(&config, fault);
}

static inline struct tls_server *good_server(void)
{
    struct tls_server *server = server_of(good_cert, good_key, NULL, NULL);

    assert_non_null(server);
    return server;
}

/*
 * A server that sends back what it gets, and OpenSSL's client: both non-blocking, in one thread,
 * over a pair of sockets with small buffers, so that every call meets ERR_AGAIN sometimes.
 */
enum { TOTAL = 300000 };

struct echo {
    struct loop *loop;
    struct socket socket;
    struct timer *step, *deadline;
    SSL_CTX *client_ctx;
    SSL *client;
    int client_fd;
    unsigned char *held; /* room for SOCKET_READ_MIN: read, and not sent back yet */
    size_t held_size;
    size_t sent, received;
    bool is_refused, is_closed, is_late, is_corrupt;
    bool reads_once; /* in a callback, with room for a whole record */
    bool wants_keys; /* asks for new ones when half of the bytes are sent */
};

static inline unsigned char byte_at(size_t at)
{
    return (unsigned char)(at * 7 + at / 251);
}

static inline void on_closed(void *arg)
{
    struct echo *echo = arg;

    echo->is_closed = true;
    loop_stop(echo->loop);
}

static inline void on_late(void *arg)
{
    struct echo *echo = arg;

    echo->is_late = true;
    loop_stop(echo->loop);
}

/* What waits is offered again from another place, as an outbox does. */
static inline void move_held(struct echo *echo)
{
    unsigned char *elsewhere = malloc(SOCKET_READ_MIN);

    assert_non_null(elsewhere);
    memcpy(elsewhere, echo->held, echo->held_size);
    memset(echo->held, '?', SOCKET_READ_MIN);
    free(echo->held);
    echo->held = elsewhere;
}

static inline enum status send_back(struct echo *echo)
{
    while (echo->held_size > 0) {
        size_t size;
        const enum status status = socket_write(&echo->socket, echo->held, echo->held_size, &size);

        socket_want_write(&echo->socket, status == ERR_AGAIN);
        if (status == ERR_AGAIN)
            move_held(echo);
        if (status != OK)
            return status;
        echo->held_size -= size;
        memmove(echo->held, echo->held + size, echo->held_size);
    }
    return OK;
}

static inline void on_event(void *arg, bool readable, bool writable)
{
    struct echo *echo = arg;
    enum status status = OK;

    (void)readable;
    (void)writable;
    while (status == OK && (status = send_back(echo)) == OK) {
        status = socket_read(&echo->socket, echo->held, SOCKET_READ_MIN, &echo->held_size);
        if (echo->reads_once && status == OK) {
            status = send_back(echo);
            break;
        }
    }
    if (status == ERR_CLOSED)
        socket_close(&echo->socket, on_closed);
}

static inline bool wants(const SSL *ssl, int result)
{
    const int error = SSL_get_error(ssl, result);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static inline void client_write(struct echo *echo)
{
    unsigned char bytes[5000];
    const size_t left = (echo->wants_keys ? TOTAL / 2 : TOTAL) - echo->sent;
    size_t size = left < sizeof bytes ? left : sizeof bytes;

    if (size == 0)
        return;
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_at(echo->sent + i);
    const int result = SSL_write_ex(echo->client, bytes, size, &size);
    if (result == 1)
        echo->sent += size;
    else if (!wants(echo->client, result))
        echo->is_refused = true;
}

static inline void client_read(struct echo *echo)
{
    unsigned char bytes[3000];
    size_t size;
    const int result = SSL_read_ex(echo->client, bytes, sizeof bytes, &size);

    if (result != 1) {
        echo->is_refused = echo->is_refused || !wants(echo->client, result);
        return;
    }
    for (size_t i = 0; i < size; i++)
        echo->is_corrupt = echo->is_corrupt || bytes[i] != byte_at(echo->received + i);
    echo->received += size;
}

static inline void on_step(void *arg)
{
    struct echo *echo = arg;

    for (int i = 0; i < 10 && !echo->is_refused; i++) {
        client_write(echo);
        client_read(echo);
    }
    if (echo->wants_keys && echo->received == TOTAL / 2)
        echo->wants_keys = SSL_key_update(echo->client, SSL_KEY_UPDATE_REQUESTED) != 1;
    if (echo->is_refused || echo->received == TOTAL)
        loop_stop(echo->loop);
}

/* The kernel knows TLS over TCP only. */
static inline void connect_tcp(int fds[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    const int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[1], (struct sockaddr *)&at, size), 0);
    assert_int_equal(ioctl(fds[1], FIONBIO, &on), 0);
    fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fds[0] >= 0);
    (void)close(listener);
}

static inline void open_echo(struct echo *echo, struct tls_server *server)
{
    const int size = 4096;
    int fds[2];

    *echo = (struct echo){.loop = loop_new(), .held = malloc(SOCKET_READ_MIN)};
    assert_non_null(echo->held);
    if (tls_server_has_kernel(server))
        connect_tcp(fds);
    else
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
    for (int i = 0; i < 2; i++)
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    assert_int_equal(socket_open(&echo->socket, echo->loop, fds[0], server, on_event, echo), OK);
    echo->client_fd = fds[1];
    echo->client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(echo->client_ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    echo->step = timer_new(echo->loop, on_step, echo);
    echo->deadline = timer_new(echo->loop, on_late, echo);
    timer_start(echo->step, 1, 1);
    timer_start(echo->deadline, LIMIT_MS, 0);
}

static inline void connect_client(struct echo *echo)
{
    echo->client = SSL_new(echo->client_ctx);
    assert_int_equal(SSL_set_fd(echo->client, echo->client_fd), 1);
    SSL_set_connect_state(echo->client);
}

static inline void close_echo(struct echo *echo)
{
    timer_stop(echo->step);
    if (!echo->is_closed) {
        socket_abort(&echo->socket, on_closed);
        loop_run(echo->loop);
    }
    assert_false(echo->is_late);
    free(echo->held);
    SSL_free(echo->client);
    SSL_CTX_free(echo->client_ctx);
    (void)close(echo->client_fd);
    timer_free(echo->step);
    timer_free(echo->deadline);
    loop_free(echo->loop);
}
