/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "fields.h"
#include "spill_disk.h"
#include "stream.h"

/* Feeds a message until the decoder is done with it; skips what it refuses.  The first status that
 * was neither OK nor ERR_AGAIN. */
static enum status feed(struct stream *s, const char *text)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    enum status status, first = OK;

    add_message(&message, text);
    do {
        status = stream_feed(s, buf_slice(&message));
        if (status == OK || (status == ERR_AGAIN && !s->decoder->is_unfinished))
            return first == OK ? status : first;
        if (status != ERR_AGAIN) {
            const struct position lost = s->decoder->ops->skip(s->decoder);
            first = status;
            buf_printf(&s->got, "lost " LSN_FORMAT ":%u\n", LSN_ARG(lost.commit), lost.index);
        }
    } while (s->decoder->is_unfinished);
    return first;
}

#define START(xid) "S 4:" xid " 1:1"
#define AGAIN(xid) "S 4:" xid " 1:0"
#define T(xid) "R 4:" xid " 4:1 'public 't d 2:1 1:1 'id 4:23 4:-1"
#define WIDE(xid) "R 4:" xid " 4:1 'public 't d 2:2 1:1 'id 4:23 4:-1 1:0 'v 4:25 4:-1"
#define D(xid, id) "D 4:" xid " 4:1 K 2:1 t=" id
#define COMMIT(xid, at) "c 4:" xid " 1:0 8:0x" at "0 8:0x" at "8 8:1000000"

/* A line for each thing told: "100:0 delete 5", as the sink below writes it. */
static enum status sink(void *arg, const struct change *change)
{
    struct stream *s = arg;

    if (s->room == 0)
        return ERR_AGAIN;
    if (s->room > 0)
        s->room--;
    buf_printf(&s->got, "%X:%u %s %u", (unsigned)change->position.commit, change->position.index,
               change_kind_text(change->kind), change->table->column_count);
    const struct value *row = change->new_row ? change->new_row : change->old_row;
    if (row)
        buf_printf(&s->got, " %.*s", (int)row[0].size, row[0].text);
    buf_printf(&s->got, " of %u\n", change->xid);
    return OK;
}

static void open_on(struct stream *s, const struct spill_files *files)
{
    *s = (struct stream){.types = types_new(), .room = -1};
    const struct decoder_config config = {.sink = sink,
                                          .on_commit = stream_commit,
                                          .retire = stream_retire,
                                          .arg = s,
                                          .types = s->types,
                                          .spill_memory = files ? 0 : 1 << 20,
                                          .spill_directory = "/tmp",
                                          .spill_files = files};
    s->decoder = decoder_pgoutput_new(&config);
}

