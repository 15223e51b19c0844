/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "fields.h"
#include "stream.h"

static enum status feed(struct stream *s, const char *text)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;

    add_message(&message, text);
    return stream_feed(s, buf_slice(&message));
}

#define BEGIN "B 8:0x100 8:1000000 4:7"
#define COMMIT "C 1:0 8:0x100 8:0x120 8:1000000"
#define T "R 4:1 'public 't d 2:2 1:1 'id 4:23 4:-1 1:0 'v 4:25 4:-1"
#define FULL "R 4:2 'public 'full f 2:2 1:1 'id 4:23 4:-1 1:1 'v 4:25 4:-1"
#define NAMES "\"columnnames\":[\"id\",\"v\"],\"columntypes\":[\"integer\",\"text\"],"
#define OF(table) "\"schema\":\"public\",\"table\":\"" table "\""
#define OLD(names, types, values)                                                                  \
    ",\"oldkeys\":{\"keynames\":[" names "],\"keytypes\":[" types "],\"keyvalues\":[" values "]}"
#define KEY(value) OLD("\"id\"", "\"integer\"", value)

static void open_transaction(struct stream *s)
{
    stream_open(s);
    assert_int_equal(feed(s, BEGIN), OK);
    assert_int_equal(feed(s, T), OK);
    assert_int_equal(feed(s, FULL), OK);
    assert_int_equal(s->got.size, 0);
}

static const struct {
    const char *message, *want;
} changes[] = {
    {"I 4:1 N 2:2 t=5 t=x",
     "{\"kind\":\"insert\"," OF("t") "," NAMES "\"columnvalues\":[5,\"x\"]}"},
    {"I 4:1 N 2:2 t=5 n", "{\"kind\":\"insert\"," OF("t") "," NAMES "\"columnvalues\":[5,null]}"},
    {"I 4:1 N 2:2 t=5 t=", "{\"kind\":\"insert\"," OF("t") "," NAMES "\"columnvalues\":[5,\"\"]}"},
    {"U 4:1 N 2:2 t=5 t=y",
     "{\"kind\":\"update\"," OF("t") "," NAMES "\"columnvalues\":[5,\"y\"]" KEY("5") "}"},
    {"U 4:1 N 2:2 t=5 u",
     "{\"kind\":\"update\"," OF("t") ",\"columnnames\":[\"id\"],\"columntypes\":[\"integer\"],"
                                     "\"columnvalues\":[5]" KEY("5") "}"},
    {"U 4:1 K 2:2 t=4 n N 2:2 t=5 t=y",
     "{\"kind\":\"update\"," OF("t") "," NAMES "\"columnvalues\":[5,\"y\"]" KEY("4") "}"},
    {"U 4:2 O 2:2 t=5 n N 2:2 t=5 t=y",
     "{\"kind\":\"update\"," OF("full") "," NAMES "\"columnvalues\":[5,\"y\"]" KEY("5") "}"},
    {"U 4:2 O 2:2 t=5 t=x N 2:2 t=5 u",
     "{\"kind\":\"update\"," OF("full") ",\"columnnames\":[\"id\"],\"columntypes\":[\"integer\"],"
                                        "\"columnvalues\":[5]" OLD(
                                            "\"id\",\"v\"", "\"integer\",\"text\"", "5,\"x\"") "}"},
    {"D 4:1 K 2:2 t=5 n", "{\"kind\":\"delete\"," OF("t") KEY("5") "}"},
    {"D 4:2 O 2:2 n t=x", "{\"kind\":\"delete\"," OF("full") OLD("\"v\"", "\"text\"", "\"x\"") "}"},
    {"T 4:1 1:0 4:1", "{\"kind\":\"truncate\"," OF("t") "}"},
};

static void rows_become_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        CLEANUP(buf_release) struct buf want = BUF_INIT;
        struct stream s;

        open_transaction(&s);
        assert_int_equal(feed(&s, changes[i].message), OK);
        buf_printf(&want, "0/100:0 %s\n", changes[i].want);
        assert_slice_is(buf_slice(&s.got), buf_text(&want));
        stream_close(&s);
    }
}

