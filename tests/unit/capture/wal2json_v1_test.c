/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/wal2json_test.h"

#define HEAD                                                                                       \
    "{\"xid\":7,\"nextlsn\":\"0/20\",\"timestamp\":\"2026-01-02 03:04:05.678+00\",\"change\":["
#define NEXT_HEAD "{\"xid\":8,\"nextlsn\":\"0/40\",\"change\":["
#define END "]}"
#define OF(kind) "{\"kind\":\"" kind "\",\"schema\":\"s\",\"table\":\"t\""
#define COLUMNS(names, types, values)                                                              \
    ",\"columnnames\":[" names "],\"columntypes\":[" types "],\"columnvalues\":[" values "]"
#define KEYS(names, types, values)                                                                 \
    ",\"oldkeys\":{\"keynames\":[" names "],\"keytypes\":[" types "],\"keyvalues\":[" values "]}"
#define INSERT(value) OF("insert") COLUMNS("\"id\"", "\"integer\"", value) "}"
#define DELETE(value) OF("delete") KEYS("\"id\"", "\"integer\"", value) "}"
#define MESSAGE "{\"kind\":\"message\",\"transactional\":false,\"prefix\":\"p\",\"content\":\"]}\"}"

static void recorded_messages_are_decoded(void **state)
{
    static const char *const files[] = {"tests/golden/wal2json_v1.frames",
                                        "tests/golden/wal2json_v1_chunks.frames"};
    CLEANUP(buf_release) struct buf want = file_read("tests/golden/messages.txt");

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        CLEANUP(notes_release) struct notes notes;
        notes_init(&notes, decoder_wal2json_v1_new);
        notes.is_short = true;
        notes.refuse = notes.left = i / 2;
        notes_feed_file(&notes, files[i % 2]);
        notes_are(&notes, buf_text(&want));
        assert_true(notes.versions < 40);
    }
}

/* What wal2json prints is the message itself, but for types that it prints bare. */
static void a_message_is_what_wal2json_printed(void **state)
{
    CLEANUP(buf_release) struct buf file = file_read("tests/golden/wal2json_v1_chunks.frames");
    CLEANUP(notes_release) struct notes notes;
    struct slice rest = buf_slice(&file), message;
    unsigned count = 0;

    (void)state;
    notes_init(&notes, decoder_wal2json_v1_new);
    notes.is_short = true;
    while (frame_next(&rest, &message)) {
        notes_feed(&notes, message);
        if (message.at[0] == ',')
            message = slice_from(message, 1);
        const bool is_odd = memmem(message.at, message.size, "\"table\":\"odd_", 13) != NULL ||
                            memmem(message.at, message.size, "\"char\"", 6) != NULL;
        if (slice_starts(message, SLICE("{\"kind\"")) && !is_odd) {
            assert_int_equal(notes.text.size, message.size + 1); /* a newline */
            assert_memory_equal(notes.text.at, message.at, message.size);
            count++;
        }
        buf_reset(&notes.text);
    }
    assert_true(count > 150);
}

