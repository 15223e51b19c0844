/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/websocket.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

/*
 * What a reader makes of bytes, as one text: "text:Hi;ping:x;close:1000:bye;" or "error:1002;".
 * Every case is read in one piece, byte by byte, and cut in two at every place, and must give the
 * same text.
 */
#define M "\0\0\0\0" /* a mask that changes nothing keeps the cases readable */

static void note_data(struct buf *out, struct buf *message, const struct ws_event *event)
{
    buf_add(message, event->bytes);
    if (!event->is_last)
        return;
    buf_add_text(out, event->opcode == WS_TEXT ? "text:" : "binary:");
    buf_add(out, buf_slice(message));
    buf_add_char(out, ';');
    buf_reset(message);
}

static void note(struct buf *out, struct buf *message, const struct ws_event *event)
{
    switch (event->kind) {
    case WS_EVENT_DATA:
        note_data(out, message, event);
        break;
    case WS_EVENT_PING:
        buf_printf(out, "ping:%.*s;", SLICE_ARG(event->bytes));
        break;
    case WS_EVENT_PONG:
        buf_printf(out, "pong:%.*s;", SLICE_ARG(event->bytes));
        break;
    case WS_EVENT_CLOSE:
        buf_printf(out, "close:%u:%.*s;", event->code, SLICE_ARG(event->bytes));
        break;
    }
}

/* A piece lives in a block of just its size, so that ASan sees a step beyond it. */
static void feed(struct ws_reader *reader, struct slice piece, struct buf *message, struct buf *out)
{
    char *block = malloc(piece.size > 0 ? piece.size : 1);
    struct ws_event event;
    enum status status;

    assert_non_null(block);
    if (piece.size > 0)
        memcpy(block, piece.at, piece.size);
    struct ws_input input = {block, piece.size};
    while ((status = ws_read(reader, &input, &event)) == OK)
        note(out, message, &event);
    if (status == ERR_INPUT) {
        assert_true(event.bytes.size > 0 && event.bytes.size <= 123);
        buf_printf(out, "error:%u;", event.code);
    }
    if (status == ERR_AGAIN)
        assert_int_equal(input.size, 0);
    free(block);
}

static void check_cut(struct slice bytes, size_t first, size_t step, const char *want)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    CLEANUP(ws_reader_release) struct ws_reader reader;
    size_t at = first;

    ws_reader_init(&reader, 1000);
    feed(&reader, slice_of(bytes.at, first), &message, &out);
    while (at < bytes.size) {
        const size_t size = bytes.size - at < step ? bytes.size - at : step;
        feed(&reader, slice_of(bytes.at + at, size), &message, &out);
        at += size;
    }
    if (!slice_is(buf_slice(&out), want))
        fail_msg("cut at %zu, then every %zu: got \"%s\", want \"%s\"", first, step, buf_text(&out),
                 want);
}

static void check(struct slice bytes, const char *want)
{
    check_cut(bytes, bytes.size, 1, want);
    for (size_t first = 0; first <= bytes.size; first++) {
        check_cut(bytes, first, bytes.size + 1, want);
        check_cut(bytes, first, 1, want);
    }
}

struct frame_case {
    struct slice bytes;
    const char *want;
};

static void check_all(const struct frame_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(cases[i].bytes, cases[i].want);
}

