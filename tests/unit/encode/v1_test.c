/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "change/change.h"
#include "encode/v1.h"
#include "encode/v1_columns.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1, VALUE_TEXT                                                 \
    }
#define NONE                                                                                       \
    {                                                                                              \
        .state = VALUE_NULL                                                                        \
    }
#define GONE                                                                                       \
    {                                                                                              \
        .state = VALUE_ABSENT                                                                      \
    }
#define SAME                                                                                       \
    {                                                                                              \
        .state = VALUE_UNCHANGED                                                                   \
    }

#define EPOCH UINT64_C(0x9f3c21d07a44be15)
#define PLACE "\"schema\":\"s\",\"table\":\"t \\\"1\\\"\""
#define POS ",\"pos\":\"9f3c21d07a44be15-00000000016b3748-00000002\"}"
#define TAIL ",\"lsn\":\"0/16B3748\"" POS

enum { COLUMNS = 4 };

/* id bigint (key), n numeric, doc jsonb, tags text[] */
static struct table *four_columns(bool is_full)
{
    const struct column_spec columns[] = {{SLICE("id"), SLICE("bigint"), true},
                                          {SLICE("n"), SLICE("numeric(10,2)"), is_full},
                                          {SLICE("d\"c"), SLICE("jsonb"), is_full},
                                          {SLICE("tags"), SLICE("text[]"), is_full}};

    return table_new(SLICE("s"), SLICE("t \"1\""), columns, COLUMNS);
}

struct tail_case {
    enum change_kind kind;
    enum old_kind old_kind;
    bool has_new, is_full;
    const char *select[3];
    struct value new_row[COLUMNS], old_row[COLUMNS];
    const char *want; /* NULL: no message */
};

#define ROW                                                                                        \
    {                                                                                              \
        TEXT("5"), TEXT("1.50"), TEXT("{\"a\": [1]}"), TEXT("{x,NULL}")                            \
    }
#define ROW_JSON "{\"id\":5,\"n\":1.50,\"d\\\"c\":{\"a\": [1]},\"tags\":[\"x\",null]}"
#define KEY_ONLY(id)                                                                               \
    {                                                                                              \
        TEXT(id), GONE, GONE, GONE                                                                 \
    }