static const struct {
    const char *messages[10]; /* up to a NULL */
    const char *want;
} cases[] = {
    /* in chunks, and whole */
    {{HEAD, INSERT("1"), "," DELETE("2"), END},
     "insert s.t0/1F#0 x7 id=<1>\ndelete s.t0/1F#1 x7 full old id*=<2>\ncommit 0/1F 0/20\n"},
    {{HEAD INSERT("1") "," DELETE("2") END},
     "insert s.t0/1F#0 x7 id=<1>\ndelete s.t0/1F#1 x7 full old id*=<2>\ncommit 0/1F 0/20\n"},
    {{HEAD INSERT("1"), "\n , " DELETE("2") " ] } ", NEXT_HEAD END},
     "insert s.t0/1F#0 x7 id=<1>\ndelete s.t0/1F#1 x7 full old id*=<2>\ncommit 0/1F 0/20\n"
     "commit 0/3F 0/40\n"},
    /* nothing in it */
    {{HEAD, END}, "commit 0/1F 0/20\n"},
    {{HEAD END}, "commit 0/1F 0/20\n"},
    {{""}, ""},
    /* logical messages, with the comma too many */
    {{"{\"change\":[" MESSAGE END}, ""},
    {{"{\"change\":[," MESSAGE END, HEAD, INSERT("1"), END},
     "insert s.t0/1F#0 x7 id=<1>\ncommit 0/1F 0/20\n"},
    {{HEAD, MESSAGE, "," INSERT("1"), END}, "insert s.t0/1F#0 x7 id=<1>\ncommit 0/1F 0/20\n"},
    /* an update keeps its old key, and may lack what is TOASTed */
    {{HEAD, OF("insert") COLUMNS("\"id\",\"a\"", "\"integer\",\"text\"", "1,\"x\"") "}",
      "," OF("update") COLUMNS("\"id\"", "\"integer\"", "1")
          KEYS("\"id\"", "\"integer\"", "1") "}"},
     "insert s.t0/1F#0 x7 id=<1> a=<x>\nupdate s.t0/1F#1 x7 id*=<1> a~\n"},
    /* a whole old row without its NULLs: the key only grows */
    {{HEAD,
      OF("insert")
          COLUMNS("\"id\",\"a\",\"b\"", "\"integer\",\"text\",\"text\"", "1,null,\"y\"") "}",
      "," OF("delete") KEYS("\"id\",\"b\"", "\"integer\",\"text\"", "1,\"y\"") "}",
      "," OF("delete") KEYS("\"id\",\"a\"", "\"integer\",\"text\"", "1,\"x\"") "}",
      "," OF("delete") KEYS("", "", "") "}"},
     "insert s.t0/1F#0 x7 id=<1> a=null b=<y>\n"
     "delete s.t0/1F#1 x7 key old id*=<1> old a? old b*=<y>\n"
     "delete s.t0/1F#2 x7 key old id*=<1> old a*=<x> old b*?\n"
     "delete s.t0/1F#3 x7 key old id*? old a*? old b*?\n"},
    /* a gap costs its transaction */
    {{HEAD, INSERT("1"), ",x", "," INSERT("2"), END, NEXT_HEAD, INSERT("3"), END},
     "insert s.t0/1F#0 x7 id=<1>\ngap 0/1F#1\ncommit 0/1F 0/20\n"
     "insert s.t0/3F#0 x8 id=<3>\ncommit 0/3F 0/40\n"},
    {{HEAD INSERT("1") ",x," INSERT("2") END, NEXT_HEAD INSERT("3") END},
     "insert s.t0/1F#0 x7 id=<1>\ngap 0/1F#1\ncommit 0/1F 0/20\n"
     "insert s.t0/3F#0 x8 id=<3>\ncommit 0/3F 0/40\n"},
    /* the end never came */
    {{HEAD, INSERT("1"), NEXT_HEAD, INSERT("2"), END, HEAD, END},
     "insert s.t0/1F#0 x7 id=<1>\ngap 0/1F#1\ncommit 0/1F 0/20\ncommit 0/1F 0/20\n"},
    /* no nextlsn */
    {{"{\"xid\":7,\"change\":[", INSERT("1"), END, HEAD END}, "gap 0/0#0\ncommit 0/1F 0/20\n"},
};

static void pieces_are_read_as_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * (sizeof cases / sizeof cases[0]); i++) {
        CLEANUP(notes_release) struct notes notes;
        notes_init(&notes, decoder_wal2json_v1_new);
        notes.has_rows = true;
        notes.refuse = notes.left = i % 3;
        for (const char *const *message = cases[i / 3].messages; *message; message++)
            notes_feed(&notes, slice_text(*message));
        notes_are(&notes, cases[i / 3].want);
    }
}

