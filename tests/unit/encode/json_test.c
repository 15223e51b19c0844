/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "change/change.h"
#include "change/token.h"
#include "encode/json.h"

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

/* id bigint (key), n numeric, b boolean, raw bytea, "ä\"" jsonb */
static struct table *five_columns(bool is_full)
{
    const struct column_spec columns[] = {{SLICE("id"), SLICE("bigint"), true},
                                          {SLICE("n"), SLICE("numeric(10,2)"), is_full},
                                          {SLICE("b"), SLICE("boolean"), is_full},
                                          {SLICE("raw"), SLICE("bytea"), is_full},
                                          {SLICE("\xc3\xa4\""), SLICE("jsonb"), is_full}};

    return table_new(SLICE("public"), SLICE("t \"1\""), columns, 5);
}

#define HEAD "\"schema\":\"public\",\"table\":\"t \\\"1\\\"\","
#define NAMES "\"columnnames\":[\"id\",\"n\",\"b\",\"raw\",\"\xc3\xa4\\\"\"],"
#define TYPES "\"columntypes\":[\"bigint\",\"numeric(10,2)\",\"boolean\",\"bytea\",\"jsonb\"],"
#define KEY(value)                                                                                 \
    "\"oldkeys\":{\"keynames\":[\"id\"],\"keytypes\":[\"bigint\"],\"keyvalues\":[" value "]}"

struct message_case {
    enum change_kind kind;
    enum old_kind old_kind;
    bool has_new, is_full;
    struct value new_row[5], old_row[5];
    const char *want; /* NULL: no message */
};

#define ROW                                                                                        \
    {                                                                                              \
        TEXT("5"), TEXT("1.50"), TEXT("t"), TEXT("\\xdeadBEEF"), TEXT("{\"a\": [1, 2]}")           \
    }
#define ROW_JSON "5,1.50,true,\"deadBEEF\",\"{\\\"a\\\": [1, 2]}\""

static const struct message_case cases[] = {
    {CHANGE_INSERT,
     OLD_NONE,
     true,
     false,
     ROW,
     {{0}},
     "{\"kind\":\"insert\"," HEAD NAMES TYPES "\"columnvalues\":[" ROW_JSON "]}"},
    {CHANGE_INSERT,
     OLD_NONE,
     true,
     false,
     {TEXT("-9223372036854775808"), NONE, NONE, NONE, NONE},
     {{0}},
     "{\"kind\":\"insert\"," HEAD NAMES TYPES
     "\"columnvalues\":[-9223372036854775808,null,null,null,null]}"},
    {CHANGE_INSERT,
     OLD_NONE,
     true,
     false,
     {TEXT("1"), TEXT("NaN"), TEXT("f"), TEXT("\\x"), TEXT("")},
     {{0}},
     "{\"kind\":\"insert\"," HEAD NAMES TYPES "\"columnvalues\":[1,null,false,\"\",\"\"]}"},
    {CHANGE_INSERT,
     OLD_NONE,
     true,
     false,
     {TEXT("1"), TEXT("Infinity"), TEXT("f"), TEXT("\\x00"), TEXT("NaN")},
     {{0}},
     "{\"kind\":\"insert\"," HEAD NAMES TYPES "\"columnvalues\":[1,null,false,\"00\",\"NaN\"]}"},
    {CHANGE_INSERT,
     OLD_NONE,
     true,
     false,
     {TEXT("1"), TEXT("-Infinity"), TEXT("f"), TEXT("\\x00"), TEXT("\n")},
     {{0}},
     "{\"kind\":\"insert\"," HEAD NAMES TYPES "\"columnvalues\":[1,null,false,\"00\",\"\\n\"]}"},
    /* columns that a column list leaves out */
    {CHANGE_INSERT,
     OLD_NONE,
     true,
     false,
     {TEXT("1"), GONE, TEXT("t"), GONE, GONE},
     {{0}},
     "{\"kind\":\"insert\"," HEAD "\"columnnames\":[\"id\",\"b\"],"
     "\"columntypes\":[\"bigint\",\"boolean\"],\"columnvalues\":[1,true]}"},
    /* the key did not change: taken from the new row */
    {CHANGE_UPDATE,
     OLD_NONE,
     true,
     false,
     ROW,
     {{0}},
     "{\"kind\":\"update\"," HEAD NAMES TYPES "\"columnvalues\":[" ROW_JSON "]," KEY("5") "}"},
    {CHANGE_UPDATE,
     OLD_KEY,
     true,
     false,
     ROW,
     {TEXT("4"), GONE, GONE, GONE, GONE},
     "{\"kind\":\"update\"," HEAD NAMES TYPES "\"columnvalues\":[" ROW_JSON "]," KEY("4") "}"},
    /* a key that is NaN */
    {CHANGE_UPDATE,
     OLD_KEY,
     true,
     false,
     ROW,
     {TEXT("NaN"), GONE, GONE, GONE, GONE},
     "{\"kind\":\"update\"," HEAD NAMES TYPES "\"columnvalues\":[" ROW_JSON "]," KEY("null") "}"},
    /* an unchanged TOASTed value */
    {CHANGE_UPDATE,
     OLD_NONE,
     true,
     false,
     {TEXT("5"), NONE, SAME, SAME, SAME},
     {{0}},
     "{\"kind\":\"update\"," HEAD "\"columnnames\":[\"id\",\"n\"],"
     "\"columntypes\":[\"bigint\",\"numeric(10,2)\"],\"columnvalues\":[5,null]," KEY("5") "}"},
    /* REPLICA IDENTITY FULL: whole, and without its nulls */
    {CHANGE_UPDATE, OLD_FULL, true, true, ROW, ROW,
     "{\"kind\":\"update\"," HEAD NAMES TYPES "\"columnvalues\":[" ROW_JSON "],\"oldkeys\":{"
     "\"keynames\":[\"id\",\"n\",\"b\",\"raw\",\"\xc3\xa4\\\"\"],"
     "\"keytypes\":[\"bigint\",\"numeric(10,2)\",\"boolean\",\"bytea\",\"jsonb\"],"
     "\"keyvalues\":[" ROW_JSON "]}}"},
    {CHANGE_DELETE,
     OLD_FULL,
     false,
     true,
     {{0}},
     {NONE, TEXT("NaN"), TEXT("f"), NONE, NONE},
     "{\"kind\":\"delete\"," HEAD "\"oldkeys\":{\"keynames\":[\"b\"],\"keytypes\":[\"boolean\"],"
     "\"keyvalues\":[false]}}"},
    {CHANGE_DELETE,
     OLD_FULL,
     false,
     true,
     {{0}},
     {NONE, NONE, NONE, NONE, NONE},
     "{\"kind\":\"delete\"," HEAD "\"oldkeys\":{\"keynames\":[],\"keytypes\":[],"
     "\"keyvalues\":[]}}"},
    {CHANGE_DELETE,
     OLD_KEY,
     false,
     false,
     {{0}},
     {TEXT("100"), GONE, GONE, GONE, GONE},
     "{\"kind\":\"delete\"," HEAD KEY("100") "}"},
    {CHANGE_DELETE, OLD_NONE, false, false, {{0}}, {{0}}, NULL},
    {CHANGE_TRUNCATE,
     OLD_NONE,
     false,
     false,
     {{0}},
     {{0}},
     "{\"kind\":\"truncate\",\"schema\":\"public\",\"table\":\"t \\\"1\\\"\"}"},
};

