/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/deflated.h"

#include <stdio.h>

#include "unit.h"

static void what_is_kept_is_found_by_place_and_kind(void **state)
{
    struct deflated *deflated = deflated_new();

    (void)state;
    assert_null(deflated_find(deflated, 0, FRAME_PLAIN_DEFLATED)); /* no change ends there */
    assert_null(deflated_find(deflated, 64, FRAME_PLAIN_DEFLATED));
    deflated_keep(deflated, 64, FRAME_PLAIN_DEFLATED, true, SLICE("frame"));
    deflated_keep(deflated, 64, DEFLATED_TAIL, false, SLICE(""));
    assert_slice_is(buf_slice(&deflated_find(deflated, 64, FRAME_PLAIN_DEFLATED)->bytes), "frame");
    assert_false(deflated_find(deflated, 64, DEFLATED_TAIL)->is_deflated);
    assert_null(deflated_find(deflated, 64, FRAME_POS_DEFLATED));
    assert_null(deflated_find(deflated, 128, FRAME_PLAIN_DEFLATED));
    deflated_free(deflated);
    deflated_free(NULL);
}

/* The latest ones are nearly all there, and never as another's. */
static void old_ones_give_way(void **state)
{
    struct deflated *deflated = deflated_new();
    size_t found = 0;

    (void)state;
    for (uint64_t end = 1; end <= 100000; end++) {
        char text[32];

        deflated_keep(deflated, end * 312, DEFLATED_TAIL, true,
                      slice_of(text, (size_t)snprintf(text, sizeof text, "%d", (int)end)));
    }
    for (uint64_t end = 1; end <= 100000; end++) {
        const struct deflated_entry *entry = deflated_find(deflated, end * 312, DEFLATED_TAIL);
        char text[32];

        if (!entry)
            continue;
        (void)snprintf(text, sizeof text, "%d", (int)end);
        assert_slice_is(buf_slice(&entry->bytes), text);
        assert_true(end > 100000 - 20 * DEFLATED_ENTRIES);
        found += end > 100000 - DEFLATED_ENTRIES / 2;
    }
    assert_true(found > DEFLATED_ENTRIES / 2 * 6 / 10);
    deflated_free(deflated);
}

static void large_ones_are_not_kept(void **state)
{
    static char large[DEFLATED_KEPT_SIZE + 1];
    struct deflated *deflated = deflated_new();

    (void)state;
    deflated_keep(deflated, 8, DEFLATED_TAIL, true, slice_of(large, DEFLATED_KEPT_SIZE));
    assert_non_null(deflated_find(deflated, 8, DEFLATED_TAIL));
    deflated_keep(deflated, 16, DEFLATED_TAIL, true, slice_of(large, sizeof large));
    assert_null(deflated_find(deflated, 16, DEFLATED_TAIL));
    deflated_free(deflated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_found_by_place_and_kind),
        cmocka_unit_test(old_ones_give_way),
        cmocka_unit_test(large_ones_are_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