/* What is fed, one a line of the array, and what must be told. */
static const struct {
    const char *name, *messages[24], *want;
} cases[] = {
    {"a transaction in two blocks",
     {START("7"), T("7"), D("7", "1"), "E", AGAIN("7"), D("7", "2"), "T 4:7 4:1 1:0 4:1", "E",
      COMMIT("7", "10")},
     "100:0 delete 1 1 of 7\n100:1 delete 1 2 of 7\n100:2 truncate 1 of 7\ncommit 0/100 0/108\n"},
    {"types, origins and logical messages",
     {START("7"), "O 8:1 'there", "Y 4:7 4:16390 'public 'mood", "M 4:7 1:1 8:9 'p 4:1 x", T("7"),
      D("7", "1"), "E", COMMIT("7", "10")},
     "100:0 delete 1 1 of 7\ncommit 0/100 0/108\n"},
    {"rolled back as a whole",
     {START("7"), T("7"), D("7", "1"), "E", "A 4:7 4:7", START("8"), T("8"), D("8", "2"), "E",
      COMMIT("8", "10")},
     "100:0 delete 1 2 of 8\ncommit 0/100 0/108\n"},
    {"a part rolled back, whose description of the table counts",
     {START("7"), T("8"), D("8", "1"), D("7", "2"), D("9", "3"), "E", "A 4:7 4:8", AGAIN("7"),
      D("7", "4"), "E", COMMIT("7", "10")},
     "100:0 delete 1 2 of 7\n100:1 delete 1 3 of 7\n100:2 delete 1 4 of 7\ncommit 0/100 0/108\n"},
    {"by turns, and whole ones between",
     {START("7"), T("7"), D("7", "1"), "E", START("8"), T("8"), D("8", "2"), "E",
      "B 8:0x40 8:0 4:5", "R 4:1 'public 't d 2:1 1:1 'id 4:23 4:-1", "D 4:1 K 2:1 t=3",
      "C 1:0 8:0x40 8:0x50 8:0", AGAIN("7"), D("7", "4"), "E", COMMIT("8", "10"),
      COMMIT("7", "20")},
     "40:0 delete 1 3 of 5\ncommit 0/40 0/50\n100:0 delete 1 2 of 8\ncommit 0/100 0/108\n"
     "200:0 delete 1 1 of 7\n200:1 delete 1 4 of 7\ncommit 0/200 0/208\n"},
    {"a description that was overtaken holds for its own",
     {START("7"), T("7"), D("7", "1"), "E", "B 8:0x40 8:0 4:5",
      "R 4:1 'public 't d 2:2 1:1 'id 4:23 4:-1 1:0 'v 4:25 4:-1", "C 1:0 8:0x40 8:0x50 8:0",
      COMMIT("7", "10"), "B 8:0x140 8:0 4:6", "D 4:1 K 2:2 t=2 n", "C 1:0 8:0x140 8:0x150 8:0"},
     "commit 0/40 0/50\n100:0 delete 1 1 of 7\nretired t\ncommit 0/100 0/108\n"
     "140:0 delete 2 2 of 6\ncommit 0/140 0/150\n"},
    {"a later one holds on",
     {"B 8:0x40 8:0 4:5", "R 4:1 'public 't d 2:1 1:1 'id 4:23 4:-1", "C 1:0 8:0x40 8:0x50 8:0",
      START("7"), WIDE("7"), "D 4:7 4:1 K 2:2 t=1 n", "E", COMMIT("7", "10"), "B 8:0x140 8:0 4:6",
      "D 4:1 K 2:2 t=2 n", "C 1:0 8:0x140 8:0x150 8:0"},
     "commit 0/40 0/50\nretired t\n100:0 delete 2 1 of 7\ncommit 0/100 0/108\n"
     "140:0 delete 2 2 of 6\ncommit 0/140 0/150\n"},
    {"that of one rolled back is none",
     {"B 8:0x40 8:0 4:5", "R 4:1 'public 't d 2:1 1:1 'id 4:23 4:-1", "C 1:0 8:0x40 8:0x50 8:0",
      START("7"), WIDE("7"), "E", "A 4:7 4:7", "B 8:0x140 8:0 4:6", "D 4:1 K 2:1 t=2",
      "C 1:0 8:0x140 8:0x150 8:0"},
     "commit 0/40 0/50\n140:0 delete 1 2 of 6\ncommit 0/140 0/150\n"},
    {"an abort of nothing", {"A 4:9 4:9", "A 4:9 4:10"}, ""},
    {"a server that forgot one begins it anew",
     {START("7"), T("7"), D("7", "1"), "E", START("7"), T("7"), D("7", "2"), "E",
      COMMIT("7", "10")},
     "100:0 delete 1 2 of 7\ncommit 0/100 0/108\n"},

    /* hostile */
    {"a block in a block",
     {START("7"), T("7"), D("7", "1"), START("8"), D("8", "1"), "E", COMMIT("7", "10"),
      COMMIT("8", "20")},
     "lost 0/0:0\ncommit 0/100 0/108\ncommit 0/200 0/208\n"},
    {"a commit of nothing", {COMMIT("7", "10")}, "lost 0/100:0\ncommit 0/100 0/108\n"},
    {"an end of nothing", {"E"}, "lost 0/0:0\n"},
    {"more of nothing",
     {AGAIN("7"), D("7", "1"), "E", COMMIT("7", "10")},
     "lost 0/0:0\ncommit 0/100 0/108\n"},
    {"a commit within a block", {START("7"), T("7"), COMMIT("7", "10"), "E"}, "lost 0/0:0\n"},
    {"an abort within a block",
     {START("7"), T("7"), "A 4:7 4:7", "E", COMMIT("7", "10")},
     "lost 0/0:0\ncommit 0/100 0/108\n"},
    {"a block within a transaction",
     {"B 8:0x40 8:0 4:5", START("7"), T("7"), "E", "C 1:0 8:0x40 8:0x50 8:0", COMMIT("7", "10")},
     "lost 0/40:0\ncommit 0/40 0/50\ncommit 0/100 0/108\n"},
    {"a transaction within a block",
     {START("7"), T("7"), "B 8:0x40 8:0 4:5", "C 1:0 8:0x40 8:0x50 8:0", COMMIT("7", "10")},
     "lost 0/0:0\ncommit 0/100 0/108\n"},
    {"a commit that steps back",
     {START("7"), T("7"), D("7", "1"), "E", COMMIT("7", "20"), START("8"), T("8"), "E",
      COMMIT("8", "10"), START("9"), D("9", "3"), "E", COMMIT("9", "30")},
     "200:0 delete 1 1 of 7\ncommit 0/200 0/208\nlost 0/0:0\n300:0 delete 1 3 of 9\n"
     "commit 0/300 0/308\n"},
    {"a commit that ends before it", {START("7"), "E", "c 4:7 1:0 8:9 8:9 8:0"}, "lost 0/0:0\n"},
    {"a message without its number",
     {START("7"), T("7"), D("7", "1"), "I 1:0", D("7", "2"), "E", COMMIT("7", "10")},
     "lost 0/0:0\ncommit 0/100 0/108\n"},
    {"a message that is cut", /* what comes before it is told, and descriptions behind it count */
     {START("7"), T("7"), D("7", "1"), "D 4:7 4:1 K 2:1 t", D("7", "2"), WIDE("7"), "E",
      COMMIT("7", "10"), "B 8:0x140 8:0 4:6", "D 4:1 K 2:2 t=2 n", "C 1:0 8:0x140 8:0x150 8:0"},
     "100:0 delete 1 1 of 7\nlost 0/100:1\nretired t\ncommit 0/100 0/108\n"
     "140:0 delete 2 2 of 6\ncommit 0/140 0/150\n"},
    {"a description that is cut",
     {START("7"), T("7"), D("7", "1"), "R 4:7 4:1 'public", D("7", "2"), "E", COMMIT("7", "10")},
     "100:0 delete 1 1 of 7\nretired t\nlost 0/100:1\ncommit 0/100 0/108\n"},
    {"two-phase commit, not asked for", {"b 8:1 8:1 8:0 4:7 'gid"}, "lost 0/0:0\n"},
    {"cut", {"S 4:7"}, "lost 0/0:0\n"},
    {"cut", {"c 4:7 1:0 8:1"}, "lost 0/0:0\n"},
    {"cut", {"A 4:7"}, "lost 0/0:0\n"},
};

