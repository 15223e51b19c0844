/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_server.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include "base/metrics.h"
#include "tls_echo.h"

static void faults_name_the_file_and_the_reason(void **state)
{
    const struct {
        const char *cert, *key, *names, *reason, *tickets;
    } cases[] = {
        {"/nowhere/cert.pem", good_key, "/nowhere/cert.pem", "No such file"},
        {good_cert, "/nowhere/key.pem", "/nowhere/key.pem", "No such file"},
        {text, good_key, text, "no start line"},
        {good_cert, text, text, ""},
        {good_cert, other_key, other_key, "key values mismatch"},
        {good_cert, locked_key, locked_key, ""},
        {good_key, good_key, good_key, "no start line"},
        {good_cert, good_key, "/nowhere/ticket.key", "No such file", "/nowhere/ticket.key"},
        {good_cert, good_key, text, "at least 32 characters", text},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault fault = {0};

        assert_null(server_of(cases[i].cert, cases[i].key, cases[i].tickets, &fault));
        assert_int_equal(fault.status, ERR_CONFIG);
        if (!strstr(fault.text, cases[i].names) || !strstr(fault.text, cases[i].reason) ||
            strstr(fault.text, "unknown reason"))
            fail_msg("case %zu: %s", i, fault.text);
    }
}

static void an_expired_certificate_is_taken(void **state)
{
    struct tls_server *server = server_of(expired_cert, good_key, NULL, NULL);

    (void)state;
    assert_non_null(server);
    tls_server_free(server);
    tls_server_free(NULL);
}

/* ---- coming back ---- */

static unsigned tickets_got; /* OpenSSL's client tells of those of TLS 1.3 and of first ones */
static SSL_SESSION *latest;

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    (void)session;
    tickets_got++;
    return 0;
}

/* Talks once, with the latest ticket if there is one; was it taken? */
static bool visit(struct tls_server *server, int version)
{
    struct echo *echo = calloc(1, sizeof *echo);

    assert_non_null(echo);
    open_echo(echo, server);
    (void)SSL_CTX_set_min_proto_version(echo->client_ctx, version);
    (void)SSL_CTX_set_max_proto_version(echo->client_ctx, version);
    (void)SSL_CTX_set_session_cache_mode(echo->client_ctx,
                                         SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(echo->client_ctx, on_ticket);
    connect_client(echo);
    if (latest)
        assert_int_equal(SSL_set_session(echo->client, latest), 1);
    loop_run(echo->loop);
    assert_int_equal(echo->received, TOTAL);
    const bool is_reused = SSL_session_reused(echo->client);
    SSL_SESSION_free(latest);
    latest = SSL_get1_session(echo->client);
    (void)SSL_shutdown(echo->client); /* else the session counts as broken */
    close_echo(echo);
    free(echo);
    return is_reused;
}

static void forget_ticket(void)
{
    SSL_SESSION_free(latest);
    latest = NULL;
    tickets_got = 0;
}

static bool has_ticket(const unsigned char *ticket, size_t size)
{
    const unsigned char *other;
    size_t other_size;

    SSL_SESSION_get0_ticket(latest, &other, &other_size);
    return size == other_size && memcmp(ticket, other, size) == 0;
}

static void a_ticket_spares_the_signature(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct tls_server *server = good_server(), *other = good_server();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const uint64_t resumed = metrics_get(METRIC_TLS_RESUMED);
        const unsigned char *at;
        unsigned char first[512];
        size_t size;

        assert_false(visit(server, versions[i]));
        assert_int_equal(tickets_got, 1);
        SSL_SESSION_get0_ticket(latest, &at, &size);
        assert_in_range(size, 100, sizeof first);
        memcpy(first, at, size);
        assert_true(visit(server, versions[i]));
        assert_false(has_ticket(first, size)); /* a new one for each return */
        assert_int_equal(SSL_SESSION_get_max_early_data(latest), 0);
        assert_int_equal(tls_server_reload(server, NULL), OK);
        assert_true(visit(server, versions[i]));
        assert_int_equal(metrics_get(METRIC_TLS_RESUMED), resumed + 2);
        assert_false(visit(other, versions[i]));
        forget_ticket();
    }
    tls_server_free(server);
    tls_server_free(other);
}

static void write_text(const char *line, const char *next)
{
    FILE *file = fopen(text, "w");

    assert_non_null(file);
    (void)fprintf(file, "%s\n%s\n", line, next);
    assert_int_equal(fclose(file), 0);
}

static void servers_with_the_same_secrets_take_each_others_tickets(void **state)
{
    static const char one[] = "one secret of thirty-two characters", two[] = "another, just as long"
                                                                             " as the first is";
    write_text(one, "");
    struct tls_server *server = server_of(good_cert, good_key, text, NULL);
    struct tls_server *other = server_of(good_cert, good_key, text, NULL);
    struct fault fault;

    (void)state;
    assert_false(visit(server, TLS1_3_VERSION));
    assert_true(visit(other, TLS1_3_VERSION));

    write_text(two, one); /* the old one opens, the new one seals */
    assert_int_equal(tls_server_reload(other, NULL), OK);
    assert_true(visit(other, TLS1_3_VERSION));
    assert_false(visit(server, TLS1_3_VERSION));

    write_text(two, "");
    assert_true(visit(server, TLS1_3_VERSION));
    assert_int_equal(tls_server_reload(other, NULL), OK);
    assert_false(visit(other, TLS1_3_VERSION));

    write_text("short", "");
    assert_int_equal(tls_server_reload(other, &fault), ERR_CONFIG);
    assert_true(visit(other, TLS1_3_VERSION));
    forget_ticket();
    tls_server_free(server);
    tls_server_free(other);
}

/* ---- memory ---- */

enum { BUFFER_MIN = 16000 }; /* OpenSSL's buffers hold a record; nothing else of its is as large */

static int buffer_count;

static bool is_buffer(void *at)
{
    return at && malloc_usable_size(at) >= BUFFER_MIN;
}

static void *count_malloc(size_t size, const char *file, int line)
{
    void *at = malloc(size);

    (void)file;
    (void)line;
    buffer_count += is_buffer(at);
    return at;
}

static void count_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    buffer_count -= is_buffer(at);
    free(at);
}

static void *count_realloc(void *at, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    buffer_count -= is_buffer(at);
    at = realloc(at, size);
    buffer_count += is_buffer(at);
    return at;
}

static void an_idle_connection_keeps_no_buffer(void **state)
{
    struct tls_server *server = good_server();

    (void)state;
    for (int i = 0; i < 2; i++) {
        const int before = buffer_count;
        struct echo *echo = calloc(1, sizeof *echo);

        assert_non_null(echo);
        open_echo(echo, server);
        if (i == 1)
            (void)SSL_CTX_set_max_proto_version(echo->client_ctx, TLS1_2_VERSION);
        connect_client(echo);
        loop_run(echo->loop);
        assert_int_equal(echo->received, TOTAL);
        assert_true(buffer_count > before); /* the client's */
        SSL_free(echo->client);
        echo->client = NULL;
        assert_int_equal(buffer_count, before);
        close_echo(echo);
        free(echo);
    }
    tls_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_name_the_file_and_the_reason),
        cmocka_unit_test(an_expired_certificate_is_taken),
        cmocka_unit_test(a_ticket_spares_the_signature),
        cmocka_unit_test(an_idle_connection_keeps_no_buffer),
        cmocka_unit_test(servers_with_the_same_secrets_take_each_others_tickets),
    };

    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
        return 1; /* OpenSSL has memory already */
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
