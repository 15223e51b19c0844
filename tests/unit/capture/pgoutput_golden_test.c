/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/golden/pgoutput.hex is what PostgreSQL 15.20 sent while tests/golden/types.sql ran, a
 * message a line; pgoutput.types is what format_type() said of the types; messages.txt is what
 * must come out, as of the other decoders.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "capture/decoder.h"
#include "capture/types.h"
#include "encode/json.h"

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char bytes[65536];
    size_t size;

    if (!file)
        fail_msg("cannot open %s", path);
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0)
        buf_add_bytes(out, bytes, size);
    fclose(file);
}

static enum status add_message(void *arg, const struct change *change)
{
    struct buf *messages = arg;

    if (change->kind != CHANGE_TRUNCATE) {
        assert_true(encode_plain(messages, change));
        buf_add_char(messages, '\n');
    }
    return OK;
}

static void on_commit(void *arg, lsn commit, lsn end)
{
    (void)arg;
    assert_true(commit < end);
}

static void retire(void *arg, struct table *table)
{
    (void)arg;
    table_free(table);
}

/* "1043 14 character varying(10)", with \n and \\ in it. */
static void answer(struct types *types, struct slice line)
{
    const uint32_t oid = (uint32_t)strtoul(slice_cut(&line, ' ').at, NULL, 10);
    const int32_t modifier = (int32_t)strtol(slice_cut(&line, ' ').at, NULL, 10);
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    for (size_t i = 0; i < line.size; i++) {
        if (line.at[i] != '\\') {
            buf_add_char(&name, line.at[i]);
            continue;
        }
        i++;
        buf_add_char(&name, line.at[i] == 'n' ? '\n' : line.at[i]);
    }
    types_answer(types, oid, modifier, buf_slice(&name));
}

static void answer_all(struct types *types, struct slice lines)
{
    while (lines.size > 0)
        answer(types, slice_cut(&lines, '\n'));
    assert_int_equal(types_wanted(types), 0);
}

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void feed_line(struct decoder *decoder, struct types *types, struct slice line,
                      struct slice names)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    struct fault fault = {0};

    for (size_t i = 0; i + 1 < line.size; i += 2)
        buf_add_char(&message, (char)(nibble(line.at[i]) << 4 | nibble(line.at[i + 1])));
    enum status status = decoder->ops->feed(decoder, buf_slice(&message), 0, &fault);
    if (status == ERR_AGAIN) {
        answer_all(types, names);
        status = decoder->ops->feed(decoder, buf_slice(&message), 0, &fault);
    }
    if (status != OK)
        fail_msg("%s: %.*s", fault.text, SLICE_ARG(line));
}

static void a_recorded_stream_gives_its_messages(void **state)
{
    CLEANUP(buf_release) struct buf hex = BUF_INIT;
    CLEANUP(buf_release) struct buf names = BUF_INIT;
    CLEANUP(buf_release) struct buf want = BUF_INIT;
    CLEANUP(buf_release) struct buf got = BUF_INIT;
    struct types *types = types_new();
    const struct decoder_config config = {
        .sink = add_message, .on_commit = on_commit, .retire = retire, .arg = &got, .types = types};
    struct decoder *decoder = decoder_pgoutput_new(&config);

    (void)state;
    read_file("tests/golden/pgoutput.hex", &hex);
    read_file("tests/golden/pgoutput.types", &names);
    read_file("tests/golden/messages.txt", &want);
    for (struct slice lines = buf_slice(&hex); lines.size > 0;)
        feed_line(decoder, types, slice_cut(&lines, '\n'), buf_slice(&names));

    struct slice got_lines = buf_slice(&got), want_lines = buf_slice(&want);
    while (want_lines.size > 0) {
        const struct slice line = slice_cut(&want_lines, '\n');
        const struct slice got_line = slice_cut(&got_lines, '\n');
        if (!slice_equal(got_line, line))
            fail_msg("got  %.*s\nwant %.*s", SLICE_ARG(got_line), SLICE_ARG(line));
    }
    assert_int_equal(got_lines.size, 0);
    decoder_free(decoder);
    types_free(types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_stream_gives_its_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