static void what_cannot_be_decoded_costs_its_transaction(void **state)
{
    static const char *const messages[] = {
        "x",
        "null",
        "[",
        "{}",
        "{\"kind\":1}",
        "{\"kind\":\"insert\"}",
        OF("insert") "}",
        OF("update") "}",
        OF("delete") "}",
        OF("truncate") "}",
        OF("merge") "}",
        OF("insert") COLUMNS("\"id\"", "\"integer\"", "1"),    /* cut */
        OF("insert") COLUMNS("\"id\"", "\"integer\"", "") "}", /* of unequal length */
        OF("insert") COLUMNS("\"id\"", "\"integer\"", "1,2") "}",
        OF("insert") COLUMNS("\"id\"", "", "1") "}",
        OF("insert") COLUMNS("\"id\"", "\"integer\",\"integer\"", "1") "}",
        OF("insert") COLUMNS("", "\"integer\"", "1") "}",
        OF("insert") COLUMNS("1", "\"integer\"", "1") "}",
        OF("insert") COLUMNS("\"a\"", "\"x\"y", "1") "}",
        OF("insert") COLUMNS("\"a\"", "\"text\"", "1") "}",
        OF("insert") COLUMNS("\"a\"", "\"text\"", "[]") "}",
        OF("insert") COLUMNS("\"a\"", "\"text\"", "\"\\udc00\"") "}",
        OF("insert") ",\"columntypes\":[],\"columnvalues\":[]}",
        OF("insert") ",\"columnnames\":[],\"columnvalues\":[]}",
        OF("insert") ",\"columnnames\":[],\"columntypes\":[]}",
        OF("delete") ",\"oldkeys\":{\"keynames\":[],\"keytypes\":[]}}",
        OF("delete") ",\"oldkeys\":[]}",
        "{\"kind\":\"insert\",\"schema\":\"s\"" COLUMNS("\"id\"", "\"integer\"", "1") "}",
        "{\"kind\":\"insert\",\"table\":\"t\"" COLUMNS("\"id\"", "\"integer\"", "1") "}",
        "]",
        "]x",
        INSERT("1") "x",
        INSERT("01"),
        INSERT("nul"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        CLEANUP(notes_release) struct notes notes;
        notes_init(&notes, decoder_wal2json_v1_new);
        notes.has_rows = true;
        notes_feed(&notes, SLICE(HEAD));
        notes_feed(&notes, slice_text(messages[i]));
        notes_feed(&notes, SLICE("," INSERT("2")));
        notes_feed(&notes, SLICE(END));
        notes_feed(&notes, SLICE(NEXT_HEAD));
        notes_feed(&notes, SLICE(INSERT("3")));
        if (strstr(buf_text(&notes.text), "id=<2>") || !strstr(buf_text(&notes.text), "gap ") ||
            !strstr(buf_text(&notes.text), "insert s.t0/3F#0 x8 id=<3>\n"))
            fail_msg("%s\ngives\n%s", messages[i], buf_text(&notes.text));
    }
}

static void a_truncated_final_message_is_a_gap(void **state)
{
    const struct slice whole = SLICE(HEAD INSERT("1") END);

    (void)state;
    for (size_t size = 1; size < whole.size; size++) {
        CLEANUP(notes_release) struct notes notes;
        notes_init(&notes, decoder_wal2json_v1_new);
        notes_feed(&notes, slice_of(whole.at, size));
        const bool is_at_a_piece = size == sizeof HEAD - 1 || size == whole.size - 2;
        assert_int_equal(strstr(buf_text(&notes.text), "gap") == NULL, is_at_a_piece);
        assert_null(strstr(buf_text(&notes.text), "commit"));
    }
}

static void a_reset_forgets_the_transaction(void **state)
{
    CLEANUP(notes_release) struct notes notes;

    (void)state;
    notes_init(&notes, decoder_wal2json_v1_new);
    notes_feed(&notes, SLICE(HEAD));
    notes.decoder->ops->reset(notes.decoder);
    notes_feed(&notes, SLICE(NEXT_HEAD END));
    notes_are(&notes, "commit 0/3F 0/40\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_messages_are_decoded),
        cmocka_unit_test(a_message_is_what_wal2json_printed),
        cmocka_unit_test(pieces_are_read_as_one),
        cmocka_unit_test(what_cannot_be_decoded_costs_its_transaction),
        cmocka_unit_test(a_truncated_final_message_is_a_gap),
        cmocka_unit_test(a_reset_forgets_the_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
