/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/packet.h"
#include "serve/outbox.h"

static void bytes_leave_in_the_order_they_came(void **state)
{
    static const char *const texts[] = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta"};
    CLEANUP(buf_release) struct buf got = BUF_INIT;
    struct outbox box = {0};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct packet *packet = packet_new(texts[i], strlen(texts[i]));
        assert_int_equal(outbox_push(&box, packet, i == 0 ? 2 : 1, 1000), OK);
        packet_unref(packet);
    }
    while (!outbox_is_empty(&box)) {
        const struct slice next = outbox_peek(&box);
        const size_t part = next.size > 2 ? 2 : next.size;
        buf_add_bytes(&got, next.at, part);
        outbox_sent(&box, part);
    }
    assert_slice_is(buf_slice(&got), "phaetaammaeltapsiloneta");
    assert_int_equal(box.bytes, 0);
    assert_null(box.items);
}

static void a_full_outbox_refuses_and_stays_as_it_was(void **state)
{
    struct packet *packet = packet_new("0123456789", 10);
    struct outbox box = {0};

    (void)state;
    assert_int_equal(outbox_push(&box, packet, 0, 15), OK);
    assert_int_equal(outbox_push(&box, packet, 0, 15), OK);
    assert_int_equal(outbox_push(&box, packet, 0, 15), ERR_LIMIT);
    assert_int_equal(box.bytes, 20);
    assert_int_equal(packet->references, 3);
    outbox_release(&box);
    assert_int_equal(packet->references, 1);
    packet_unref(packet);
}

static void the_first_packet_may_have_any_size(void **state)
{
    struct packet *packet = packet_new("0123456789", 10);
    struct outbox box = {0};

    (void)state;
    assert_int_equal(outbox_push(&box, packet, 0, 5), OK);
    assert_int_equal(outbox_push(&box, packet, 5, 5), OK);
    assert_int_equal(outbox_push(&box, packet, 9, 5), ERR_LIMIT);
    outbox_release(&box);
    packet_unref(packet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_leave_in_the_order_they_came),
        cmocka_unit_test(a_full_outbox_refuses_and_stays_as_it_was),
        cmocka_unit_test(the_first_packet_may_have_any_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
