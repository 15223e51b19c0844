/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "change/commits.h"
#include "change/visible.h"

static uint64_t first(const struct commits *commits, const char *text, uint64_t offset)
{
    CLEANUP(visible_release) struct visible visible = {0};

    assert_int_equal(visible_parse(slice_text(text), &visible), OK);
    return commits_first(commits, &visible, offset);
}

static void what_a_snapshot_lacks_is_found(void **state)
{
    struct commits *commits = mem_new(sizeof *commits);

    (void)state;
    assert_int_equal(first(commits, "103:103:", 700), 700);
    commits_note(commits, 98, 100);
    commits_note(commits, 98, 150);
    commits_note(commits, 97, 200);
    commits_note(commits, 97, 250);
    commits_note(commits, 102, 300);
    assert_int_equal(commits->count, 3);
    assert_int_equal(first(commits, "103:103:", 700), 700);
    assert_int_equal(first(commits, "97:103:97", 700), 200);
    assert_int_equal(first(commits, "97:103:97,98", 700), 100);
    assert_int_equal(first(commits, "97:102:97,98", 700), 100);
    assert_int_equal(first(commits, "99:101:", 700), 300);
    assert_int_equal(first(commits, "97:103:97", 50), 50);
    mem_free(commits);
}

static void only_the_latest_are_kept(void **state)
{
    struct commits *commits = mem_new(sizeof *commits);

    (void)state;
    for (uint32_t i = 0; i < COMMITS_MAX + 10; i++)
        commits_note(commits, 1000 + i, i);
    assert_int_equal(first(commits, "1009:90000:1009", 9999), 9999); /* overwritten */
    assert_int_equal(first(commits, "1010:90000:1010", 9999), 10);
    mem_free(commits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_snapshot_lacks_is_found),
        cmocka_unit_test(only_the_latest_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
