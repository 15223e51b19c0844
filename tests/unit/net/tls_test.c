/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include "base/metrics.h"
#include "tls_echo.h"

static void pass_bytes(struct tls_server *server)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const unsigned char protocols[] = "\x02h2\x08http/1.1";

    for (size_t i = 0; i < 4; i++) {
        struct echo *echo = calloc(1, sizeof *echo);
        const unsigned char *chosen;
        unsigned size;

        assert_non_null(echo);
        open_echo(echo, server);
        echo->reads_once = i >= 2;
        (void)SSL_CTX_set_min_proto_version(echo->client_ctx, versions[i % 2]);
        (void)SSL_CTX_set_max_proto_version(echo->client_ctx, versions[i % 2]);
        (void)SSL_CTX_set_alpn_protos(echo->client_ctx, protocols, sizeof protocols - 1);
        connect_client(echo);
        loop_run(echo->loop);
        assert_false(echo->is_refused || echo->is_corrupt || echo->is_late);
        assert_int_equal(echo->received, TOTAL);
        SSL_get0_alpn_selected(echo->client, &chosen, &size);
        assert_true(slice_is(slice_of(chosen, size), "http/1.1"));

        (void)SSL_shutdown(echo->client); /* we answer its goodbye */
        timer_stop(echo->step);
        loop_run(echo->loop);
        assert_true(echo->is_closed);
        close_echo(echo);
        free(echo);
    }
}

static void bytes_pass_in_both_versions(void **state)
{
    struct tls_server *server = good_server();

    (void)state;
    pass_bytes(server);
    assert_int_equal(metrics_get(METRIC_TLS_KERNEL), 0);
    tls_server_free(server);
}

static struct tls_server *kernel_server(void)
{
    const struct tls_config config = {
        .cert_path = good_cert, .key_path = good_key, .wants_kernel = true};
    struct tls_server *server = tls_server_new(&config, NULL);

    assert_non_null(server);
    return server;
}

/* The kernel that runs this may have no TLS: then the wish does no harm. */
static void bytes_pass_where_the_kernel_encrypts(void **state)
{
    struct tls_server *server = kernel_server();
    const bool has_kernel = tls_server_has_kernel(server);

    (void)state;
    pass_bytes(server);
    assert_int_equal(metrics_get(METRIC_TLS_KERNEL), has_kernel ? 4 : 0);
    tls_server_free(server);
}

/* The kernel keeps its keys: who asks for new ones is closed, and nothing more is sent. */
static void new_keys_are_openssls_to_give(void **state)
{
    struct tls_server *const servers[] = {good_server(), kernel_server()};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct echo *echo = calloc(1, sizeof *echo);

        assert_non_null(echo);
        open_echo(echo, servers[i]);
        echo->wants_keys = true;
        connect_client(echo);
        loop_run(echo->loop);
        assert_false(echo->is_corrupt || echo->wants_keys);
        assert_int_equal(echo->received < TOTAL, tls_server_has_kernel(servers[i]));
        close_echo(echo);
        free(echo);
        tls_server_free(servers[i]);
    }
}

static void old_versions_and_other_protocols_are_refused(void **state)
{
    static const unsigned char h2[] = "\x02h2";
    struct tls_server *server = good_server();

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct echo *echo = calloc(1, sizeof *echo);

        assert_non_null(echo);
        open_echo(echo, server);
        (void)SSL_CTX_set_cipher_list(echo->client_ctx, "ALL:@SECLEVEL=0");
        if (i == 0)
            (void)SSL_CTX_set_max_proto_version(echo->client_ctx, TLS1_1_VERSION);
        if (i == 1)
            (void)SSL_CTX_set_alpn_protos(echo->client_ctx, h2, sizeof h2 - 1);
        if (i == 2) { /* a suite without AEAD */
            (void)SSL_CTX_set_max_proto_version(echo->client_ctx, TLS1_2_VERSION);
            (void)SSL_CTX_set_cipher_list(echo->client_ctx, "ECDHE-ECDSA-AES128-SHA256");
        }
        connect_client(echo);
        loop_run(echo->loop);
        assert_true(echo->is_refused || echo->is_closed);
        assert_int_equal(echo->received, 0);
        close_echo(echo);
        free(echo);
    }
    tls_server_free(server);
}

static void a_close_says_goodbye_first(void **state)
{
    struct tls_server *server = good_server();
    struct echo *echo = calloc(1, sizeof *echo);
    char byte;
    size_t size;

    (void)state;
    assert_non_null(echo);
    open_echo(echo, server);
    connect_client(echo);
    loop_run(echo->loop);
    timer_stop(echo->step);
    socket_close(&echo->socket, on_closed);
    assert_int_equal(SSL_read_ex(echo->client, &byte, 1, &size), 0);
    assert_int_equal(SSL_get_error(echo->client, 0), SSL_ERROR_ZERO_RETURN);
    assert_int_equal(shutdown(echo->client_fd, SHUT_WR), 0);
    loop_run(echo->loop);
    assert_true(echo->is_closed);
    close_echo(echo);
    free(echo);
    tls_server_free(server);
}

static void who_speaks_no_tls_is_closed(void **state)
{
    struct tls_server *server = good_server();
    struct echo *echo = calloc(1, sizeof *echo);

    (void)state;
    assert_non_null(echo);
    open_echo(echo, server);
    timer_stop(echo->step);
    assert_int_equal(write(echo->client_fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    loop_run(echo->loop);
    assert_true(echo->is_closed);
    close_echo(echo);
    free(echo);
    tls_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_in_both_versions),
        cmocka_unit_test(bytes_pass_where_the_kernel_encrypts),
        cmocka_unit_test(new_keys_are_openssls_to_give),
        cmocka_unit_test(old_versions_and_other_protocols_are_refused),
        cmocka_unit_test(a_close_says_goodbye_first),
        cmocka_unit_test(who_speaks_no_tls_is_closed),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
