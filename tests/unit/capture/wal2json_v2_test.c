/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/wal2json_test.h"

#define BEGIN                                                                                      \
    "{\"action\":\"B\",\"xid\":7,\"timestamp\":\"2026-01-02 03:04:05.678+00\",\"lsn\":\"0/10\","   \
    "\"nextlsn\":\"0/20\"}"
#define COMMIT                                                                                     \
    "{\"action\":\"C\",\"xid\":7,\"timestamp\":\"2026-01-02 03:04:05.678+00\",\"lsn\":\"0/10\","   \
    "\"nextlsn\":\"0/20\"}"
#define HEAD(action) "{\"action\":\"" action "\",\"xid\":7,\"schema\":\"s\",\"table\":\"t\""
#define ID(value) "{\"name\":\"id\",\"type\":\"integer\",\"value\":" value "}"
#define TEXT(name, value) "{\"name\":\"" name "\",\"type\":\"text\",\"value\":" value "}"
#define INSERT(columns) HEAD("I") ",\"columns\":[" columns "]}"
#define UPDATE(columns, identity)                                                                  \
    HEAD("U") ",\"columns\":[" columns "],\"identity\":[" identity "]}"
#define DELETE(identity) HEAD("D") ",\"identity\":[" identity "]}"

static void feed_all(struct notes *notes, const char *const *messages)
{
    for (; *messages; messages++)
        notes_feed(notes, slice_text(*messages));
}

static void recorded_messages_are_decoded(void **state)
{
    CLEANUP(buf_release) struct buf want = file_read("tests/golden/messages.txt");

    (void)state;
    for (unsigned refuse = 0; refuse < 3; refuse++) {
        CLEANUP(notes_release) struct notes notes;
        notes_init(&notes, decoder_wal2json_v2_new);
        notes.is_short = true;
        notes.refuse = notes.left = refuse;
        notes_feed_file(&notes, "tests/golden/wal2json_v2.frames");
        notes_are(&notes, buf_text(&want));
        assert_true(notes.versions < 40);
    }
}