static void transactions_are_told_apart(void **state)
{
    struct stream s;

    (void)state;
    open_transaction(&s);
    assert_int_equal(feed(&s, "D 4:1 K 2:2 t=1 n"), OK);
    assert_int_equal(feed(&s, "O 8:0x50 'elsewhere"), OK);
    assert_int_equal(feed(&s, "M 1:1 8:0x90 'prefix 4:2 h i"), OK);
    assert_int_equal(feed(&s, "Y 4:16390 'public 'mood"), OK);
    assert_int_equal(feed(&s, "D 4:1 K 2:2 t=2 n"), OK);
    assert_int_equal(feed(&s, COMMIT), OK);
    assert_int_equal(feed(&s, "M 1:0 8:0x130 'prefix 4:2 h i"), OK);
    assert_int_equal(feed(&s, "B 8:0x140 8:0 4:8"), OK);
    assert_int_equal(feed(&s, "D 4:1 K 2:2 t=3 n"), OK);
    assert_int_equal(feed(&s, "C 1:0 8:0x140 8:0x150 8:0"), OK);
#define GONE(value) "{\"kind\":\"delete\"," OF("t") KEY(value) "}\n"
    assert_slice_is(buf_slice(&s.got), "0/100:0 " GONE("1") "0/100:1 " GONE(
                                           "2") "commit 0/100 0/120\n"
                                                "0/140:0 " GONE("3") "commit 0/140 0/150\n");
    stream_close(&s);
}

/* What is wrong by itself, whatever came before. */
static const char *const hostile[] = {
    "",
    "?",
    "I 4:9 N 2:2 t=5 t=x",     /* never described */
    "I 4:1 N 2:1 t=5",         /* fewer values than columns */
    "I 4:1 N 2:3 t=5 t=x t=y", /* more */
    "I 4:1 N 2:65535 t=5 t=x",
    "I 4:1 N 2:2 t=5 t 4:-1 x", /* lengths negative, larger than the rest */
    "I 4:1 N 2:2 t=5 t 4:0x7fffffff x",
    "I 4:1 N 2:2 t=5 t 4:2 x",
    "I 4:1 N 2:2 t=5 b=x", /* binary, not asked for */
    "I 4:1 N 2:2 t=5 ?=x", /* no kind of value */
    "I 4:1 N 2:2 t=5 u",   /* unchanged, in an insert */
    "I 4:1 K 2:2 t=5 n",   /* a key tuple in an insert */
    "I 4:1 O 2:2 t=5 n",
    "U 4:1 K 2:2 t=5 n",                         /* no new tuple */
    "U 4:1 K 2:2 u n N 2:2 t=5 n",               /* unchanged, in a key */
    "U 4:2 O 2:2 t=5 n K 2:2 t=5 n N 2:2 t=5 n", /* both old tuples */
    "U 4:1 ? 2:2 t=5 n",
    "D 4:1 N 2:2 t=5 n", /* a delete of a new tuple */
    "D 4:1 K 2:2 u n",
    "D 4:1 K 2:0",
    "T 4:2 1:0 4:1", /* fewer tables than it says */
    "T 4:-1 1:0 4:1",
    "T 4:0x40000001 1:0 4:1",                    /* times four wraps around */
    "T 4:2 1:0 4:1 4:9",                         /* the second was never described */
    "R 4:1 'public 't d 2:-1 1:1 'id 4:23 4:-1", /* columns negative, missing */
    "R 4:1 'public 't d 2:1665 1:1 'id 4:23 4:-1",
    "R 4:1 'public 't d 2:2 1:1 'id 4:23 4:-1",
    "R 4:1 'public 't x 2:1 1:1 'id 4:23 4:-1", /* no replica identity */
    "R 4:1 'public ' d 2:1 1:1 'id 4:23 4:-1",  /* no name */
    "R 4:1 public",                             /* a string without NUL */
    "Y 4:16390 'public mood",
    "O 8:0x50 elsewhere",
    "M 1:1 8:0x90 'prefix 4:-1 h i",
    "M 1:1 8:0x90 'prefix 4:3 h i",
    "B 8:0x100 8:0 4:7",         /* a transaction within one */
    "C 1:0 8:0xff 8:0x120 8:0",  /* not the LSN that Begin said */
    "C 1:0 8:0x100 8:0x100 8:0", /* ends before it commits */
    "S 4:7 1:1",
    "E",
    "c 4:7 1:0 8:0x100 8:0x120 8:0",
    "A 4:7 4:7", /* protocol 2 to 4 */
    "b 8:1 8:1 8:0 4:7 'gid",
    "P 1:0 8:1 8:1 8:0 4:7 'gid",
    "K 1:0 8:1 8:1 8:0 4:7 'gid",
    "r 1:0 8:1 8:1 8:0 8:0 4:7 'gid",
    "p 1:0 8:1 8:1 8:0 4:7 'gid",
};