static void run_case(size_t i, const struct spill_files *files)
{
    struct stream s;

    open_on(&s, files);
    for (size_t n = 0; cases[i].messages[n]; n++)
        assert_int_not_equal(feed(&s, cases[i].messages[n]), ERR_AGAIN);
    if (!slice_is(buf_slice(&s.got), cases[i].want))
        fail_msg("%s: got\n%.*swant\n%s", cases[i].name, SLICE_ARG(buf_slice(&s.got)),
                 cases[i].want);
    stream_close(&s);
}

static void transactions_are_told_when_they_commit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct disk disk = {0};
        const struct spill_files files = disk_files(&disk);

        run_case(i, NULL);
        run_case(i, &files); /* with no memory to put anything by */
        assert_int_equal(disk_open_count(&disk), 0);
    }
}

static void add_rows(struct stream *s, unsigned count)
{
    assert_int_equal(feed(s, START("7")), OK);
    assert_int_equal(feed(s, T("7")), OK);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(feed(s, D("7", "1")), OK);
    assert_int_equal(feed(s, "E"), OK);
}

static void a_full_journal_is_waited_for(void **state)
{
    struct stream s;

    (void)state;
    open_on(&s, NULL);
    add_rows(&s, 4);
    for (int i = 0; i < 5; i++) {
        s.room = i == 0 ? 0 : 1;
        assert_int_equal(feed(&s, COMMIT("7", "10")), i == 4 ? OK : ERR_AGAIN);
        assert_false(s.decoder->is_unfinished);
    }
    assert_slice_is(buf_slice(&s.got), "100:0 delete 1 1 of 7\n100:1 delete 1 1 of 7\n"
                                       "100:2 delete 1 1 of 7\n100:3 delete 1 1 of 7\n"
                                       "commit 0/100 0/108\n");
    stream_close(&s);
}

