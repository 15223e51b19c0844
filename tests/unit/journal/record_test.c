/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "journal/record.h"

static struct table *two_columns(void)
{
    const struct column_spec columns[] = {{SLICE("id"), SLICE("integer"), true},
                                          {SLICE("text"), SLICE("text"), false}};
    return table_new(SLICE("public"), SLICE("t"), columns, 2);
}

static void test_copy_is_deep(void **state)
{
    (void)state;
    struct table *table = two_columns();
    char number[] = "42", text[] = "some text", old_number[] = "41";
    const struct value new_row[] = {value_of(slice_text(number)), value_of(slice_text(text))};
    const struct value old_row[] = {value_of(slice_text(old_number)), {NULL, 0, VALUE_ABSENT}};
    const struct change change = {.kind = CHANGE_UPDATE,
                                  .old_kind = OLD_KEY,
                                  .table = table,
                                  .new_row = new_row,
                                  .old_row = old_row,
                                  .position = {77, 3},
                                  .xid = 5,
                                  .commit_time_us = -1};
    const uint64_t size = record_size(&change);
    struct record *record = mem_new(size);

    assert_int_equal(size % 8, 0);
    record_write(record, size, &change);
    memset(number, 'x', 2);
    memset(text, 'x', 9);
    memset(old_number, 'x', 2);

    const struct change *copy = &record->change;
    assert_int_equal(record->size, size);
    assert_int_equal(copy->kind, CHANGE_UPDATE);
    assert_int_equal(copy->old_kind, OLD_KEY);
    assert_ptr_equal(copy->table, table);
    assert_slice_is(value_slice(&copy->new_row[0]), "42");
    assert_slice_is(value_slice(&copy->new_row[1]), "some text");
    assert_slice_is(value_slice(&copy->old_row[0]), "41");
    assert_int_equal(copy->old_row[1].state, VALUE_ABSENT);
    assert_int_equal(copy->position.commit, 77);
    assert_int_equal(copy->position.index, 3);
    assert_int_equal(copy->xid, 5);
    assert_int_equal(copy->commit_time_us, -1);
    mem_free(record);
    table_free(table);
}

static void test_states_without_text(void **state)
{
    (void)state;
    struct table *table = two_columns();
    /* What is no text has garbage in `text`: it must not be followed. */
    const struct value row[] = {{(const char *)1, 1000, VALUE_NULL},
                                {(const char *)1, 1000, VALUE_UNCHANGED}};
    const struct change change = {.kind = CHANGE_INSERT, .table = table, .new_row = row};
    const uint64_t size = record_size(&change);
    struct record *record = mem_new(size);

    assert_int_equal(size, sizeof *record + 2 * sizeof(struct value));
    record_write(record, size, &change);
    assert_int_equal(record->change.new_row[0].state, VALUE_NULL);
    assert_int_equal(record->change.new_row[1].state, VALUE_UNCHANGED);
    assert_int_equal(record->change.new_row[1].size, 0);
    assert_null(record->change.old_row);
    mem_free(record);
    table_free(table);
}

static void test_gap(void **state)
{
    (void)state;
    const struct change change = {.kind = CHANGE_GAP, .reason = SLICE("slot lost")};
    const uint64_t size = record_size(&change);
    struct record *record = mem_new(size);

    record_write(record, size, &change);
    assert_int_equal(size, sizeof *record + 16);
    assert_slice_is(record->change.reason, "slot lost");
    assert_true(record->change.reason.at > (char *)record);
    mem_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_is_deep),
        cmocka_unit_test(test_states_without_text),
        cmocka_unit_test(test_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
