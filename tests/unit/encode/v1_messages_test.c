/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "change/shape.h"
#include "change/table.h"
#include "change/value.h"
#include "encode/v1_columns.h"
#include "encode/v1_messages.h"

static const struct token here = {0x9f3c21d07a44be15, {0x16b3748, POSITION_ALL}};
#define POSITION "\"position\":\"9f3c21d07a44be15-00000000016b3748-ffffffff\""

static char text_of[10][20] = {"orders", "id", "bigint", "d\"c", "jsonb", "public"};

/* public.orders (id bigint, "d""c" jsonb) */
static struct table_shape shape_of(struct column_shape columns[2])
{
    columns[0] = (struct column_shape){.name = text_of[1], .type = text_of[2], .is_key = true};
    columns[1] = (struct column_shape){.name = text_of[3], .type = text_of[4]};
    return (struct table_shape){
        .schema = text_of[5], .name = text_of[0], .column_count = 2, .columns = columns};
}

static void assert_said(struct buf *out, const char *want)
{
    assert_slice_is(buf_slice(out), want);
    buf_reset(out);
}

static void welcome(void **state)
{
    const struct v1_limits limits = {65536, 100, 8192};
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    encode_v1_welcome(&out, "0.2.0", here, 25, &limits);
    assert_said(&out, "{\"type\":\"welcome\",\"protocol\":\"pgcdc.v1\",\"version\":\"0.2.0\","
                      "\"epoch\":\"9f3c21d07a44be15\"," POSITION ",\"heartbeat\":25,\"limits\":{"
                      "\"message_bytes\":65536,\"subscriptions\":100,\"query_bytes\":8192}}");
    encode_v1_welcome(&out, "x", (struct token){0}, 1, &limits);
    assert_said(&out, "{\"type\":\"welcome\",\"protocol\":\"pgcdc.v1\",\"version\":\"x\","
                      "\"epoch\":\"0000000000000000\",\"position\":"
                      "\"0000000000000000-0000000000000000-00000000\",\"heartbeat\":1,\"limits\":{"
                      "\"message_bytes\":65536,\"subscriptions\":100,\"query_bytes\":8192}}");
}

#define TABLE ",\"schema\":\"public\",\"table\":\"orders\",\"columns\":["
#define ID "{\"name\":\"id\",\"type\":\"bigint\",\"key\":true}"
#define DC "{\"name\":\"d\\\"c\",\"type\":\"jsonb\"}"

static void subscribed(void **state)
{
    const struct v1_warning warnings[] = {{V1_WARN_NO_IDENTITY, SLICE("no \"key\"")},
                                          {V1_WARN_NO_SCOPE, SLICE("x")}};
    struct column_shape columns[2];
    struct table_shape shape = shape_of(columns);
    const struct slice unknown = SLICE("n"), document = SLICE("d\"c");
    struct v1_columns *narrow = v1_columns_new(&unknown, 1);
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    encode_v1_subscribed(&out, SLICE("s\n1"), here, NULL, NULL, NULL, 0);
    assert_said(&out, "{\"type\":\"subscribed\",\"id\":\"s\\n1\"," POSITION ",\"warnings\":[]}");
    encode_v1_subscribed(&out, SLICE("a"), here, &shape, NULL, warnings, 2);
    assert_said(&out, "{\"type\":\"subscribed\",\"id\":\"a\"," POSITION TABLE ID "," DC
                      "],\"warnings\":[{\"code\":\"no_identity\",\"message\":\"no \\\"key\\\"\"},"
                      "{\"code\":\"no_scope\",\"message\":\"x\"}]}");
    encode_v1_subscribed(&out, SLICE("a"), here, &shape, narrow, NULL, 0);
    assert_said(&out,
                "{\"type\":\"subscribed\",\"id\":\"a\"," POSITION TABLE ID "],\"warnings\":[]}");

    columns[1].is_key = true; /* the whole row: the list alone decides */
    encode_v1_subscribed(&out, SLICE("a"), here, &shape, narrow, NULL, 0);
    assert_said(&out, "{\"type\":\"subscribed\",\"id\":\"a\"," POSITION TABLE "],\"warnings\":[]}");
    v1_columns_free(narrow);
    narrow = v1_columns_new(&document, 1);
    encode_v1_subscribed(&out, SLICE("a"), here, &shape, narrow, NULL, 0);
    assert_said(&out, "{\"type\":\"subscribed\",\"id\":\"a\"," POSITION TABLE
                      "{\"name\":\"d\\\"c\",\"type\":\"jsonb\",\"key\":true}],\"warnings\":[]}");
    v1_columns_free(narrow);
    encode_v1_unsubscribed(&out, SLICE("a"), SLICE(""));
    assert_said(&out, "{\"type\":\"unsubscribed\",\"id\":\"a\"}");
    encode_v1_unsubscribed(&out, SLICE("a"), SLICE("table \"t\" was dropped"));
    assert_said(&out, "{\"type\":\"unsubscribed\",\"id\":\"a\","
                      "\"reason\":\"table \\\"t\\\" was dropped\"}");
}