static const struct tail_case cases[] = {
    {CHANGE_INSERT,
     OLD_NONE,
     true,
     false,
     {NULL},
     ROW,
     {{0}},
     "\"kind\":\"insert\"," PLACE ",\"new\":" ROW_JSON ",\"key\":{\"id\":5}" TAIL},
    /* NULL, NaN, and what a column list leaves out */
    {CHANGE_INSERT,
     OLD_NONE,
     true,
     false,
     {NULL},
     {TEXT("-9223372036854775808"), TEXT("NaN"), NONE, GONE},
     {{0}},
     "\"kind\":\"insert\"," PLACE ",\"new\":{\"id\":-9223372036854775808,\"n\":null,"
     "\"d\\\"c\":null},\"key\":{\"id\":-9223372036854775808}" TAIL},
    /* the key did not change */
    {CHANGE_UPDATE,
     OLD_NONE,
     true,
     false,
     {NULL},
     {TEXT("5"), TEXT("Infinity"), SAME, SAME},
     {{0}},
     "\"kind\":\"update\"," PLACE ",\"new\":{\"id\":5,\"n\":null},\"key\":{\"id\":5},"
     "\"unchanged\":[\"d\\\"c\",\"tags\"]" TAIL},
    /* it did: the key is the old one */
    {CHANGE_UPDATE,
     OLD_KEY,
     true,
     false,
     {NULL},
     ROW,
     KEY_ONLY("4"),
     "\"kind\":\"update\"," PLACE ",\"new\":" ROW_JSON
     ",\"old\":{\"id\":4},\"key\":{\"id\":4}" TAIL},
    /* the whole old row */
    {CHANGE_UPDATE,
     OLD_FULL,
     true,
     true,
     {NULL},
     ROW,
     {TEXT("5"), NONE, TEXT("1"), TEXT("{}")},
     "\"kind\":\"update\"," PLACE ",\"new\":" ROW_JSON
     ",\"old\":{\"id\":5,\"n\":null,\"d\\\"c\":1,\"tags\":[]}"
     ",\"key\":{\"id\":5,\"n\":null,\"d\\\"c\":1,\"tags\":[]}" TAIL},
    {CHANGE_DELETE,
     OLD_KEY,
     false,
     false,
     {NULL},
     {{0}},
     KEY_ONLY("100"),
     "\"kind\":\"delete\"," PLACE ",\"old\":{\"id\":100},\"key\":{\"id\":100}" TAIL},
    /* select: the key is always there, absent columns and unchanged ones outside it are not */
    {CHANGE_UPDATE,
     OLD_KEY,
     true,
     false,
     {"n", "gone"},
     {TEXT("5"), TEXT("1"), SAME, SAME},
     KEY_ONLY("4"),
     "\"kind\":\"update\"," PLACE
     ",\"new\":{\"id\":5,\"n\":1},\"old\":{\"id\":4},\"key\":{\"id\":4}" TAIL},
    {CHANGE_UPDATE,
     OLD_NONE,
     true,
     false,
     {"tags"},
     {TEXT("5"), TEXT("1"), SAME, SAME},
     {{0}},
     "\"kind\":\"update\"," PLACE ",\"new\":{\"id\":5},\"key\":{\"id\":5},"
     "\"unchanged\":[\"tags\"]" TAIL},
    /* where the whole row is the identity, the list alone decides */
    {CHANGE_DELETE,
     OLD_FULL,
     false,
     true,
     {"n", "tags"},
     {{0}},
     ROW,
     "\"kind\":\"delete\"," PLACE ",\"old\":{\"n\":1.50,\"tags\":[\"x\",null]},"
     "\"key\":{\"n\":1.50,\"tags\":[\"x\",null]}" TAIL},
    {CHANGE_TRUNCATE, OLD_NONE, false, false, {NULL}, {{0}}, {{0}}, PLACE TAIL},
    {CHANGE_DELETE, OLD_NONE, false, false, {NULL}, {{0}}, {{0}}, NULL},
};

static struct v1_columns *select_of(const struct tail_case *c)
{
    struct slice names[3];
    uint32_t count = 0;

    for (; count < 3 && c->select[count]; count++)
        names[count] = slice_text(c->select[count]);
    return count > 0 ? v1_columns_new(names, count) : NULL;
}

static void tails(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tail_case *c = &cases[i];
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        struct table *table = four_columns(c->is_full);
        struct v1_columns *columns = select_of(c);
        const struct change change = {
            .kind = c->kind,
            .old_kind = c->old_kind,
            .table = table,
            .new_row = c->has_new ? c->new_row : NULL,
            .old_row = c->old_kind == OLD_NONE ? NULL : c->old_row,
            .position = {0x16B3748, 2},
        };

        assert_int_equal(encode_v1_tail(&out, &change, columns, EPOCH, false), c->want != NULL);
        assert_slice_is(buf_slice(&out), c->want ? c->want : "");
        v1_columns_free(columns);
        table_free(table);
    }
}

static void without_a_key_an_update_is_no_message(void **state)
{
    const struct column_spec column = {SLICE("v"), SLICE("text"), false};
    const struct value row = TEXT("x");
    struct table *table = table_new(SLICE("s"), SLICE("t"), &column, 1);
    struct change change = {.kind = CHANGE_UPDATE, .table = table, .new_row = &row};
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    assert_false(encode_v1_tail(&out, &change, NULL, EPOCH, false));
    change.kind = CHANGE_INSERT; /* has no "key" */
    assert_true(encode_v1_tail(&out, &change, NULL, 0, false));
    assert_slice_is(buf_slice(&out),
                    "\"kind\":\"insert\",\"schema\":\"s\",\"table\":\"t\",\"new\":{\"v\":\"x\"},"
                    "\"lsn\":\"0/0\",\"pos\":\"0000000000000000-0000000000000000-00000000\"}");
    change = (struct change){.kind = CHANGE_GAP, .reason = SLICE("lost")};
    assert_false(encode_v1_tail(&out, &change, NULL, EPOCH, true));
    table_free(table);
}

