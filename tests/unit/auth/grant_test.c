/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "auth/grant.h"

#define MAX_VALUES 4

/* A condition as a test writes it: column and up to four values. */
struct given {
    const char *column;
    const char *values[MAX_VALUES];
};

static struct grant *grant_of(const char *user, const struct given *given, size_t count,
                              struct grant_cache *cache, uint64_t now_ms)
{
    struct slice values[4][MAX_VALUES];
    struct grant_condition conditions[4];

    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        for (; n < MAX_VALUES && given[i].values[n]; n++)
            values[i][n] = slice_text(given[i].values[n]);
        conditions[i] = (struct grant_condition){slice_text(given[i].column), values[i], n};
    }
    return grant_new(slice_text(user), true, conditions, count, cache, now_ms);
}

/* The auth database of the tests: u1 owns hosts h1 and h2 and keys k1 and k2. */
static bool owns(const char *user, const struct grant_question *question)
{
    const char *const mine[] = {question->kind == GRANT_HOST ? "h1" : "k1",
                                question->kind == GRANT_HOST ? "h2" : "k2"};

    return strcmp(user, "u1") == 0 &&
           (slice_is(question->value, mine[0]) || slice_is(question->value, mine[1]));
}

static enum grant_verdict decide(struct grant *grant, size_t *out_asked)
{
    const struct grant_question *question;

    *out_asked = 0;
    while (grant_verdict(grant) == GRANT_ASK) {
        question = grant_next(grant);
        assert_non_null(question);
        grant_answer(grant, question, owns(grant_user(grant), question), 0);
        ++*out_asked;
    }
    assert_null(grant_next(grant));
    return grant_verdict(grant);
}

static void users_get_what_is_theirs(void **state)
{
    static const struct {
        const char *user;
        struct given given[3];
        enum grant_verdict verdict;
        size_t asked;
    } cases[] = {
        {"u1", {{"host_uuid", {"h1"}}}, GRANT_ALLOWED, 1},
        {"u1", {{"uuid", {"h2"}}}, GRANT_ALLOWED, 1},
        {"u1", {{"key", {"k1"}}}, GRANT_ALLOWED, 1},
        {"u1", {{"customer_id", {"u1"}}}, GRANT_ALLOWED, 0},
        {"u1", {{"customer_id", {"u1", "u1"}}}, GRANT_ALLOWED, 0},
        {"u1", {{"host_uuid", {"h1", "h2"}}}, GRANT_ALLOWED, 2},
        {"u1", {{"host_uuid", {"h3"}}}, GRANT_DENIED, 1},
        {"u2", {{"host_uuid", {"h1"}}}, GRANT_DENIED, 1},
        {"u1", {{"host_uuid", {"k1"}}}, GRANT_DENIED, 1}, /* a key is no host */
        {"u1", {{"host_uuid", {"H1"}}}, GRANT_DENIED, 1},
        {"u1", {{"host_uuid", {"h1 "}}}, GRANT_DENIED, 1},
        {"u1", {{"host_uuid", {""}}}, GRANT_DENIED, 1},
        {"u1", {{"host_uuid", {"h1", "h3"}}}, GRANT_DENIED, 2},
        {"u1", {{"host_uuid", {"h3", "h1"}}}, GRANT_DENIED, 1}, /* no need to ask further */
        {"u1", {{"customer_id", {"u2"}}}, GRANT_DENIED, 0},
        {"u1", {{"customer_id", {"u1", "u2"}}}, GRANT_DENIED, 0},
        {"u1", {{"status", {"paid"}}}, GRANT_DENIED, 0},
        {"u1", {{"Host_uuid", {"h1"}}}, GRANT_DENIED, 0},
        {"u1", {{"host_uuid", {NULL}}}, GRANT_DENIED, 0},
        {"u1", {{"customer_id", {NULL}}}, GRANT_DENIED, 0},
        {"u1", {{"status", {"paid"}}, {"host_uuid", {"h1"}}}, GRANT_ALLOWED, 1},
        {"u1", {{"host_uuid", {"h3"}}, {"key", {"k1"}}}, GRANT_ALLOWED, 2},
        {"u1", {{"host_uuid", {"h3", "h1"}}, {"host_uuid", {"h1", "h2"}}}, GRANT_ALLOWED, 3},
        {"u1", {{"host_uuid", {"h3"}}, {"key", {"k3"}}}, GRANT_DENIED, 2},
        {"u1", {{"host_uuid", {"h3"}}, {"customer_id", {"u1"}}}, GRANT_ALLOWED, 0},
        {"", {{"customer_id", {""}}}, GRANT_DENIED, 0},
        {"", {{"host_uuid", {"h1"}}}, GRANT_DENIED, 0},
        {"u1", {{NULL}}, GRANT_DENIED, 0}, /* a filter, but nothing AND-ed in it */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count = 0, asked;
        while (count < 3 && cases[i].given[count].column)
            count++;
        struct grant *const grant = grant_of(cases[i].user, cases[i].given, count, NULL, 0);
        const enum grant_verdict verdict = decide(grant, &asked);
        if (verdict != cases[i].verdict || asked != cases[i].asked)
            fail_msg("case %zu: verdict %d after %zu questions", i, (int)verdict, asked);
        grant_free(grant);
    }
}

