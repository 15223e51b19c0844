/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "encode/v1_messages.h"
#include "serve/v1_message.h"

/* Messages are parsed from a block of just their size, so that a read behind it is seen. */
static enum status parse(struct slice text, struct v1_message *out, struct v1_refusal *refusal)
{
    char *exact = malloc(text.size + 1);
    char *end = exact + 1;

    if (text.size > 0)
        memcpy(end, text.at, text.size);
    const enum status status = v1_message_parse(slice_of(end, text.size), out, refusal);
    free(exact);
    return status;
}

static void subscribe(void **state)
{
    struct v1_message message;
    struct v1_refusal refusal;

    (void)state;
    assert_int_equal(
        parse(SLICE("{\"type\":\"subscribe\",\"id\":\"s1\",\"query\":\"*:orders:total.gt.100\","
                    "\"select\":[\"total\",\"\\u00e4\"],\"snapshot\":true,"
                    "\"since\":\"9f3c21d07a44be15-00000000016b3748-00000002\"}"),
              &message, &refusal),
        OK);
    assert_int_equal(message.kind, V1_SUBSCRIBE);
    assert_string_equal(message.id, "s1");
    assert_string_equal(message.query, "*:orders:total.gt.100");
    assert_int_equal(message.select_count, 2);
    assert_string_equal(message.select[0], "total");
    assert_string_equal(message.select[1], "\xc3\xa4");
    assert_true(message.wants_snapshot && message.has_since);
    assert_true(message.since.epoch == 0x9f3c21d07a44be15 &&
                message.since.position.commit == 0x16b3748 && message.since.position.index == 2);
    assert_null(message.token);
    v1_message_release(&message);
    assert_null(message.id);
    v1_message_release(&message);
    v1_message_release(NULL);

    assert_int_equal(parse(SLICE(" {\"since\":\"now\",\"query\":\"\",\"snapshot\":false,\n"
                                 "\"id\":\"\\ud83d\\ude00\",\"type\":\"subscribe\"} "),
                           &message, &refusal),
                     OK);
    assert_string_equal(message.id, "\xf0\x9f\x98\x80");
    assert_string_equal(message.query, "");
    assert_null(message.select);
    assert_false(message.wants_snapshot || message.has_since);
    v1_message_release(&message);
}