static const struct {
    int64_t time_us;
    const char *want;
} times[] = {
    {INT64_C(1767319445678901), ",\"at\":\"2026-01-02T02:04:05.678901Z\""},
    {1, ",\"at\":\"1970-01-01T00:00:00.000001Z\""},
    {INT64_C(951868799999999), ",\"at\":\"2000-02-29T23:59:59.999999Z\""},
    {INT64_C(951868800000000), ",\"at\":\"2000-03-01T00:00:00.000000Z\""},
    {INT64_C(4107542400000000), ",\"at\":\"2100-03-01T00:00:00.000000Z\""},
    {INT64_C(1735689599000000), ",\"at\":\"2024-12-31T23:59:59.000000Z\""},
    {INT64_C(253402300799999999), ",\"at\":\"9999-12-31T23:59:59.999999Z\""},
    {INT64_C(253402300800000000), ""}, /* no such year in RFC 3339 */
    {INT64_MAX, ""},
    {0, ""},
    {-1, ""},
    {INT64_MIN, ""},
};

static void times_and_numbers(void **state)
{
    struct table *table = four_columns(false);

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        CLEANUP(buf_release) struct buf want = BUF_INIT;
        const struct change change = {.kind = CHANGE_TRUNCATE,
                                      .table = table,
                                      .position = {UINT64_MAX, UINT32_MAX},
                                      .xid = UINT32_MAX,
                                      .commit_time_us = times[i].time_us};

        assert_true(encode_v1_tail(&out, &change, NULL, UINT64_MAX, true));
        buf_printf(&want,
                   PLACE ",\"lsn\":\"FFFFFFFF/FFFFFFFF\",\"xid\":4294967295%s,"
                         "\"pos\":\"ffffffffffffffff-ffffffffffffffff-ffffffff\",\"last\":true}",
                   times[i].want);
        assert_slice_is(buf_slice(&out), buf_text(&want));
    }
    table_free(table);
}

static const struct {
    enum change_kind kind;
    struct {
        const char *id;
        enum v1_scope scope;
    } targets[3];
    uint32_t count;
    const char *want;
} prefixes[] = {
    {CHANGE_INSERT, {{"s1", V1_SCOPE_WITHIN}}, 1, "{\"type\":\"change\",\"ids\":[\"s1\"],"},
    {CHANGE_DELETE,
     {{"s1", V1_SCOPE_WITHIN}, {"\"\n", V1_SCOPE_WITHIN}},
     2,
     "{\"type\":\"change\",\"ids\":[\"s1\",\"\\\"\\n\"],"},
    {CHANGE_TRUNCATE, {{"s1", V1_SCOPE_WITHIN}}, 1, "{\"type\":\"truncate\",\"ids\":[\"s1\"],"},
    {CHANGE_UPDATE,
     {{"a", V1_SCOPE_ENTER}, {"b", V1_SCOPE_ENTER}},
     2,
     "{\"type\":\"change\",\"ids\":[\"a\",\"b\"],\"scope\":\"enter\","},
    {CHANGE_UPDATE,
     {{"a", V1_SCOPE_LEAVE}},
     1,
     "{\"type\":\"change\",\"ids\":[\"a\"],\"scope\":\"leave\","},
    {CHANGE_UPDATE,
     {{"a", V1_SCOPE_LEAVE}, {"b", V1_SCOPE_WITHIN}, {"\\", V1_SCOPE_ENTER}},
     3,
     "{\"type\":\"change\",\"ids\":[\"a\",\"b\",\"\\\\\"],"
     "\"scopes\":{\"a\":\"leave\",\"\\\\\":\"enter\"},"},
};

static void prefixes_name_the_subscriptions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        const struct change change = {.kind = prefixes[i].kind};
        struct v1_target targets[3];

        for (uint32_t t = 0; t < prefixes[i].count; t++)
            targets[t] = (struct v1_target){slice_text(prefixes[i].targets[t].id),
                                            prefixes[i].targets[t].scope};
        encode_v1_prefix(&out, &change, targets, prefixes[i].count);
        assert_slice_is(buf_slice(&out), prefixes[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails),
        cmocka_unit_test(without_a_key_an_update_is_no_message),
        cmocka_unit_test(times_and_numbers),
        cmocka_unit_test(prefixes_name_the_subscriptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
