/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "serve/wheel.h"

struct item {
    struct list_link link;
    uint32_t want, met;
};

static void every_item_is_due_in_its_second_once(void **state)
{
    struct item items[WHEEL_SECONDS - 1] = {0};
    struct wheel wheel;
    struct list_link due;

    (void)state;
    wheel_init(&wheel);
    for (uint32_t i = 0; i < WHEEL_SECONDS - 1; i++) {
        items[i].want = 1 + (i * 7) % (WHEEL_SECONDS - 1);
        wheel_put(&wheel, &items[i].link, items[i].want);
    }
    for (uint32_t second = 1; second < 3 * WHEEL_SECONDS; second++) {
        list_init(&due);
        wheel_turn(&wheel, &due);
        LIST_EACH (link, &due) {
            struct item *item = LIST_ITEM(link, struct item, link);
            assert_int_equal(item->want, second);
            item->met++;
        }
    }
    for (size_t i = 0; i < WHEEL_SECONDS - 1; i++)
        assert_int_equal(items[i].met, 1);
}

static void putting_again_moves_and_removing_forgets(void **state)
{
    struct item moved = {0}, gone = {0};
    struct wheel wheel;
    struct list_link due;

    (void)state;
    wheel_init(&wheel);
    wheel_put(&wheel, &moved.link, 1);
    wheel_put(&wheel, &gone.link, 1);
    wheel_put(&wheel, &moved.link, 2);
    list_remove(&gone.link);

    list_init(&due);
    wheel_turn(&wheel, &due);
    assert_true(list_is_empty(&due));
    wheel_turn(&wheel, &due);
    assert_ptr_equal(due.next, &moved.link);
    assert_ptr_equal(due.prev, &moved.link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_due_in_its_second_once),
        cmocka_unit_test(putting_again_moves_and_removing_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
