/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "change/visible.h"

#define EPOCH ((uint64_t)1 << 32)

static void a_transaction_is_seen_or_not(void **state)
{
    static const struct {
        const char *text;
        uint32_t xid;
        bool is_seen;
    } cases[] = {
        {"97:103:97,100", 96, true},
        {"97:103:97,100", 97, false},
        {"97:103:97,100", 98, true},
        {"97:103:97,100", 100, false},
        {"97:103:97,100", 102, true},
        {"97:103:97,100", 103, false},
        {"97:103:97,100", 4000, false},
        {"97:103:97,100", 3, true},
        {"103:103:", 102, true},
        {"103:103:", 103, false},
        {"97:103:97,100", 0, false}, /* unknown */
        /* Epoch 1: 4294967296 + x. */
        {"4294967393:4294967399:4294967393,4294967396", 96, true},
        {"4294967393:4294967399:4294967393,4294967396", 97, false},
        {"4294967393:4294967399:4294967393,4294967396", 98, true},
        {"4294967393:4294967399:4294967393,4294967396", 103, false},
        {"4294967393:4294967399:4294967393,4294967396", 4294967295U, true}, /* of epoch 0 */
        {"4294967393:4294967399:4294967393,4294967396", 2147483800U,
         true}, /* the oldest there is */
        {"4294967393:4294967399:4294967393,4294967396", 2147483700U, false}, /* the newest */
        /* Across the border of two epochs: 4294967290 is running. */
        {"4294967290:4294967300:4294967290,4294967299", 4294967289U, true},
        {"4294967290:4294967300:4294967290,4294967299", 4294967290U, false},
        {"4294967290:4294967300:4294967290,4294967299", 4294967295U, true},
        {"4294967290:4294967300:4294967290,4294967299", 3, false},
        {"4294967290:4294967300:4294967290,4294967299", 4, false},
        /* xmax is the first of a new epoch, or the last of an old one. */
        {"4294967295:4294967296:4294967295", 4294967294U, true},
        {"4294967295:4294967296:4294967295", 4294967295U, false},
        {"4294967295:4294967296:4294967295", 3, false},
        {"4294967294:4294967295:4294967294", 4294967293U, true},
        {"4294967294:4294967295:4294967294", 3, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(visible_release) struct visible visible = {0};
        assert_int_equal(visible_parse(slice_text(cases[i].text), &visible), OK);
        if (visible_has(&visible, cases[i].xid) != cases[i].is_seen)
            fail_msg("%s: %u is %sseen", cases[i].text, cases[i].xid,
                     cases[i].is_seen ? "not " : "");
    }
}

static void a_snapshot_is_read(void **state)
{
    CLEANUP(visible_release) struct visible visible = {0};
    CLEANUP(visible_release) struct visible copy = {0};

    (void)state;
    assert_int_equal(visible_parse(SLICE("5:4294967299:5,7,4294967298"), &visible), OK);
    copy = visible_copy(&visible);
    assert_int_equal(copy.xmin, 5);
    assert_int_equal(copy.xmax, EPOCH + 3);
    assert_int_equal(copy.running_count, 3);
    assert_int_equal(copy.running[2], EPOCH + 2);
}

static void anything_else_is_refused(void **state)
{
    static const char *const cases[] = {
        "",       ":",      "::",      "5",        "5:6",
        "5:6:7",  "6:5:",   "5:9:4",   "5:9:7,6",  "5:9:6,6",
        "5:9:6,", "5:9:,6", "5:9:6:7", "a:9:",     "5:b:",
        "5:9:c",  "-5:9:",  " 5:9:",   "5:9: 6",   "5:9:9",
        "2:9:",   "0:0:",   "5::",     "5:9:6,,7", "5:9223372036854775808:",
    };
    struct visible visible = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (visible_parse(slice_text(cases[i]), &visible) != ERR_PARSE)
            fail_msg("\"%s\" was taken", cases[i]);
    }
    assert_null(visible.running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_is_seen_or_not),
        cmocka_unit_test(a_snapshot_is_read),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