static void changes_become_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct message_case *c = &cases[i];
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        struct table *table = five_columns(c->is_full);
        const struct change change = {
            .kind = c->kind,
            .old_kind = c->old_kind,
            .table = table,
            .new_row = c->has_new ? c->new_row : NULL,
            .old_row = c->old_kind == OLD_NONE ? NULL : c->old_row,
        };

        assert_int_equal(encode_plain(&out, &change), c->want != NULL);
        assert_slice_is(buf_slice(&out), c->want ? c->want : "");
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
    assert_false(encode_plain(&out, &change));
    change = (struct change){.kind = CHANGE_GAP, .reason = SLICE("lost")};
    assert_false(encode_plain(&out, &change));
    assert_int_equal(out.size, 0);
    table_free(table);
}

static void a_position_is_the_last_member(void **state)
{
    const struct value row[] = ROW;
    struct table *table = five_columns(false);
    struct change change = {
        .kind = CHANGE_INSERT, .table = table, .new_row = row, .position = {0x16b3748, 2}};
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    assert_true(encode_plain_pos(&out, &change, 0x9f3c21d07a44be15));
    assert_slice_is(buf_slice(&out),
                    "{\"kind\":\"insert\"," HEAD NAMES TYPES "\"columnvalues\":[" ROW_JSON "],"
                    "\"pos\":\"9f3c21d07a44be15-00000000016b3748-00000002\"}");
    change.kind = CHANGE_GAP;
    buf_reset(&out);
    assert_false(encode_plain_pos(&out, &change, 1));
    assert_int_equal(out.size, 0);
    table_free(table);
}

static void a_gap_fits_a_close_frame(void **state)
{
    const struct token here = {0x9f3c21d07a44be15, {0x16b3748, 2, 0x5d1c0f3a}};
    const char *const token = " pos=9f3c21d07a44be15-00000000016b3748-00000002-5d1c0f3a";

    (void)state;
    for (size_t count = 0; count < 130; count++) {
        CLEANUP(buf_release) struct buf reason = BUF_INIT;
        CLEANUP(buf_release) struct buf out = BUF_INIT;

        buf_add_text(&reason, count % 2 == 0 ? "" : "x");
        for (size_t i = 0; i < count / 2; i++)
            buf_add_text(&reason, "\xc3\xa4");
        encode_plain_gap(&out, buf_slice(&reason), here);
        assert_true(out.size <= 123 && slice_is_utf8(buf_slice(&out)));
        assert_true(out.size >= 122 || out.size == reason.size + strlen(token));
        assert_slice_is(slice_from(buf_slice(&out), out.size - strlen(token)), token);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_become_messages),
        cmocka_unit_test(without_a_key_an_update_is_no_message),
        cmocka_unit_test(a_position_is_the_last_member),
        cmocka_unit_test(a_gap_fits_a_close_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
