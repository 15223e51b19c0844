/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/random.h"
#include "serve/group.h"

#define MEMBERS 500

/* Sessions are only pointers to a group: these stand for them. */
static struct session *session_at(char *memory, size_t i)
{
    return (struct session *)(void *)(memory + i);
}

static void members_leave_in_any_order_and_places_stay_true(void **state)
{
    static char memory[MEMBERS];
    uint32_t places[MEMBERS];
    struct group *group = group_new(NULL);
    struct group_members *members = &group_run_of(group, FRAME_PLAIN)->sole;
    struct random random;

    (void)state;
    random_init(&random, 42);
    for (size_t i = 0; i < MEMBERS; i++)
        places[i] = group_members_add(members, session_at(memory, i));
    for (size_t left = MEMBERS; left > 0; left--) {
        const uint32_t place = (uint32_t)random_below(&random, left);
        struct session *moved = group_members_remove(members, place);
        if (moved)
            places[(char *)moved - memory] = place;
        for (uint32_t i = 0; i < members->count; i++)
            assert_int_equal(places[(char *)members->at[i] - memory], i);
    }
    assert_true(group_is_empty(group));
    group_free(group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_leave_in_any_order_and_places_stay_true),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
