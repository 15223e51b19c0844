/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "catalog/casts.h"

#define COUNT 1200

static struct casts make(size_t count, const char *type)
{
    struct casts casts = {.items = mem_array(count, sizeof(struct cast_item)), .count = count};

    for (size_t i = 0; i < count; i++) {
        casts.items[i].text = mem_text("01");
        casts.items[i].type = mem_text(type);
    }
    return casts;
}

/* A server that refuses whatever holds the value at `bad`; returns the number of questions. */
static size_t run(struct casts *casts, size_t bad, enum status *out_status, size_t *out_index)
{
    size_t questions = 0, count = 0;

    *out_status = OK;
    for (;;) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        const char *params[CASTS_IN_QUESTION];
        if ((count = casts_ask(casts, &text, params)) == 0)
            return questions;
        assert_true(count <= CASTS_IN_QUESTION);
        assert_true(++questions < 100);
        if (bad >= casts->from && bad < casts->to) {
            if ((*out_status = casts_narrow(casts, out_index)) != OK)
                return questions;
            continue;
        }
        for (size_t i = 0; i < count; i++)
            casts_take(casts, i, SLICE("1"));
    }
}

static void all_are_cast(void **state)
{
    static const size_t counts[] = {0, 1, 2, 499, 500, 501, COUNT};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct casts casts = make(counts[i], "integer");
        enum status status = ERR_SYSTEM;
        size_t index = 0;
        const size_t questions = run(&casts, SIZE_MAX, &status, &index);
        assert_int_equal(questions, (counts[i] + CASTS_IN_QUESTION - 1) / CASTS_IN_QUESTION);
        assert_int_equal(status, OK);
        for (size_t k = 0; k < counts[i]; k++)
            assert_string_equal(casts.items[k].canonical, "1");
        casts_release(&casts);
    }
}

static void the_bad_one_is_found(void **state)
{
    static const size_t places[] = {0, 1, 250, 499, 500, 1000, COUNT - 1};

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct casts casts = make(COUNT, "integer");
        enum status status = OK;
        size_t index = COUNT;
        (void)run(&casts, places[i], &status, &index);
        assert_int_equal(status, ERR_INPUT);
        assert_int_equal(index, places[i]);
        casts_release(&casts);
    }
}

static void a_question_names_each_parameter(void **state)
{
    struct casts casts = make(2, "pg_catalog.\"bit\"");
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const char *params[CASTS_IN_QUESTION];

    (void)state;
    assert_int_equal(casts_ask(&casts, &text, params), 2);
    assert_slice_is(buf_slice(&text), "SELECT $1::pg_catalog.\"bit\", $2::pg_catalog.\"bit\"");
    assert_string_equal(params[1], "01");
    casts_release(&casts);
}

static void what_was_cast_is_remembered_for_a_minute(void **state)
{
    static const struct {
        const char *type;
        uint64_t later_ms;
        const char *canonical;
    } cases[] = {
        {"integer", 1000, "1"},
        {"integer", 60001, NULL},
        {"text", 1000, "01"},
        {"date", 1000, NULL},
        {"timestamp with time zone", 1000, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cast_cache cache = {0};
        struct casts first = make(1, cases[i].type), second = make(1, cases[i].type);
        enum status status = OK;
        size_t index = 0;
        cast_cache_apply(&cache, &first, 5000);
        (void)run(&first, SIZE_MAX, &status, &index);
        cast_cache_store(&cache, &first);
        cast_cache_apply(&cache, &second, 5000 + cases[i].later_ms);
        if (cases[i].canonical)
            assert_string_equal(second.items[0].canonical, cases[i].canonical);
        else
            assert_null(second.items[0].canonical);
        casts_release(&first);
        casts_release(&second);
        cast_cache_release(&cache);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_cast),
        cmocka_unit_test(the_bad_one_is_found),
        cmocka_unit_test(a_question_names_each_parameter),
        cmocka_unit_test(what_was_cast_is_remembered_for_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