static void a_large_transaction_takes_turns(void **state)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    struct stream s;
    int turns = 1;

    (void)state;
    open_on(&s, NULL);
    add_rows(&s, 50000);
    add_message(&message, COMMIT("7", "10"));
    while (stream_feed(&s, buf_slice(&message)) == ERR_AGAIN) {
        assert_true(s.decoder->is_unfinished);
        turns++;
    }
    assert_in_range(turns, 5, 100);
    s.decoder->ops->reset(s.decoder);
    assert_non_null(memmem(s.got.at, s.got.size, ":49999 delete", 13));
    stream_close(&s);
}

static void a_disk_that_fails_is_waited_for(void **state)
{
    bool has_failed = true;

    (void)state;
    for (int failing = 1; has_failed; failing++) {
        struct disk disk = {.failing = failing, .error = ENOSPC};
        const struct spill_files files = disk_files(&disk);
        struct stream s;
        int waits = 0;

        open_on(&s, &files);
        assert_int_equal(feed(&s, START("7")), OK);
        assert_int_equal(feed(&s, T("7")), OK);
        for (unsigned i = 0; i < 20000; i++)
            while (feed(&s, D("7", "1")) == ERR_AGAIN)
                waits++;
        assert_int_equal(feed(&s, "E"), OK);
        while (feed(&s, COMMIT("7", "10")) == ERR_AGAIN)
            waits++;
        has_failed = disk.call >= failing;
        assert_int_equal(waits, has_failed ? 1 : 0);
        assert_true(!has_failed || strstr(s.fault.text, "No space left"));
        assert_non_null(memmem(s.got.at, s.got.size, ":19999 delete", 13));
        assert_null(memmem(s.got.at, s.got.size, ":20000 delete", 13));
        stream_close(&s);
    }
}

static void protocols_go_by_the_server(void **state)
{
    static const struct {
        int protocol, version;
        const char *want;
    } servers[] = {
        {0, 100023, "proto_version '1'"},
        {0, 130014, "proto_version '1'"},
        {4, 130014, "proto_version '1'"},
        {0, 140000, "proto_version '2', streaming 'on'"},
        {3, 140000, "proto_version '2', streaming 'on'"},
        {0, 150020, "proto_version '3', streaming 'on'"},
        {1, 150020, "proto_version '1'"},
        {2, 150020, "proto_version '2', streaming 'on'"},
        {0, 160001, "proto_version '4', streaming 'on'"},
        {1, 190000, "proto_version '1'"},
        {3, 190000, "proto_version '3', streaming 'on'"},
        {0, 190000, "proto_version '4', streaming 'on'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        const struct decoder_config config = {.protocol = servers[i].protocol,
                                              .types = types_new()};
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        struct decoder *decoder = decoder_pgoutput_new(&config);

        decoder->ops->add_options(decoder, servers[i].version, &out);
        assert_slice_is(buf_slice(&out), servers[i].want);
        decoder_free(decoder);
        types_free(config.types);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_are_told_when_they_commit),
        cmocka_unit_test(a_full_journal_is_waited_for),
        cmocka_unit_test(a_large_transaction_takes_turns),
        cmocka_unit_test(a_disk_that_fails_is_waited_for),
        cmocka_unit_test(protocols_go_by_the_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
