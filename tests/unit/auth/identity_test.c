/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "auth/cookie.h"
#include "auth/identity.h"

#define COOKIE_SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ADMIN_SECRET "an admin secret of 32 characters"
#define EVIL "https://evil.example"

static void who_asks_is_told_by_header_or_cookie(void **state)
{
    static const struct {
        const char *admin, *value, *origin;
        enum identity identity;
    } cases[] = {
        {NULL, NULL, NULL, IDENTITY_NOBODY},
        {ADMIN_SECRET, NULL, NULL, IDENTITY_ADMIN},
        {ADMIN_SECRET, "{\"user_id\":\"u1\"}", EVIL, IDENTITY_ADMIN},
        {"", NULL, NULL, IDENTITY_NOBODY},
        {"an admin secret of 32 character", NULL, NULL, IDENTITY_NOBODY},
        {ADMIN_SECRET " ", NULL, NULL, IDENTITY_NOBODY},
        {NULL, "{\"user_id\":\"u1\"}", NULL, IDENTITY_USER},
        {"wrong", "{\"user_id\":\"u1\"}", "http://here.example", IDENTITY_USER},
        {NULL, "{\"user_id\":\"u1\"}", EVIL, IDENTITY_BAD_ORIGIN},
        {NULL, "{\"user_id\":\"u1\"}", "null", IDENTITY_BAD_ORIGIN},
        {NULL, "renamed", NULL, IDENTITY_BAD_COOKIE},
    };
    const struct identity_config config = {
        .cookie_secret = SLICE(COOKIE_SECRET),
        .admin_secret = SLICE(ADMIN_SECRET),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf field = BUF_INIT;
        CLEANUP(buf_release) struct buf user = BUF_INIT;
        buf_add_text(&field, "SP-CKS=");
        if (cases[i].value)
            cookie_sign(config.cookie_secret, slice_text(cases[i].value), &field);
        const struct slice cookie = buf_slice(&field);
        const struct identity_request request = {
            .admin = slice_text(cases[i].admin),
            .cookies = &cookie,
            .cookie_count = 1,
            .origin = slice_text(cases[i].origin),
            .host = SLICE("here.example"),
        };
        const enum identity identity = identity_of(&config, &request, &user);
        if (identity != cases[i].identity)
            fail_msg("case %zu: %d", i, (int)identity);
        assert_slice_is(buf_slice(&user), identity == IDENTITY_USER ? "u1" : "");
    }
}

static void without_secrets_nobody_is_anybody(void **state)
{
    const struct identity_config config = {0};
    const struct slice cookie = SLICE("SP-CKS=x");
    const struct identity_request request = {
        .admin = SLICE(""), .cookies = &cookie, .cookie_count = 1};
    CLEANUP(buf_release) struct buf user = BUF_INIT;

    (void)state;
    assert_int_equal(identity_of(&config, &request, &user), IDENTITY_NOBODY);
    assert_false(identity_is_admin(SLICE("short"), SLICE("short")));
}

static void each_answer_has_its_status(void **state)
{
    (void)state;
    assert_int_equal(identity_http_status(IDENTITY_ADMIN), 0);
    assert_int_equal(identity_http_status(IDENTITY_USER), 0);
    assert_int_equal(identity_http_status(IDENTITY_NOBODY), 401);
    assert_int_equal(identity_http_status(IDENTITY_BAD_COOKIE), 400);
    assert_int_equal(identity_http_status(IDENTITY_BAD_ORIGIN), 403);
    assert_null(identity_text(IDENTITY_USER));
    assert_non_null(identity_text(IDENTITY_NOBODY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_is_told_by_header_or_cookie),
        cmocka_unit_test(without_secrets_nobody_is_anybody),
        cmocka_unit_test(each_answer_has_its_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
