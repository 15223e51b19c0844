/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "app/cpus.h"

/* CPUs 0, 2 and 3. */
static cpu_set_t some(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(0, &set);
    CPU_SET(2, &set);
    CPU_SET(3, &set);
    return set;
}

static void lists_are_read(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: it is wrong */
    } cases[] = {
        {"", ""},           {"auto", "0 2 3 "}, {"2", "2 "},         {"2,0", "2 0 "},
        {"2-3", "2 3 "},    {"2-2", "2 "},      {" 3 , 0 ", "3 0 "}, {"0,2-3,0", "0 2 3 0 "},
        {"AUTO", NULL},     {"all", NULL},      {"3-2", NULL},       {"-1", NULL},
        {"1-", NULL},       {"0,,2", NULL},     {"0,", NULL},        {"0;2", NULL},
        {"0x2", NULL},      {"1024", NULL},     {"0-2-3", NULL},     {"0.5", NULL},
        {"0-1023,0", NULL},
    };
    const cpu_set_t allowed = some();
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        struct cpus cpus;
        const enum status status = cpus_choose(cases[i].text, &allowed, &cpus, &fault);
        if (!cases[i].want && status == ERR_INPUT && strstr(fault.text, "such as \"0,2-3\""))
            continue;
        if (!cases[i].want || status != OK)
            fail_msg("\"%s\": %d", cases[i].text, status);
        for (size_t j = 0; j < cpus.count; j++)
            buf_printf(&got, "%u ", cpus.at[j]);
        assert_slice_is(buf_slice(&got), cases[i].want);
    }
}

static void a_cpu_that_is_not_ours_is_named_with_those_that_are(void **state)
{
    const cpu_set_t allowed = some();
    struct fault fault;
    struct cpus cpus;

    (void)state;
    assert_int_equal(cpus_choose("0,1", &allowed, &cpus, &fault), ERR_CONFIG);
    assert_string_equal(fault.text, "worker_cpus = \"0,1\": this process may not run on CPU 1,"
                                    " only on 0,2-3");
    assert_int_equal(cpus_check("0,1", &fault), OK); /* another machine may have it */
}

static void workers_go_round_the_list(void **state)
{
    cpu_set_t before, mine;
    struct cpus cpus = {.count = 0};
    struct fault fault;

    (void)state;
    cpus_allowed(&before);
    assert_true(CPU_COUNT(&before) > 0);
    assert_int_equal(cpus_pin(&cpus, 0, pthread_self(), &fault), OK);
    cpus_allowed(&mine);
    assert_true(CPU_EQUAL(&before, &mine));

    assert_int_equal(cpus_choose("auto", &before, &cpus, &fault), OK);
    assert_int_equal(cpus.count, CPU_COUNT(&before));
    assert_int_equal(cpus_pin(&cpus, 2 * cpus.count, pthread_self(), &fault), OK);
    cpus_allowed(&mine);
    assert_int_equal(CPU_COUNT(&mine), 1);
    assert_true(CPU_ISSET(cpus.at[0], &mine));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(a_cpu_that_is_not_ours_is_named_with_those_that_are),
        cmocka_unit_test(workers_go_round_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