static void hostile_messages_cost_their_transaction(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct stream s;

        open_transaction(&s);
        assert_int_equal(feed(&s, "D 4:2 O 2:2 t=1 n"), OK);
        if (feed(&s, hostile[i]) != ERR_PARSE)
            fail_msg("taken: %s", hostile[i]);
        const struct position lost = s.decoder->ops->skip(s.decoder);
        assert_true(lost.commit == 0x100 && lost.index == 1);

        buf_reset(&s.got); /* the rest is ignored, the next transaction is not */
        assert_int_equal(feed(&s, "D 4:2 O 2:2 t=2 n"), OK);
        assert_int_equal(feed(&s, "O 8:0x50 elsewhere"), OK);
        assert_int_equal(feed(&s, COMMIT), OK);
        assert_int_equal(feed(&s, "B 8:0x140 8:0 4:8"), OK);
        assert_int_equal(feed(&s, "D 4:2 O 2:2 t=3 n"), OK);
        assert_slice_is(buf_slice(&s.got),
                        "commit 0/100 0/120\n"
                        "0/140:0 {\"kind\":\"delete\"," OF("full") KEY("3") "}\n");
        stream_close(&s);
    }
}

static const char *const outside[] = {
    "I 4:1 N 2:2 t=5 t=x",       "D 4:1 K 2:2 t=5 n", "T 4:1 1:0 4:1",
    "C 1:0 8:0x200 8:0x220 8:0", "B 8:0x11f 8:0 4:8", /* steps back behind the end of the one before
                                                       */
};

static void changes_need_a_transaction(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        struct stream s;

        open_transaction(&s);
        assert_int_equal(feed(&s, COMMIT), OK);
        buf_reset(&s.got);
        assert_int_equal(feed(&s, outside[i]), ERR_PARSE);
        (void)s.decoder->ops->skip(s.decoder);
        assert_int_equal(feed(&s, "D 4:1 K 2:2 t=5 n"), OK);
        assert_int_equal(feed(&s, "C 1:0 8:0x11f 8:0x11f 8:0"), OK);
        assert_int_equal(s.got.size, 0);
        assert_int_equal(feed(&s, "B 8:0x140 8:0 4:8"), OK);
        assert_int_equal(feed(&s, "C 1:0 8:0x140 8:0x150 8:0"), OK);
        assert_slice_is(buf_slice(&s.got), "commit 0/140 0/150\n");
        stream_close(&s);
    }
}

/* Each message whole is taken; cut at any place, or with a byte too many, it is not. */
static void every_cut_is_refused(void **state)
{
    static const char *const whole[] = {
        COMMIT,
        T,
        FULL,
        "Y 4:16390 'public 'mood",
        "O 8:0x50 'elsewhere",
        "M 1:1 8:0x90 'prefix 4:2 h i",
        "I 4:1 N 2:2 t=5 t=x",
        "U 4:1 K 2:2 t=4 n N 2:2 t=5 t=y",
        "U 4:2 O 2:2 t=5 n N 2:2 t=5 u",
        "U 4:1 N 2:2 t=5 t=y",
        "D 4:1 K 2:2 t=5 n",
        "D 4:2 O 2:2 n t=x",
        "T 4:2 1:3 4:1 4:2",
    };

    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        CLEANUP(buf_release) struct buf message = BUF_INIT;

        add_message(&message, whole[i]);
        buf_add_char(&message, '\0');
        for (size_t size = 0; size <= message.size; size++) {
            const enum status want = size == message.size - 1 ? OK : ERR_PARSE;
            char *copy = mem_text_n(message.at, size);
            struct stream s;

            open_transaction(&s);
            if (stream_feed(&s, slice_of(copy, size)) != want)
                fail_msg("%zu bytes of %s", size, whole[i]);
            mem_free(copy);
            stream_close(&s);
        }
    }
}

static void a_full_sink_is_asked_again(void **state)
{
    static const char truncate[] = "T 4:3 1:0 4:1 4:2 4:1";
    struct stream s;

    (void)state;
    open_transaction(&s);
    s.room = 0;
    assert_int_equal(feed(&s, "D 4:1 K 2:2 t=1 n"), ERR_AGAIN);
    assert_int_equal(feed(&s, "D 4:1 K 2:2 t=1 n"), ERR_AGAIN);
    s.room = 1;
    assert_int_equal(feed(&s, "D 4:1 K 2:2 t=1 n"), OK);
    s.room = 2;
    assert_int_equal(feed(&s, truncate), ERR_AGAIN);
    assert_int_equal(feed(&s, truncate), ERR_AGAIN);
    s.room = -1;
    assert_int_equal(feed(&s, truncate), OK);
    assert_int_equal(feed(&s, "T 4:1 1:0 4:2"), OK);
    assert_slice_is(
        buf_slice(&s.got),
        "0/100:0 " GONE("1") "0/100:1 {\"kind\":\"truncate\"," OF(
            "t") "}\n"
                 "0/100:2 {\"kind\":\"truncate\"," OF(
                     "full") "}\n"
                             "0/100:3 {\"kind\":\"truncate\"," OF(
                                 "t") "}\n"
                                      "0/100:4 {\"kind\":\"truncate\"," OF("full") "}\n");
    stream_close(&s);
}