static void rows_are_told_from_tables(void **state)
{
    static const struct {
        const char *messages[8];
        const char *want;
    } cases[] = {
        {{INSERT(ID("1") "," TEXT("a", "\"x\"")), UPDATE(ID("1"), ID("1"))},
         "insert s.t0/10#0 x7 id=<1> a=<x>\n"
         "update s.t0/10#1 x7 id*=<1> a~\n"},
        /* the key is told of every update; of one that changes it, as an old row */
        {{INSERT(ID("1") "," TEXT("a", "\"x\"")), UPDATE(ID("2"), ID("1"))},
         "insert s.t0/10#0 x7 id=<1> a=<x>\n"
         "update s.t0/10#1 x7 key id*=<2> a~ old id*=<1> old a?\n"},
        /* an integer can't be left out: it was dropped */
        {{INSERT(ID("1") ",{\"name\":\"n\",\"type\":\"integer\",\"value\":2}"),
          UPDATE(ID("1"), ID("1"))},
         "insert s.t0/10#0 x7 id=<1> n=<2>\n"
         "update s.t0/10#1 x7 full id*=<1> old id*=<1>\n"},
        {{INSERT(ID("1") ",{\"name\":\"n\",\"type\":\"integer\",\"value\":2}," TEXT("a", "\"x\"")),
          UPDATE(ID("1") "," TEXT("a", "\"y\""), ID("1"))},
         "insert s.t0/10#0 x7 id=<1> n=<2> a=<x>\n"
         "update s.t0/10#1 x7 id*=<1> a=<y>\n"},
        /* an insert brings all */
        {{INSERT(ID("1") "," TEXT("a", "\"x\"")), INSERT(ID("1"))},
         "insert s.t0/10#0 x7 id=<1> a=<x>\ninsert s.t0/10#1 x7 id=<1>\n"},
        /* an added column: what was left out stays */
        {{INSERT(ID("1") "," TEXT("a", "\"x\"")), UPDATE(ID("1") "," TEXT("b", "null"), ID("1"))},
         "insert s.t0/10#0 x7 id=<1> a=<x>\n"
         "update s.t0/10#1 x7 id*=<1> a~ b=null\n"},
        /* an old row first: the table is what came, and not the whole of it */
        {{DELETE(ID("1")), INSERT(ID("1") "," TEXT("a", "\"x\"")),
          DELETE(ID("1") "," TEXT("a", "null"))},
         "delete s.t0/10#0 x7 key old id*=<1>\n"
         "insert s.t0/10#1 x7 id*=<1> a=<x>\n"
         "delete s.t0/10#2 x7 full old id*=<1> old a*=null\n"},
        /* a truncate of an unknown table */
        {{HEAD("T") "}", INSERT(ID("1"))}, "truncate s.t0/10#0 x7\ninsert s.t0/10#1 x7 id=<1>\n"},
        /* an update without identity */
        {{HEAD("U") ",\"columns\":[" ID("1") "]}"}, "update s.t0/10#0 x7 id=<1>\n"},
        /* values */
        {{INSERT("{\"name\":\"b\",\"type\":\"boolean\",\"value\":true},"
                 "{\"name\":\"c\",\"type\":\"boolean\",\"value\":false},"
                 "{\"name\":\"d\",\"type\":\"bytea\",\"value\":\"00ff\"},"
                 "{\"name\":\"e\",\"type\":\"numeric(40,2)\",\"value\":-1.50},"
                 "{\"name\":\"f\\u0041\",\"type\":\"text\",\"value\":\"\\\"\\n\\ud83d\\ude00\"}")},
         "insert s.t0/10#0 x7 b=<t> c=<f> d=<\\x00ff> e=<-1.50> fA=<\"\n\xF0\x9F\x98\x80>\n"},
        /* members in another order, unknown members, white space */
        {{"{ \"table\" : \"x\", \"action\":\"I\",\"columns\":[],\"schema\":\"s\"}",
          "{\"action\":\"I\" , \"schema\":\"s\",\"pk\":[{\"a\":[1]}],\"table\":\"t\", \"columns\" "
          ": [ "
          "{ \"value\" : 1, \"optional\":true, \"type\" : \"integer\", \"name\" : \"id\" } ] }"},
         "gap 0/10#0\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(notes_release) struct notes notes;
        notes_init(&notes, decoder_wal2json_v2_new);
        notes.has_rows = true;
        notes.is_short = true;
        notes.refuse = notes.left = 1;
        notes_feed(&notes, SLICE(BEGIN));
        feed_all(&notes, cases[i].messages);
        notes_are(&notes, cases[i].want);
    }
}

static void updates_that_leave_out_this_and_that_make_no_endless_versions(void **state)
{
    CLEANUP(notes_release) struct notes notes;

    (void)state;
    notes_init(&notes, decoder_wal2json_v2_new);
    notes_feed(&notes, SLICE(BEGIN));
    for (int i = 0; i < 100; i++) {
        notes_feed(&notes, SLICE(UPDATE(ID("1") "," TEXT("a", "\"x\""), ID("1"))));
        notes_feed(&notes, SLICE(UPDATE(ID("1") "," TEXT("b", "\"x\""), ID("1"))));
    }
    assert_true(notes.versions <= 3);
    assert_string_equal(notes.fault.text, "");
}

static void what_cannot_be_decoded_costs_its_transaction(void **state)
{
    static const char *const messages[] = {
        "",
        "x",
        "[]",
        "{}",
        "null",
        "{\"action\":\"I\"",
        "{\"action\":\"X\"}",
        "{\"action\":1}",
        "{\"action\":\"II\"}",
        BEGIN "x",
        HEAD("I") "}",
        HEAD("D") "}",
        HEAD("U") "}",
        HEAD("I") ",\"identity\":[]}",
        HEAD("T") ",\"columns\":[]}",
        "{\"action\":\"I\",\"columns\":[]}",
        "{\"action\":\"I\",\"table\":\"t\",\"columns\":[]}",
        INSERT("1"),
        INSERT("{}"),
        INSERT("{\"name\":\"a\"}"),
        INSERT(ID("[]")),
        INSERT(ID("{}")),
        INSERT(ID("true")),
        INSERT(TEXT("a", "1")),
        INSERT(TEXT("a", "true")),
        INSERT(ID("\n")),
        INSERT(ID("01")),
        INSERT(ID("NaN")),
        INSERT(ID("1") ","),
        INSERT("," ID("1")),
        INSERT(TEXT("a", "\"\\ud83d\"")),
        INSERT(TEXT("\\ud83d", "\"\"")),
        INSERT(TEXT("a", "\"\x01\"")),
        INSERT("{\"name\":1,\"type\":\"text\",\"value\":\"\"}"),
        INSERT("{\"name\":\"a\",\"type\":1,\"value\":\"\"}"),
        INSERT("{\"name\":\"a\",\"type\":\"x\"y,\"value\":\"\"}"),
        INSERT("{\"name\":\"a\",\"type\":\"x,\"value\":\"\"}"),
        HEAD("I") ",\"columns\":[],\"columns\":[]}",
        INSERT(ID("1")) "x",
        "{\"action\":\"B\",\"xid\":8}",
        "{\"action\":\"B\",\"lsn\":\"x\",\"nextlsn\":\"0/1\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        CLEANUP(notes_release) struct notes notes;
        notes_init(&notes, decoder_wal2json_v2_new);
        notes.has_rows = true;
        notes_feed(&notes, SLICE(BEGIN));
        notes_feed(&notes, SLICE(INSERT(ID("1"))));
        notes_are(&notes, "insert s.t0/10#0 x7 id=<1>\n");
        notes_feed(&notes, slice_text(messages[i]));
        notes_feed(&notes, SLICE(INSERT(ID("2")))); /* ignored */
        notes_feed(&notes, SLICE("\xFFgarbage"));   /* as well */
        notes_feed(&notes, SLICE(COMMIT));
        notes_feed(&notes, SLICE(BEGIN));
        notes_feed(&notes, SLICE(INSERT(ID("3"))));
        if (strstr(buf_text(&notes.text), "id=<2>") ||
            !strstr(buf_text(&notes.text), "insert s.t0/10#0 x7 id=<3>") ||
            !strstr(buf_text(&notes.text), "gap "))
            fail_msg("%s\ngives\n%s", messages[i], buf_text(&notes.text));
    }
}

static void every_cut_message_is_a_gap(void **state)
{
    const struct slice whole =
        SLICE(UPDATE(ID("1") ",{\"name\":\"a\",\"type\":\"int\".kind,\"value\":\"\\n\"}", ID("1")));

    (void)state;
    for (size_t size = 0; size < whole.size; size++) {
        CLEANUP(notes_release) struct notes notes;
        notes_init(&notes, decoder_wal2json_v2_new);
        notes_feed(&notes, SLICE(BEGIN));
        notes_feed(&notes, slice_of(whole.at, size));
        notes_are(&notes, "gap 0/10#0\n");
    }
}

static void messages_outside_of_transactions(void **state)
{
    CLEANUP(notes_release) struct notes notes;

    (void)state;
    notes_init(&notes, decoder_wal2json_v2_new);
    notes_feed(&notes, SLICE("{\"action\":\"M\",\"xid\":null,\"transactional\":false,"
                             "\"prefix\":\"p\",\"content\":\"c\"}"));
    notes_feed(&notes, SLICE(COMMIT));
    notes_are(&notes, "");
    notes_feed(&notes, SLICE(INSERT(ID("1"))));
    notes_are(&notes, "gap 0/0#0\n");
    notes_feed(&notes, SLICE(COMMIT));
    notes_feed(&notes, SLICE(BEGIN));
    notes_feed(&notes, SLICE(BEGIN)); /* the first one had no end */
    notes_feed(&notes, SLICE(COMMIT));
    notes_are(&notes, "commit 0/10 0/20\ncommit 0/10 0/20\n");
}

static void a_name_is_waited_for(void **state)
{
    CLEANUP(notes_release) struct notes notes;

    (void)state;
    notes_init(&notes, decoder_wal2json_v2_new);
    notes.has_rows = true;
    notes.name_is_pending = true;
    notes_feed(&notes, SLICE(BEGIN));
    notes_feed(&notes, SLICE(INSERT(ID("1"))));
    notes_are(&notes, "");
    notes.name_is_pending = false;
    notes.rename = "hyper";
    notes_feed(&notes, SLICE(INSERT(ID("1"))));
    notes_are(&notes, "insert s.hyper0/10#0 x7 id=<1>\n");
    notes.decoder->ops->reset(notes.decoder);
    assert_int_equal(notes.versions, 1);
}

static enum status keep_time(void *arg, const struct change *change)
{
    *(int64_t *)arg = change->commit_time_us;
    return OK;
}

static void retire_table(void *arg, struct table *table)
{
    (void)arg;
    table_free(table);
}

static void commit_times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t want_us;
    } cases_of_time[] = {
        {"1970-01-01 00:00:00+00", 0},
        {"1970-01-01 00:00:01.5+00", 1500000},
        {"2026-01-02 03:04:05.678+00", 1767323045678000},
        {"2026-01-02 08:34:05.678+05:30", 1767323045678000},
        {"2026-01-02 00:04:05.000001-03", 1767323045000001},
        {"2000-02-29 23:59:59+00", 951868799000000},
        {"1969-12-31 23:59:59+00", -1000000},
        {"infinity", 0},
        {"2026-01-02", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases_of_time / sizeof cases_of_time[0]; i++) {
        CLEANUP(buf_release) struct buf begin = BUF_INIT;
        struct fault fault;
        int64_t got = -1;
        struct decoder *decoder = decoder_wal2json_v2_new(
            &(struct decoder_config){.sink = keep_time, .retire = retire_table, .arg = &got});

        buf_printf(&begin,
                   "{\"action\":\"B\",\"timestamp\":\"%s\",\"lsn\":\"0/1\",\"nextlsn\":\"0/2\"}",
                   cases_of_time[i].text);
        assert_int_equal(decoder->ops->feed(decoder, buf_slice(&begin), 1, &fault), OK);
        assert_int_equal(decoder->ops->feed(decoder, SLICE(INSERT(ID("1"))), 1, &fault), OK);
        assert_true(got == cases_of_time[i].want_us);
        decoder_free(decoder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_messages_are_decoded),
        cmocka_unit_test(rows_are_told_from_tables),
        cmocka_unit_test(updates_that_leave_out_this_and_that_make_no_endless_versions),
        cmocka_unit_test(what_cannot_be_decoded_costs_its_transaction),
        cmocka_unit_test(every_cut_message_is_a_gap),
        cmocka_unit_test(messages_outside_of_transactions),
        cmocka_unit_test(a_name_is_waited_for),
        cmocka_unit_test(commit_times_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
