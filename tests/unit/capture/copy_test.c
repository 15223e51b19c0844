/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capture/copy.h"

static void test_data(void **state)
{
    (void)state;
    const struct slice message =
        SLICE("w\0\0\0\x16\xB3\x74\xD8\x48\0\0\0\x16\xB3\x74\xD8\xFF\0\0\0\0\0\0\0\x01payload");
    struct frame frame;

    assert_int_equal(frame_parse(message, &frame), OK);
    assert_int_equal(frame.kind, FRAME_DATA);
    assert_int_equal(frame.start, 0x16B374D848);
    assert_int_equal(frame.end, 0x16B374D8FF);
    assert_slice_is(frame.payload, "payload");
}

static void test_keepalive(void **state)
{
    (void)state;
    struct frame frame;

    assert_int_equal(frame_parse(SLICE("k\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\x01"), &frame), OK);
    assert_int_equal(frame.kind, FRAME_KEEPALIVE);
    assert_int_equal(frame.end, 0x1000);
    assert_true(frame.is_reply_wanted);
    assert_int_equal(frame_parse(SLICE("k\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0"), &frame), OK);
    assert_false(frame.is_reply_wanted);
}

static void test_empty_payload(void **state)
{
    (void)state;
    const struct slice message = SLICE("w\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    struct frame frame;

    assert_int_equal(frame_parse(message, &frame), OK);
    assert_int_equal(frame.payload.size, 0);
}

static void test_bad_frames(void **state)
{
    (void)state;
    const struct slice bad[] = {
        {NULL, 0},
        SLICE("w"),
        SLICE("k"),
        SLICE("x\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0"),
        SLICE("k\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0"),
        SLICE("k\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0"),
        SLICE("w\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    };
    struct frame frame;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(frame_parse(bad[i], &frame), ERR_PARSE);
}

static void test_status(void **state)
{
    (void)state;
    uint8_t got[STATUS_FRAME_SIZE];
    const uint8_t want[STATUS_FRAME_SIZE] = "r"
                                            "\0\0\0\x16\xB3\x74\xD8\x49"
                                            "\0\0\0\x16\xB3\x74\xD8\x48"
                                            "\0\0\0\x16\xB3\x74\xD8\x48"
                                            "\0\0\0\0\0\x0F\x42\x40";

    /* 2000-01-01 00:00:01 */
    status_frame_write(got, 0x16B374D849, 0x16B374D848, UINT64_C(946684801000000));
    assert_memory_equal(got, want, sizeof got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data),          cmocka_unit_test(test_keepalive),
        cmocka_unit_test(test_empty_payload), cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