static void the_others(void **state)
{
    static const struct {
        const char *text;
        enum v1_message_kind kind;
        const char *id, *token, *payload;
    } cases[] = {
        {"{\"type\":\"unsubscribe\",\"id\":\"s1\"}", V1_UNSUBSCRIBE, "s1", NULL, ""},
        {"{\"type\":\"auth\",\"token\":\"a.b.c\"}", V1_AUTH, NULL, "a.b.c", ""},
        {"{\"type\":\"ping\"}", V1_PING, NULL, NULL, ""},
        {"{\"type\":\"ping\",\"payload\":-17}", V1_PING, NULL, NULL, "-17"},
        {"{\"type\":\"ping\",\"payload\":9223372036854775807}", V1_PING, NULL, NULL,
         "9223372036854775807"},
        {"{\"type\":\"ping\",\"payload\":\"a\\n\\\"\"}", V1_PING, NULL, NULL, "\"a\\n\\\"\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct v1_message message;
        struct v1_refusal refusal;

        assert_int_equal(parse(slice_text(cases[i].text), &message, &refusal), OK);
        assert_int_equal(message.kind, cases[i].kind);
        assert_true(slice_equal(slice_text(message.id), slice_text(cases[i].id)));
        assert_true(slice_equal(slice_text(message.token), slice_text(cases[i].token)));
        assert_slice_is(buf_slice(&message.payload), cases[i].payload);
        v1_message_release(&message);
    }
}

#define SUBSCRIBE "{\"type\":\"subscribe\",\"id\":\"s1\",\"query\":\"*:t\""

static const struct {
    const char *text, *code, *id, *words;
} refused[] = {
    {"", V1_BAD_MESSAGE, "", "empty"},
    {" ", V1_BAD_MESSAGE, "", "at byte"},
    {"x", V1_BAD_MESSAGE, "", "invalid syntax"},
    {"17", V1_BAD_MESSAGE, "", "not a JSON object"},
    {"\"ping\"", V1_BAD_MESSAGE, "", "not a JSON object"},
    {"null", V1_BAD_MESSAGE, "", "not a JSON object"},
    {"[]", V1_BAD_MESSAGE, "", "not a JSON object"},
    {"[{\"type\":\"ping\"}]", V1_BAD_MESSAGE, "", "not a JSON object"},
    {"{\"type\":\"ping\"", V1_BAD_MESSAGE, "", "cut short"},
    {"{\"type\":\"ping\"}{}", V1_BAD_MESSAGE, "", "something follows"},
    {"{\"type\":\"ping\"}\nx", V1_BAD_MESSAGE, "", "something follows"},
    {"{\"type\":\"ping\",\"type\":\"auth\"}", V1_BAD_MESSAGE, "", "twice"},
    {"{\"type\":\"ping\",\"t\\u0079pe\":\"auth\"}", V1_BAD_MESSAGE, "", "twice"},
    {"{\"type\":\"pi\\ud800ng\"}", V1_BAD_MESSAGE, "", "invalid syntax"},
    {"{\"type\":\"pi\\udc00ng\"}", V1_BAD_MESSAGE, "", "invalid syntax"},
    {"{\"type\":\"pi\\u0000ng\"}", V1_BAD_MESSAGE, "", "NUL"},
    {"{\"ty\\u0000pe\":\"ping\"}", V1_BAD_MESSAGE, "", "NUL"},
    {"{\"type\":\"p\xff\"}", V1_BAD_MESSAGE, "", "UTF-8"},
    {"{\"type\":\"p\xc0\xaf\"}", V1_BAD_MESSAGE, "", "UTF-8"},
    {"{\"type\":\"p\ning\"}", V1_BAD_MESSAGE, "", "invalid syntax"},
    {"{\"type\":\"ping\",\"payload\":1e400}", V1_BAD_MESSAGE, "", "too large"},
    {"{\"type\":\"ping\",\"payload\":9223372036854775808}", V1_BAD_MESSAGE, "", "too large"},
    {"{\"type\":\"ping\",\"payload\":01}", V1_BAD_MESSAGE, "", "invalid syntax"},
    {"{'type':'ping'}", V1_BAD_MESSAGE, "", "invalid syntax"},
    {"{\"type\":\"ping\",}", V1_BAD_MESSAGE, "", "invalid syntax"},
    {"{}", V1_MISSING_MEMBER, "", "subscribe, unsubscribe, auth, ping"},
    {"{\"id\":\"s1\"}", V1_MISSING_MEMBER, "s1", "type"},
    {"{\"type\":1,\"id\":\"s1\"}", V1_WRONG_TYPE, "s1", "one of: subscribe"},
    {"{\"type\":\"Ping\"}", V1_UNKNOWN_TYPE, "", "\"Ping\"; there are: subscribe"},
    {"{\"type\":\"\"}", V1_UNKNOWN_TYPE, "", "there are"},
    {"{\"type\":\"welcome\",\"id\":\"x\"}", V1_UNKNOWN_TYPE, "x", "welcome"},
    {"{\"type\":\"subscribe\"}", V1_MISSING_MEMBER, "", "\"id\""},
    {"{\"type\":\"subscribe\",\"id\":\"s1\"}", V1_MISSING_MEMBER, "s1", "\"query\""},
    {"{\"type\":\"unsubscribe\"}", V1_MISSING_MEMBER, "", "\"id\""},
    {"{\"type\":\"auth\"}", V1_MISSING_MEMBER, "", "\"token\""},
    {SUBSCRIBE ",\"qery\":1}", V1_UNKNOWN_MEMBER, "s1",
     "\"qery\" of subscribe; there are: type, id, query, select, snapshot, since"},
    {"{\"type\":\"ping\",\"id\":\"s1\"}", V1_UNKNOWN_MEMBER, "s1", "there are: type, payload"},
    {SUBSCRIBE ",\"token\":\"x\"}", V1_UNKNOWN_MEMBER, "s1", "token"},
    {SUBSCRIBE ",\"\":1}", V1_UNKNOWN_MEMBER, "s1", "\"\""},
    {SUBSCRIBE ",\"snapshot\":1}", V1_WRONG_TYPE, "s1", "true or false"},
    {SUBSCRIBE ",\"snapshot\":null}", V1_WRONG_TYPE, "s1", "true or false"},
    {SUBSCRIBE ",\"since\":17}", V1_WRONG_TYPE, "s1", "a string"},
    {SUBSCRIBE ",\"select\":\"a\"}", V1_WRONG_TYPE, "s1", "array of strings"},
    {SUBSCRIBE ",\"select\":{}}", V1_WRONG_TYPE, "s1", "array of strings"},
    {SUBSCRIBE ",\"select\":[\"a\",1]}", V1_WRONG_TYPE, "s1", "array of strings"},
    {SUBSCRIBE ",\"select\":[]}", V1_BAD_SELECT, "s1", "1 to 1600"},
    {SUBSCRIBE ",\"select\":[\"\"]}", V1_BAD_SELECT, "s1", "empty name"},
    {SUBSCRIBE ",\"since\":\"\"}", V1_BAD_SINCE, "s1", "neither"},
    {SUBSCRIBE ",\"since\":\"Now\"}", V1_BAD_SINCE, "s1", "neither"},
    {SUBSCRIBE ",\"since\":\"9F3C21D07A44BE15-00000000016b3748-00000002\"}", V1_BAD_SINCE, "s1",
     "neither"},
    {SUBSCRIBE ",\"since\":\"9f3c21d07a44be15-00000000016b3748-000000020\"}", V1_BAD_SINCE, "s1",
     "neither"},
    {"{\"type\":\"unsubscribe\",\"id\":\"\"}", V1_BAD_ID, "", "1 to 64"},
    {"{\"type\":\"unsubscribe\",\"id\":7}", V1_WRONG_TYPE, "", "a string"},
    {"{\"type\":\"subscribe\",\"id\":\"s1\",\"query\":null}", V1_WRONG_TYPE, "s1", "\"query\""},
    {"{\"type\":\"auth\",\"token\":[]}", V1_WRONG_TYPE, "", "\"token\""},
    {"{\"type\":\"ping\",\"payload\":{}}", V1_WRONG_TYPE, "", "integer"},
    {"{\"type\":\"ping\",\"payload\":1.5}", V1_WRONG_TYPE, "", "integer"},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct v1_message message = {.select_count = 77};
        struct v1_refusal refusal;

        if (parse(slice_text(refused[i].text), &message, &refusal) != ERR_INPUT)
            fail_msg("%s was taken", refused[i].text);
        assert_int_equal(message.select_count, 77);
        if (strcmp(refusal.code, refused[i].code) != 0 || strcmp(refusal.id, refused[i].id) != 0 ||
            !strstr(refusal.fault.text, refused[i].words))
            fail_msg("%s: %s, id \"%s\": %s", refused[i].text, refusal.code, refusal.id,
                     refusal.fault.text);
    }
}

