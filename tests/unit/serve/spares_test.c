/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "serve/spares.h"

static void give_new(struct spares *spares, size_t size)
{
    struct buf buf = BUF_INIT;

    buf_reserve(&buf, size);
    buf_add_text(&buf, "used");
    spares_give(spares, &buf);
    assert_null(buf.at);
}

static void what_is_given_is_taken_again_empty(void **state)
{
    struct spares spares = {0};
    struct buf buf = BUF_INIT;

    (void)state;
    spares_take(&spares, &buf);
    assert_null(buf.at);
    give_new(&spares, 1000);
    spares_take(&spares, &buf);
    assert_true(buf.capacity >= 1000 && buf.size == 0);
    assert_int_equal(spares.bytes, 0);
    buf_release(&buf);
    spares_release(&spares);
    spares_release(NULL);
}

static void large_ones_and_too_many_are_not_kept(void **state)
{
    struct spares spares = {0};

    (void)state;
    give_new(&spares, SPARE_BYTES + 1);
    assert_int_equal(spares.count, 0);
    for (size_t i = 0; i < SPARES_BYTES / SPARE_BYTES + 10; i++)
        give_new(&spares, SPARE_BYTES);
    assert_int_equal(spares.bytes, SPARES_BYTES);
    spares_release(&spares);
}

static void what_nobody_needed_for_a_while_is_freed(void **state)
{
    struct spares spares = {0};
    struct buf bufs[3] = {BUF_INIT, BUF_INIT, BUF_INIT};

    (void)state;
    for (int i = 0; i < 8; i++)
        give_new(&spares, 100);
    spares_trim(&spares); /* they have come since */
    assert_int_equal(spares.count, 8);
    for (int i = 0; i < 3; i++)
        spares_take(&spares, &bufs[i]);
    for (int i = 0; i < 3; i++)
        spares_give(&spares, &bufs[i]);
    spares_trim(&spares);
    assert_int_equal(spares.count, 3);
    spares_trim(&spares);
    assert_int_equal(spares.count, 0);
    assert_int_equal(spares.bytes, 0);
    assert_null(spares.at);
    spares_trim(&spares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_is_taken_again_empty),
        cmocka_unit_test(large_ones_and_too_many_are_not_kept),
        cmocka_unit_test(what_nobody_needed_for_a_while_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