static void snapshots(void **state)
{
    const struct column_spec columns[] = {{SLICE("id"), SLICE("integer"), true},
                                          {SLICE("a"), SLICE("integer[]"), false},
                                          {SLICE("b"), SLICE("text"), false}};
    const struct value row[] = {value_of(SLICE("7")), value_of(SLICE("{1,2}")), {0}};
    const struct slice b = SLICE("b");
    struct table *table = table_new(SLICE("s"), SLICE("t"), columns, 3);
    struct v1_columns *narrow = v1_columns_new(&b, 1);
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    encode_v1_snapshot_begin(&out, SLICE("s1"));
    encode_v1_snapshot_end(&out);
    assert_said(&out, "{\"type\":\"snapshot\",\"id\":\"s1\",\"rows\":[]}");
    encode_v1_snapshot_begin(&out, SLICE("s1"));
    encode_v1_snapshot_row(&out, table, row, NULL);
    encode_v1_snapshot_row(&out, table, row, narrow);
    encode_v1_snapshot_end(&out);
    assert_said(&out, "{\"type\":\"snapshot\",\"id\":\"s1\",\"rows\":["
                      "{\"id\":7,\"a\":[1,2]},{\"id\":7}]}");
    encode_v1_live(&out, SLICE("s1"), here);
    assert_said(&out, "{\"type\":\"live\",\"id\":\"s1\"," POSITION "}");
    v1_columns_free(narrow);
    table_free(table);
}

static void the_rest(void **state)
{
    const struct slice ids[] = {SLICE("a"), SLICE("\"")};
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    encode_v1_progress(&out, here);
    assert_said(&out, "{\"type\":\"progress\"," POSITION "}");
    encode_v1_gap(&out, ids, 2, SLICE("too old"), here);
    assert_said(&out,
                "{\"type\":\"gap\",\"ids\":[\"a\",\"\\\"\"],\"reason\":\"too old\"," POSITION "}");
    encode_v1_gap(&out, ids, 0, SLICE(""), here);
    assert_said(&out, "{\"type\":\"gap\",\"ids\":[],\"reason\":\"\"," POSITION "}");
    encode_v1_error(&out, SLICE(""), V1_BAD_MESSAGE, SLICE("not \"JSON\"\n"));
    assert_said(&out, "{\"type\":\"error\",\"code\":\"bad_message\","
                      "\"message\":\"not \\\"JSON\\\"\\n\"}");
    encode_v1_error(&out, SLICE("s1"), V1_BAD_QUERY, SLICE("x"));
    assert_said(&out,
                "{\"type\":\"error\",\"id\":\"s1\",\"code\":\"bad_query\",\"message\":\"x\"}");
    encode_v1_notice(&out, V1_NOTICE_SLOW, SLICE("you read slowly"));
    assert_said(&out, "{\"type\":\"notice\",\"code\":\"slow\",\"message\":\"you read slowly\"}");
    encode_v1_pong(&out, SLICE(""));
    assert_said(&out, "{\"type\":\"pong\"}");
    encode_v1_pong(&out, SLICE("\"x\""));
    assert_said(&out, "{\"type\":\"pong\",\"payload\":\"x\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(welcome),
        cmocka_unit_test(subscribed),
        cmocka_unit_test(snapshots),
        cmocka_unit_test(the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