/* {"type":"unsubscribe","id":"<count times what>"} */
static enum status parse_id(const char *what, size_t count, struct v1_refusal *refusal)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct v1_message message;

    buf_add_text(&text, "{\"type\":\"unsubscribe\",\"id\":\"");
    for (size_t i = 0; i < count; i++)
        buf_add_text(&text, what);
    buf_add_text(&text, "\"}");
    const enum status status = parse(buf_slice(&text), &message, refusal);
    if (status == OK)
        v1_message_release(&message);
    return status;
}

static void limits(void **state)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct v1_message message;
    struct v1_refusal refusal;

    (void)state;
    assert_int_equal(parse_id("x", 64, &refusal), OK);
    assert_int_equal(parse_id("\xf0\x9f\x98\x80", 64, &refusal), OK); /* characters, not bytes */
    assert_string_equal(refusal.id + strlen(refusal.id) - 4, "\xf0\x9f\x98\x80");
    assert_int_equal(parse_id("x", 65, &refusal), ERR_INPUT);
    assert_string_equal(refusal.code, V1_BAD_ID);
    assert_string_equal(refusal.id, "");
    assert_int_equal(parse_id("\xc3\xa4", 65, &refusal), ERR_INPUT);

    /* the size, to the byte */
    buf_add_text(&text, "{\"type\":\"ping\"}");
    while (text.size < V1_MESSAGE_MAX_SIZE)
        buf_add_char(&text, ' ');
    assert_int_equal(parse(buf_slice(&text), &message, &refusal), OK);
    v1_message_release(&message);
    buf_add_char(&text, ' ');
    assert_int_equal(parse(buf_slice(&text), &message, &refusal), ERR_INPUT);
    assert_non_null(strstr(refusal.fault.text, "65537 bytes, more than 65536"));

    /* a payload, in characters */
    for (size_t count = 256; count <= 257; count++) {
        buf_reset(&text);
        buf_add_text(&text, "{\"type\":\"ping\",\"payload\":\"");
        for (size_t i = 0; i < count; i++)
            buf_add_text(&text, "\xc3\xa4");
        buf_add_text(&text, "\"}");
        assert_int_equal(parse(buf_slice(&text), &message, &refusal),
                         count == 256 ? OK : ERR_INPUT);
        if (count == 256)
            v1_message_release(&message);
    }

    /* brackets without end */
    buf_reset(&text);
    buf_add_text(&text, "{\"type\":\"ping\",\"payload\":");
    while (text.size < V1_MESSAGE_MAX_SIZE)
        buf_add_char(&text, '[');
    assert_int_equal(parse(buf_slice(&text), &message, &refusal), ERR_INPUT);
    assert_string_equal(refusal.code, V1_BAD_MESSAGE);
    assert_non_null(strstr(refusal.fault.text, "nested too deep"));

    /* more columns than a table can have */
    buf_reset(&text);
    buf_add_text(&text, SUBSCRIBE ",\"select\":[\"a\"");
    for (int i = 0; i < V1_SELECT_MAX; i++)
        buf_add_text(&text, ",\"a\"");
    buf_add_text(&text, "]}");
    assert_int_equal(parse(buf_slice(&text), &message, &refusal), ERR_INPUT);
    assert_non_null(strstr(refusal.fault.text, "not 1601"));
}

/* What is quoted is cut at a character's end, so that the answer is UTF-8. */
static void words_stay_utf8(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        struct v1_message message;
        struct v1_refusal refusal;

        buf_add_text(&text, "{\"type\":\"");
        for (size_t i = 0; i < shift; i++)
            buf_add_char(&text, 'x');
        for (size_t i = 0; i < 2000; i++)
            buf_add_text(&text, "\xf0\x9f\x98\x80");
        buf_add_text(&text, "\"}");
        assert_int_equal(parse(buf_slice(&text), &message, &refusal), ERR_INPUT);
        assert_string_equal(refusal.code, V1_UNKNOWN_TYPE);
        assert_true(slice_is_utf8(slice_text(refusal.fault.text)));
        assert_non_null(strstr(refusal.fault.text, "there are: subscribe"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribe), cmocka_unit_test(the_others),      cmocka_unit_test(refusals),
        cmocka_unit_test(limits),    cmocka_unit_test(words_stay_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