static void good_frames_become_events(void **state)
{
    const struct frame_case cases[] = {
        {SLICE(""), ""},
        {SLICE("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "text:Hello;"}, /* RFC 6455 5.7 */
        {SLICE("\x81\x80" M), "text:;"},
        {SLICE("\x82\x82" M "Hi\x81\x81" M "x"), "binary:Hi;text:x;"},
        {SLICE("\x01\x81" M "a\x00\x80" M "\x80\x81" M "b"), "text:ab;"},
        {SLICE("\x01\x81" M "a\x80\x80" M), "text:a;"},
        {SLICE("\x89\x82" M "yo\x8a\x80" M), "ping:yo;pong:;"},
        {SLICE("\x01\x81" M "a\x89\x81" M "p\x80\x81" M "b"), "ping:p;text:ab;"},
        {SLICE("\x88\x80" M), "close:1005:;"},
        {SLICE("\x88\x82" M "\x03\xe8"), "close:1000:;"},
        {SLICE("\x88\x85" M "\x03\xe8"
               "bye"),
         "close:1000:bye;"},
        {SLICE("\x88\x80" M "\x81\x81" M "x\xff\xff"), "close:1005:;"}, /* data after close */
        {SLICE("\x81\x83" M "\xe2\x82\xac"), "text:\xe2\x82\xac;"},
        {SLICE("\x01\x81" M "\xe2\x00\x81" M "\x82\x80\x81" M "\xac"), "text:\xe2\x82\xac;"},
        {SLICE("\x82\x82" M "\xff\xfe"), "binary:\xff\xfe;"}, /* no text, any bytes */
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

static void broken_frames_are_refused(void **state)
{
    const struct frame_case cases[] = {
        {SLICE("\x81\x01x"), "error:1002;"}, /* unmasked */
        {SLICE("\x89\x00"), "error:1002;"},
        {SLICE("\xc1\x81" M "x"), "error:1002;"}, /* reserved bits */
        {SLICE("\xa1\x81" M "x"), "error:1002;"},
        {SLICE("\x91\x81" M "x"), "error:1002;"},
        {SLICE("\xc9\x80" M), "error:1002;"},
        {SLICE("\x01\x81" M "a\xc0\x81" M "b"), "error:1002;"},
        {SLICE("\x83\x80" M), "error:1002;"}, /* reserved opcodes */
        {SLICE("\x87\x80" M), "error:1002;"},
        {SLICE("\x8b\x80" M), "error:1002;"},
        {SLICE("\x8f\x80" M), "error:1002;"},
        {SLICE("\x09\x80" M), "error:1002;"}, /* control frames: fragmented, too long */
        {SLICE("\x08\x80" M), "error:1002;"},
        {SLICE("\x89\xfe\x00\x7e" M), "error:1002;"},
        {SLICE("\x8a\xff"), "error:1002;"},
        {SLICE("\x80\x80" M), "error:1002;"}, /* a continuation of nothing */
        {SLICE("\x81\x80" M "\x80\x80" M), "text:;error:1002;"},
        {SLICE("\x01\x81" M "a\x81\x81" M "b"), "error:1002;"}, /* a start within fragments */
        {SLICE("\x01\x81" M "a\x02\x81" M "b"), "error:1002;"},
        {SLICE("\x81\xfe\x00\x7d" M), "error:1002;"}, /* lengths not shortest, top bit */
        {SLICE("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff" M), "error:1002;"},
        {SLICE("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00" M), "error:1002;"},
        {SLICE("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" M), "error:1002;"},
        {SLICE("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" M), "error:1009;"},
        {SLICE("\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00" M), "error:1009;"},
        {SLICE("\x82\xfe\x03\xe9" M), "error:1009;"}, /* 1001 bytes, 1000 allowed */
        {SLICE("\x81\x80" M "\x81\x01"), "text:;error:1002;"},
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

static void text_must_be_utf8(void **state)
{
    const struct frame_case cases[] = {
        {SLICE("\x81\x81" M "\xff"), "error:1007;"},
        {SLICE("\x81\x82" M "\xc0\x80"), "error:1007;"},     /* overlong */
        {SLICE("\x81\x83" M "\xed\xa0\x80"), "error:1007;"}, /* surrogate */
        {SLICE("\x81\x84" M "\xf4\x90\x80\x80"), "error:1007;"},
        {SLICE("\x81\x82" M "\xe2\x82"), "error:1007;"}, /* cut */
        {SLICE("\x01\x82" M "\xe2\x82\x80\x80" M), "error:1007;"},
        {SLICE("\x01\x82" M "\xe2\x82\x80\x81" M "x"), "error:1007;"},
        {SLICE("\x01\xbe" M "\xff"), "error:1007;"}, /* at once, not at the end */
        {SLICE("\x01\x82" M "\xe2\x82\x80\x81" M "\xac\x81\x81" M "\xac"),
         "text:\xe2\x82\xac;error:1007;"},
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

static void a_close_is_checked(void **state)
{
    const struct {
        unsigned code;
        bool is_good;
    } cases[] = {
        {0, false},    {999, false},  {1000, true},  {1001, true},  {1002, true},  {1003, true},
        {1004, false}, {1005, false}, {1006, false}, {1007, true},  {1011, true},  {1012, true},
        {1014, true},  {1015, false}, {1016, false}, {1100, false}, {2000, false}, {2999, false},
        {3000, true},  {3999, true},  {4000, true},  {4999, true},  {5000, false}, {65535, false},
    };
    const struct frame_case others[] = {
        {SLICE("\x88\x81" M "\x03"), "error:1002;"},
        {SLICE("\x88\x83" M "\x03\xe8\xff"), "error:1007;"},
        {SLICE("\x88\x84" M "\x03\xe8\xe2\x82"), "error:1007;"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[] = "\x88\x82" M "..", want[32];

        bytes[6] = (char)(cases[i].code >> 8);
        bytes[7] = (char)(cases[i].code & 0xFF);
        (void)snprintf(want, sizeof want, cases[i].is_good ? "close:%u:;" : "error:1002;",
                       cases[i].code);
        check(slice_of(bytes, 8), want);
    }
    check_all(others, sizeof others / sizeof others[0]);
}

/* What is compressed is handed on as it is, and marked; what is not is checked as ever. */
static void deflated_messages_are_marked(void **state)
{
    const struct {
        struct slice bytes;
        const char *want;
    } cases[] = {
        {SLICE("\xc1\x82" M "\xff\x00"), "2d"},
        {SLICE("\xc2\x81" M "\xff"), "1d"},
        {SLICE("\x81\x81" M "x"), "1"},
        {SLICE("\x41\x81" M "\xff\x80\x81" M "\xff"), "1d1d"}, /* in fragments */
        {SLICE("\x41\x81" M "\xff\x89\x80" M "\x80\x80" M "\x81\x81" M "x"), "1dp0d1"},
        {SLICE("\xc1\x80" M "\x81\x81" M "\xff"), "0d!1007"},
        {SLICE("\xc1\xfe\x07\xe8" M), "!"}, /* 1000 bytes, and 1024 that compressing may add */
        {SLICE("\xc1\xfe\x07\xe9" M), "!1009"},
        {SLICE("\x41\x81" M "x\x80\xfe\x07\xe8" M), "1d!1009"},
        {SLICE("\xc9\x80" M), "!1002"}, /* no control frames */
        {SLICE("\xc8\x80" M), "!1002"},
        {SLICE("\xca\x80" M), "!1002"},
        {SLICE("\x41\x81" M "x\xc0\x81" M "y"), "1d!1002"}, /* no continuation */
        {SLICE("\x01\x81" M "x\xc0\x81" M "y"), "1!1002"},
        {SLICE("\xc0\x81" M "y"), "!1002"},
        {SLICE("\xe1\x81" M "x"), "!1002"}, /* the other bits are still reserved */
        {SLICE("\xd1\x81" M "x"), "!1002"},
        {SLICE("\xa1\x81" M "x"), "!1002"},
        {SLICE("\xc3\x81" M "x"), "!1002"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(ws_reader_release) struct ws_reader reader;
        CLEANUP(buf_release) struct buf bytes = BUF_INIT, got = BUF_INIT;
        struct ws_event event = {0};
        enum status status;

        buf_add(&bytes, cases[i].bytes);
        struct ws_input input = {bytes.at, bytes.size};
        ws_reader_init(&reader, 1000);
        reader.may_deflate = true;
        while ((status = ws_read(&reader, &input, &event)) == OK) {
            if (event.kind == WS_EVENT_DATA)
                buf_printf(&got, "%zu%s", event.bytes.size, event.is_deflated ? "d" : "");
            else
                buf_add_char(&got, 'p');
        }
        if (status == ERR_INPUT)
            buf_printf(&got, "!%u", event.code);
        else if (cases[i].want[0] == '!')
            buf_add_char(&got, '!'); /* nothing came, and nothing is wrong */
        assert_slice_is(buf_slice(&got), cases[i].want);
    }
}

static void add_masked(struct buf *out, uint8_t first, struct slice payload)
{
    static const uint8_t mask[] = {0xA1, 0x02, 0xC3, 0x04};
    uint8_t head[WS_HEAD_MAX];
    const size_t size = ws_frame_head(head, WS_TEXT, payload.size);

    head[0] = first;
    head[1] |= 0x80;
    buf_add_bytes(out, head, size);
    buf_add_bytes(out, mask, 4);
    for (size_t i = 0; i < payload.size; i++)
        buf_add_char(out, (char)((uint8_t)payload.at[i] ^ mask[i & 3]));
}

static void all_sizes_pass_and_the_limit_holds(void **state)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 999, 1000};
    char text[1001];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CLEANUP(buf_release) struct buf bytes = BUF_INIT;
        CLEANUP(buf_release) struct buf want = BUF_INIT;

        add_masked(&bytes, 0x81, slice_of(text, sizes[i]));
        buf_printf(&want, "text:%.*s;", (int)sizes[i], text);
        check(buf_slice(&bytes), buf_text(&want));
    }

    CLEANUP(buf_release) struct buf bytes = BUF_INIT;
    add_masked(&bytes, 0x01, slice_of(text, 999));
    add_masked(&bytes, 0x00, slice_of(text, 1));
    add_masked(&bytes, 0x80, slice_of(text, 1));
    check_cut(buf_slice(&bytes), bytes.size, 1, "error:1009;");
    check_cut(buf_slice(&bytes), 0, 1, "error:1009;");
}

static void a_large_message_within_its_limit_passes(void **state)
{
    CLEANUP(buf_release) struct buf bytes = BUF_INIT, text = BUF_INIT;
    CLEANUP(ws_reader_release) struct ws_reader reader;
    CLEANUP(buf_release) struct buf out = BUF_INIT, message = BUF_INIT;

    (void)state;
    for (int i = 0; i < 10000; i++)
        buf_add_text(&text, "0123456789");
    add_masked(&bytes, 0x81, buf_slice(&text));
    assert_int_equal((uint8_t)bytes.at[1], 0xFF); /* 8 bytes of length */
    ws_reader_init(&reader, 200000);
    feed(&reader, buf_slice(&bytes), &message, &out);
    assert_int_equal(out.size, 5 + 100000 + 1);
    assert_memory_equal(out.at + 5, text.at, text.size);
}

static void a_control_payload_of_125_bytes_passes(void **state)
{
    CLEANUP(buf_release) struct buf bytes = BUF_INIT;
    char text[125], want[200];

    (void)state;
    memset(text, 'p', sizeof text);
    add_masked(&bytes, 0x89, slice_of(text, sizeof text));
    (void)snprintf(want, sizeof want, "ping:%.125s;", text);
    check(buf_slice(&bytes), want);
}

static void nothing_is_read_after_an_error(void **state)
{
    CLEANUP(ws_reader_release) struct ws_reader reader;
    struct ws_event event;
    char bytes[] = "\x81\x01xxxx";
    struct ws_input input = {bytes, 6};

    (void)state;
    ws_reader_init(&reader, 1000);
    assert_int_equal(ws_read(&reader, &input, &event), ERR_INPUT);
    assert_int_equal(ws_read(&reader, &input, &event), ERR_CLOSED);
    assert_int_equal(input.size, 0);
}

static void heads_are_the_shortest(void **state)
{
    const struct {
        uint64_t size;
        struct slice want;
    } cases[] = {
        {0, SLICE("\x81\x00")},
        {125, SLICE("\x81\x7d")},
        {126, SLICE("\x81\x7e\x00\x7e")},
        {65535, SLICE("\x81\x7e\xff\xff")},
        {65536, SLICE("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t head[WS_HEAD_MAX];
        const size_t size = ws_frame_head(head, WS_TEXT, cases[i].size);
        assert_true(slice_equal(slice_of(head, size), cases[i].want));
    }
}

static void a_close_frame_is_cut_at_a_character(void **state)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(buf_release) struct buf reason = BUF_INIT;

    (void)state;
    ws_close_add(&out, 1000, SLICE("bye"));
    assert_true(slice_equal(buf_slice(&out), SLICE("\x88\x05\x03\xe8"
                                                   "bye")));
    buf_reset(&out);
    ws_close_add(&out, WS_CLOSE_NONE, SLICE("never sent"));
    assert_true(slice_equal(buf_slice(&out), SLICE("\x88\x00")));

    buf_reset(&out);
    buf_add_text(&reason, "x");
    for (int i = 0; i < 100; i++)
        buf_add_text(&reason, "\xe2\x82\xac");
    ws_close_add(&out, WS_CLOSE_GAP, buf_slice(&reason));
    assert_int_equal(out.at[1], 2 + 1 + 40 * 3); /* 121 of 123: one more would not fit */
    assert_true(slice_is_utf8(slice_from(buf_slice(&out), 4)));
}

static void the_accept_key_is_the_rfcs(void **state)
{
    char accept[29];

    (void)state;
    websocket_accept_key(SLICE("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_frames_become_events),
        cmocka_unit_test(broken_frames_are_refused),
        cmocka_unit_test(text_must_be_utf8),
        cmocka_unit_test(a_close_is_checked),
        cmocka_unit_test(deflated_messages_are_marked),
        cmocka_unit_test(all_sizes_pass_and_the_limit_holds),
        cmocka_unit_test(a_large_message_within_its_limit_passes),
        cmocka_unit_test(a_control_payload_of_125_bytes_passes),
        cmocka_unit_test(nothing_is_read_after_an_error),
        cmocka_unit_test(heads_are_the_shortest),
        cmocka_unit_test(a_close_frame_is_cut_at_a_character),
        cmocka_unit_test(the_accept_key_is_the_rfcs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
