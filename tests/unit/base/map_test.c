/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "base/map.h"

#define KEYS 5000

static struct slice key_of(char *text, size_t size, int i)
{
    return slice_of(text, (size_t)snprintf(text, size, "key %d", i));
}

static void every_key_is_found_after_others_left(void **state)
{
    static int values[KEYS];
    struct map map = MAP_INIT;
    char text[32];

    (void)state;
    for (int i = 0; i < KEYS; i++)
        assert_null(map_set(&map, key_of(text, sizeof text, i), &values[i]));
    for (int i = 0; i < KEYS; i += 3)
        assert_ptr_equal(map_remove(&map, key_of(text, sizeof text, i)), &values[i]);
    for (int i = 0; i < KEYS; i++) {
        void *want = i % 3 == 0 ? NULL : &values[i];
        assert_ptr_equal(map_get(&map, key_of(text, sizeof text, i)), want);
    }
    map_release(&map);
}

static void walking_meets_each_once(void **state)
{
    static int values[100];
    struct map map = MAP_INIT;
    struct slice key;
    void *value;
    char text[32];
    size_t at = 0, met = 0;

    (void)state;
    for (int i = 0; i < 100; i++)
        map_set(&map, key_of(text, sizeof text, i), &values[i]);
    while (map_next(&map, &at, &key, &value)) {
        assert_int_equal(*(int *)value, 0);
        *(int *)value = 1;
        met++;
    }
    assert_int_equal(met, 100);
    map_release(&map);
}

static void a_borrowed_key_is_not_copied(void **state)
{
    struct map map = MAP_BORROWING;
    static char keys[100][8];
    int value = 0;
    size_t at = 0;
    struct slice key;
    void *met = NULL;

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_null(map_set(&map, key_of(keys[i], sizeof keys[i], i), &value));
    assert_null(map_set(&map, slice_of(NULL, 0), &value));
    assert_ptr_equal(map_remove(&map, slice_of(NULL, 0)), &value);
    while (map_next(&map, &at, &key, &met))
        assert_true(key.at >= keys[0] && key.at < keys[0] + sizeof keys);
    for (int i = 0; i < 100; i++)
        assert_ptr_equal(map_remove(&map, slice_text(keys[i])), &value);
    map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_after_others_left),
        cmocka_unit_test(walking_meets_each_once),
        cmocka_unit_test(a_borrowed_key_is_not_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
