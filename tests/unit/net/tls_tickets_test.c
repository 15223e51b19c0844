/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_tickets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define HOUR ((uint64_t)3600 * 1000)

static uint64_t now_ms;

static uint64_t read_ms(void *unused)
{
    (void)unused;
    return now_ms;
}

static struct tickets *make(void)
{
    now_ms = 5 * HOUR;
    return tickets_new((struct clock){read_ms, NULL});
}

static bool opens(struct tickets *tickets, const struct ticket_key *sealed_by)
{
    struct ticket_key key;

    if (tickets_opening(tickets, sealed_by->name, &key) != OK)
        return false;
    assert_memory_equal(key.aes, sealed_by->aes, sizeof key.aes);
    assert_memory_equal(key.hmac, sealed_by->hmac, sizeof key.hmac);
    return true;
}

static bool is_same(const struct ticket_key *a, const struct ticket_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void keys_are_renewed_and_forgotten(void **state)
{
    struct tickets *tickets = make();
    struct ticket_key first, second, third, key;

    (void)state;
    tickets_sealing(tickets, &first);
    assert_memory_not_equal(first.aes, first.hmac, sizeof first.aes);
    now_ms += 12 * HOUR - 1;
    tickets_sealing(tickets, &key);
    assert_true(is_same(&key, &first));
    now_ms += 1;
    tickets_sealing(tickets, &second);
    assert_false(is_same(&second, &first));
    now_ms += 12 * HOUR;
    tickets_sealing(tickets, &third);
    now_ms += 12 * HOUR - 1;
    assert_true(opens(tickets, &first) && opens(tickets, &second) && opens(tickets, &third));
    now_ms += 1; /* 36 h: its last ticket has just expired */
    assert_false(opens(tickets, &first));
    assert_true(opens(tickets, &second) && opens(tickets, &third));
    tickets_free(tickets);
}

static void a_long_pause_leaves_one_key(void **state)
{
    struct tickets *tickets = make();
    struct ticket_key first, key;

    (void)state;
    tickets_sealing(tickets, &first);
    now_ms += 1000 * HOUR;
    assert_false(opens(tickets, &first));
    tickets_sealing(tickets, &key);
    assert_false(is_same(&key, &first));
    for (int i = 0; i < 20; i++) { /* and many renewals fit */
        now_ms += 12 * HOUR;
        tickets_sealing(tickets, &key);
        assert_true(opens(tickets, &key));
    }
    tickets_free(tickets);
    tickets_free(NULL);
}

/* ---- a file ---- */

static char path[] = "/tmp/pgcdc_tickets_XXXXXX";

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

#define ONE "0123456789abcdef0123456789abcdef"
#define TWO "fedcba9876543210fedcba9876543210"

static void secrets_of_a_file_last(void **state)
{
    struct tickets *tickets = make(), *other = make();
    struct ticket_key chance, one, two;

    (void)state;
    tickets_sealing(tickets, &chance);
    write_file(ONE);
    assert_int_equal(tickets_load(tickets, path, NULL), OK);
    tickets_sealing(tickets, &one);
    assert_false(opens(tickets, &chance));
    now_ms += 1000 * HOUR;
    assert_true(opens(tickets, &one));

    write_file("\n" TWO " \n\n" ONE "\n");
    assert_int_equal(tickets_load(other, path, NULL), OK);
    assert_true(opens(other, &one));
    tickets_sealing(other, &two);
    assert_false(is_same(&one, &two) || opens(tickets, &two));
    assert_int_equal(tickets_load(tickets, path, NULL), OK);
    assert_true(opens(tickets, &two));
    tickets_free(tickets);
    tickets_free(other);
}

static void a_bad_file_changes_nothing(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "is empty"},
        {"\n \n", "is empty"},
        {"a line too short by one character", NULL}, /* one of 33 is well */
        {ONE "\n0123456789abcdef0123456789abcde\n",
         ":2: a secret for session tickets has at least"},
        {ONE "\n" ONE "\n" ONE "\n" ONE "\n" ONE "\n" ONE "\n" ONE "\n" ONE "\n" ONE,
         "more than 8 secrets"},
    };
    struct tickets *tickets = make();
    struct ticket_key before;
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tickets_sealing(tickets, &before);
        write_file(cases[i].text);
        const enum status status = tickets_load(tickets, path, &fault);
        assert_int_equal(status, cases[i].reason ? ERR_CONFIG : OK);
        if (!cases[i].reason)
            continue;
        if (!strstr(fault.text, path) || !strstr(fault.text, cases[i].reason))
            fail_msg("case %zu: %s", i, fault.text);
        assert_true(opens(tickets, &before));
    }
    assert_int_equal(tickets_load(tickets, "/nowhere/at/all", &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "/nowhere/at/all"));
    assert_non_null(strstr(fault.text, "No such file"));
    assert_int_equal(tickets_load(tickets, "/tmp", &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "directory"));
    tickets_free(tickets);
}

static int make_file(void **state)
{
    const int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_renewed_and_forgotten),
        cmocka_unit_test(a_long_pause_leaves_one_key),
        cmocka_unit_test(secrets_of_a_file_last),
        cmocka_unit_test(a_bad_file_changes_nothing),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
