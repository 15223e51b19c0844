/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sql/conninfo.h"

static const char *value_of_key(const struct conninfo *info, const char *key)
{
    for (size_t i = 0; info->keys[i]; i++) {
        if (strcmp(info->keys[i], key) == 0)
            return info->values[i];
    }
    return "";
}

static size_t place_of_key(const struct conninfo *info, const char *key)
{
    size_t i = 0;

    while (info->keys[i] && strcmp(info->keys[i], key) != 0)
        i++;
    return i;
}

static void our_options_stand_behind_the_users(void **state)
{
    static const struct {
        const char *text, *environment, *begin;
    } cases[] = {
        {"", NULL, "-c search_path=public -c DateStyle=ISO"},
        {"shop", NULL, "-c search_path=public"},
        {"", "-c geqo=off", "-c geqo=off -c search_path=public"},
        {"dbname=shop options='-c work_mem=64MB'", "-c geqo=off",
         "-c work_mem=64MB -c search_path=public"},
        {"postgres://bob@db/shop?options=-c%20work_mem%3D64MB", NULL,
         "-c work_mem=64MB -c search_path=public"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct conninfo info;
        if (cases[i].environment)
            setenv("PGOPTIONS", cases[i].environment, 1);
        else
            unsetenv("PGOPTIONS");
        assert_int_equal(conninfo_init(&info, cases[i].text, NULL, i == 1, NULL), OK);
        const char *options = value_of_key(&info, "options");
        assert_true(slice_starts(slice_text(options), slice_text(cases[i].begin)));
        assert_string_equal(value_of_key(&info, "dbname"), cases[i].text);
        assert_string_equal(value_of_key(&info, "replication"), i == 1 ? "database" : "");
        assert_true(place_of_key(&info, "dbname") < place_of_key(&info, "options"));
        assert_true(place_of_key(&info, "tcp_user_timeout") < place_of_key(&info, "dbname"));
        conninfo_release(&info);
    }
}

static void a_broken_conninfo_is_refused_without_its_secrets(void **state)
{
    static const char *const cases[] = {
        "postgres://bob:hunter2@[::1/db",
        "postgres://bob:hunter2%zz@db/x",
        "postgres://bob:hunter2@db/x?nonsense=1",
        "password=hunter2 nonsense=1",
        "host=db password='hunter2",
        "host=db hunter2",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct conninfo info;
        struct fault fault = {0};
        assert_int_equal(conninfo_check(cases[i], &fault), ERR_CONFIG);
        assert_null(strstr(fault.text, "hunter2"));
        assert_non_null(strstr(fault.text, "cannot be understood ("));
        assert_int_equal(conninfo_init(&info, cases[i], NULL, false, &fault), ERR_CONFIG);
    }
}

static void secrets_are_masked(void **state)
{
    static const struct {
        const char *message, *secret, *masked;
    } cases[] = {
        {"all well\n", NULL, "all well"},
        {"a\tb", NULL, "a b"},
        {"refused\n\tpassword=hunter2\n", NULL, "refused; password=***"},
        {"one\ntwo\n\tthree\n", NULL, "one; two; three"},
        {"to \"postgres://bob:hunter2@db/x\" failed", NULL,
         "to \"postgres://bob:***@db/x\" failed"},
        {"postgresql://bob:a:b@c@db:5432/x", NULL, "postgresql://bob:***@db:5432/x"},
        {"postgres://bob@db:5432/x", NULL, "postgres://bob@db:5432/x"},
        {"postgres://db:5432/x", NULL, "postgres://db:5432/x"},
        {"host=db password=hunter2 user=bob", NULL, "host=db password=*** user=bob"},
        {"password='it\\'s it' user=bob", NULL, "password=*** user=bob"},
        {"postgres://db/x?password=hunter2&user=bob", NULL,
         "postgres://db/x?password=***&user=bob"},
        {"the word hunter2 is out", "hunter2", "the word *** is out"},
        {"a short one is left: abc", "abc", "a short one is left: abc"},
        {"password authentication failed for user \"bob\"", "hunter2",
         "password authentication failed for user \"bob\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        conninfo_mask(&out, slice_text(cases[i].message), cases[i].secret);
        assert_slice_is(buf_slice(&out), cases[i].masked);
    }
}

static void the_password_is_found(void **state)
{
    static const struct {
        const char *text, *password;
    } cases[] = {
        {"", NULL},
        {"shop", NULL},
        {"postgres://bob:hunter2@db/x", "hunter2"},
        {"postgres://bob:hun%40ter@db/x", "hun@ter"},
        {"user=bob password='a b'", "a b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(mem_free_at) char *password = conninfo_password(cases[i].text);
        if (cases[i].password)
            assert_string_equal(password, cases[i].password);
        else
            assert_null(password);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_options_stand_behind_the_users),
        cmocka_unit_test(a_broken_conninfo_is_refused_without_its_secrets),
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(the_password_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