static void a_table_has_versions(void **state)
{
    struct stream s;

    (void)state;
    open_transaction(&s);
    assert_int_equal(s.questions, 1); /* FULL has the same types */
    assert_int_equal(feed(&s, T), OK);
    assert_int_equal(s.got.size, 0); /* the same: no new version */
    assert_int_equal(feed(&s, "R 4:1 'public 't2 d 2:1 1:1 'k 4:25 4:-1"), OK);
    assert_int_equal(feed(&s, "D 4:1 K 2:1 t=a"), OK);
    assert_int_equal(s.questions, 1);
    assert_int_equal(feed(&s, "R 4:1 'public 't2 d 2:2 1:1 'k 4:25 4:-1"), ERR_PARSE);
    (void)s.decoder->ops->skip(s.decoder);
    assert_int_equal(feed(&s, "R 4:1 'public 't3 d 2:1 1:1 'k 4:25 4:7"), OK); /* though skipping */
    assert_int_equal(s.questions, 2);
    s.decoder->ops->reset(s.decoder);
    assert_int_equal(feed(&s, "B 8:0x20 8:0 4:8"), OK); /* positions may begin anew */
    assert_int_equal(feed(&s, "D 4:1 K 2:1 t=a"), ERR_PARSE);

    struct slice lines = buf_slice(&s.got);
    assert_slice_is(slice_cut(&lines, '\n'), "retired t");
    assert_slice_is(slice_cut(&lines, '\n'),
                    "0/100:0 {\"kind\":\"delete\"," OF("t2") OLD("\"k\"", "\"text\"", "\"a\"") "}");
    assert_slice_is(slice_cut(&lines, '\n'), "retired t2");
    assert_true(slice_starts(lines, SLICE("retired "))); /* t3 and full, in any order */
    stream_close(&s);
}

static enum status to_hypertable(void *arg, struct slice schema, struct slice name,
                                 struct slice *out_schema, struct slice *out_name)
{
    struct stream *s = arg;

    if (!slice_is(schema, "chunks"))
        return OK;
    if (s->questions < 3) { /* the catalogue is being asked */
        s->questions++;
        return ERR_AGAIN;
    }
    assert_slice_is(name, "_hyper_1_2_chunk");
    *out_schema = SLICE("public");
    *out_name = SLICE("t");
    return OK;
}

static void a_chunk_has_the_name_of_its_hypertable(void **state)
{
    static const char chunk[] = "R 4:3 'chunks '_hyper_1_2_chunk d 2:1 1:1 'id 4:23 4:-1";
    struct stream s;

    (void)state;
    stream_open(&s);
    decoder_free(s.decoder);
    const struct decoder_config config = {.sink = stream_sink,
                                          .on_commit = stream_commit,
                                          .retire = stream_retire,
                                          .name_table = to_hypertable,
                                          .arg = &s,
                                          .types = s.types};
    s.decoder = decoder_pgoutput_new(&config);
    assert_int_equal(feed(&s, BEGIN), OK);
    assert_int_equal(feed(&s, T), OK);
    assert_int_equal(s.questions, 1);
    assert_int_equal(feed(&s, chunk), ERR_AGAIN);
    assert_int_equal(feed(&s, chunk), ERR_AGAIN);
    assert_int_equal(feed(&s, chunk), OK);
    assert_int_equal(feed(&s, "D 4:3 K 2:1 t=5"), OK);
    assert_slice_is(buf_slice(&s.got), "0/100:0 " GONE("5"));
    stream_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_changes),
        cmocka_unit_test(transactions_are_told_apart),
        cmocka_unit_test(hostile_messages_cost_their_transaction),
        cmocka_unit_test(changes_need_a_transaction),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(a_full_sink_is_asked_again),
        cmocka_unit_test(a_table_has_versions),
        cmocka_unit_test(a_chunk_has_the_name_of_its_hypertable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