static void a_query_without_a_filter_is_invalid(void **state)
{
    struct grant *const grant = grant_new(SLICE("u1"), false, NULL, 0, NULL, 0);

    (void)state;
    assert_int_equal(grant_verdict(grant), GRANT_INVALID);
    assert_int_equal(grant_http_status(GRANT_INVALID), 400);
    assert_string_equal(grant_text(GRANT_INVALID), "invalid request");
    assert_int_equal(grant_http_status(GRANT_DENIED), 401);
    assert_string_equal(grant_text(GRANT_DENIED), "protected resource, you are not authorized");
    assert_int_equal(grant_http_status(GRANT_ALLOWED), 0);
    grant_free(grant);
    grant_free(NULL);
}

static void a_value_with_a_nul_is_nobodys(void **state)
{
    const struct slice value = slice_of("h1\0x", 4);
    const struct grant_condition condition = {SLICE("host_uuid"), &value, 1};
    struct grant *const grant = grant_new(SLICE("u1"), true, &condition, 1, NULL, 0);

    (void)state;
    assert_int_equal(grant_verdict(grant), GRANT_DENIED);
    grant_free(grant);
}

/* Asks for one host at a time of day; returns how many questions went out. */
static size_t ask_host(struct grant_cache *cache, const char *user, const char *host,
                       uint64_t now_ms)
{
    const struct given given = {"host_uuid", {host}};
    struct grant *const grant = grant_of(user, &given, 1, cache, now_ms);
    size_t asked = 0;

    while (grant_verdict(grant) == GRANT_ASK) {
        const struct grant_question *const question = grant_next(grant);
        grant_answer(grant, question, owns(user, question), now_ms);
        asked++;
    }
    grant_free(grant);
    return asked;
}

static void positive_answers_are_kept_for_an_hour(void **state)
{
    struct grant_cache cache;

    (void)state;
    grant_cache_init(&cache, 10);
    assert_int_equal(ask_host(&cache, "u1", "h1", 1000), 1);
    assert_int_equal(ask_host(&cache, "u1", "h1", 1001), 0);
    assert_int_equal(ask_host(&cache, "u1", "h1", 1000 + GRANT_CACHE_MS - 1), 0);
    assert_int_equal(ask_host(&cache, "u1", "h1", 1000 + GRANT_CACHE_MS), 1);
    assert_int_equal(ask_host(&cache, "u2", "h1", 2000), 1); /* another user's answer */
    assert_int_equal(ask_host(&cache, "u1", "h3", 2000), 1); /* a no is never kept */
    assert_int_equal(ask_host(&cache, "u1", "h3", 2000), 1);
    assert_int_equal(cache.entries.count, 1);
    grant_cache_release(&cache);
    grant_cache_release(&cache);
}

static void the_cache_keeps_what_is_used(void **state)
{
    struct grant_cache cache;
    char host[300];

    (void)state;
    grant_cache_init(&cache, 3);
    for (int i = 0; i < 100; i++) {
        const struct given given = {"host_uuid", {host}};
        snprintf(host, sizeof host, "host %d", i);
        struct grant *const grant = grant_of("u1", &given, 1, &cache, 0);
        grant_answer(grant, grant_next(grant), true, 0);
        grant_free(grant);
        assert_true(cache.entries.count <= 3);
        assert_int_equal(ask_host(&cache, "u1", "host 0", 0), 0); /* touched, so it stays */
    }
    memset(host, 'x', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    const struct given given = {"host_uuid", {host}};
    struct grant *const grant = grant_of("u1", &given, 1, &cache, 0);
    grant_answer(grant, grant_next(grant), true, 0);
    assert_int_equal(grant_verdict(grant), GRANT_ALLOWED);
    grant_free(grant);
    assert_int_equal(ask_host(&cache, "u1", host, 0), 1); /* too long to be kept */
    grant_cache_release(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_get_what_is_theirs),
        cmocka_unit_test(a_query_without_a_filter_is_invalid),
        cmocka_unit_test(a_value_with_a_nul_is_nobodys),
        cmocka_unit_test(positive_answers_are_kept_for_an_hour),
        cmocka_unit_test(the_cache_keeps_what_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
