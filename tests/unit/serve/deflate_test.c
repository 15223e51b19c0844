/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/deflate.h"

#include <stdlib.h>

#include "base/random.h"
#include "unit.h"

#define MAX ((size_t)64 * 1024)

static const char row[] =
    "{\"kind\":\"insert\",\"schema\":\"public\",\"table\":\"orders\",\"columnnames\":[\"id\","
    "\"customer\",\"status\"],\"columntypes\":[\"bigint\",\"integer\",\"text\"],\"columnvalues\":"
    "[918273,4711,\"shipped\"]}";

/* A payload lives in a block of just its size, so that ASan sees a step beyond it. */
static enum status read_block(struct deflate *deflate, struct slice payload, size_t max,
                              struct slice *out)
{
    char *block = malloc(payload.size > 0 ? payload.size : 1);

    assert_non_null(block);
    memcpy(block, payload.at, payload.size);
    const enum status status = deflate_read(deflate, slice_of(block, payload.size), max, out);
    free(block);
    return status;
}

static void assert_reads(struct deflate *deflate, struct slice payload, struct slice want)
{
    struct slice got;

    assert_int_equal(read_block(deflate, payload, MAX, &got), OK);
    assert_true(slice_equal(got, want));
}

static void what_is_written_is_read_back(void **state)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(buf_release) struct buf payload = BUF_INIT;
    struct deflate *deflate = deflate_new();
    struct random random;

    (void)state;
    random_init(&random, 7);
    while (text.size < MAX - 100) {
        buf_reset(&payload);
        buf_printf(&text, "{\"id\":%d,\"name\":\"customer\"},",
                   (int)random_below(&random, 1000000));
        if (!deflate_add(deflate, &payload, buf_slice(&text))) {
            assert_true(text.size < DEFLATE_LEAST);
            continue;
        }
        assert_true(payload.size < text.size);
        assert_reads(deflate, buf_slice(&payload), buf_slice(&text));
        for (int i = 0; i < 20; i++)
            buf_printf(&text, "%d,", (int)random_below(&random, 1000000));
    }
    deflate_free(deflate);
}

/* Nothing is remembered: the same message gives the same bytes, whatever was in between. */
static void messages_do_not_depend_on_each_other(void **state)
{
    CLEANUP(buf_release) struct buf first = BUF_INIT;
    CLEANUP(buf_release) struct buf again = BUF_INIT;
    struct deflate *one = deflate_new(), *other = deflate_new();
    struct slice got;

    (void)state;
    assert_true(deflate_add(one, &first, SLICE(row)));
    for (int i = 0; i < 3; i++) {
        buf_reset(&again);
        assert_true(deflate_add(one, &again, SLICE(row)));
        assert_true(slice_equal(buf_slice(&first), buf_slice(&again)));
        assert_reads(other, buf_slice(&first), SLICE(row));
        assert_int_equal(read_block(other, SLICE("\xFF\xFF\xFF"), MAX, &got), ERR_INPUT);
    }
    assert_int_equal(deflate_size_in(one), 4 * (sizeof row - 1));
    deflate_free(one);
    deflate_free(other);
}

static void what_gains_nothing_is_not_compressed(void **state)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct deflate *deflate = deflate_new();
    struct random random;
    char noise[5000];

    (void)state;
    random_init(&random, 1);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)random_below(&random, 256);
    buf_add_text(&out, "before");
    assert_false(deflate_add(deflate, &out, slice_of(noise, sizeof noise)));
    assert_false(deflate_add(deflate, &out, slice_of(row, DEFLATE_LEAST - 1)));
    assert_false(deflate_add(deflate, &out, SLICE("")));
    assert_slice_is(buf_slice(&out), "before");
    deflate_free(deflate);
}

/* How each client of the rich protocol gets its own beginning in front of the same rest. */
static void a_stored_beginning_goes_before_a_shared_rest(void **state)
{
    static const size_t sizes[] = {0, 1, 35, 65535, 65536, 70000, 200000};
    CLEANUP(buf_release) struct buf rest = BUF_INIT;
    struct deflate *deflate = deflate_new();

    (void)state;
    assert_true(deflate_add(deflate, &rest, SLICE(row)));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CLEANUP(buf_release) struct buf want = BUF_INIT;
        CLEANUP(buf_release) struct buf payload = BUF_INIT;
        struct slice got;

        for (size_t k = 0; k < sizes[i]; k++)
            buf_add_char(&want, (char)('a' + k % 26));
        deflate_add_stored(&payload, buf_slice(&want));
        assert_int_equal(payload.size, sizes[i] + deflate_stored_cost(sizes[i]));
        buf_add(&payload, buf_slice(&rest));
        buf_add(&want, SLICE(row));
        assert_int_equal(read_block(deflate, buf_slice(&payload), 1 << 20, &got), OK);
        assert_true(slice_equal(got, buf_slice(&want)));
    }
    deflate_free(deflate);
}

/* RFC 7692, section 7.2.3. */
static void the_examples_of_the_rfc_are_read(void **state)
{
    struct deflate *deflate = deflate_new();

    (void)state;
    assert_reads(deflate, SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00"), SLICE("Hello"));
    assert_reads(deflate, SLICE("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), SLICE("Hello"));
    assert_reads(deflate, SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), SLICE("Hello"));
    assert_reads(deflate, SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00"), SLICE("Hello"));
    assert_reads(deflate, SLICE("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
                 SLICE("Hello"));
    assert_reads(deflate, SLICE("\x00"), SLICE(""));
    deflate_free(deflate);
}

static void what_is_no_deflate_is_refused(void **state)
{
    const struct slice cases[] = {
        SLICE(""),                             /* an empty message is one byte */
        SLICE("\xff"),                         /* reserved block type */
        SLICE("\x06"),                         /* the same */
        SLICE("\xf2\x48\xcd\xc9\xc9"),         /* breaks off */
        SLICE("\xf2\x00\x11\x00\x00"),         /* second message of a context: before its start */
        SLICE("\x00\x05\x00\xfa\xfe\x48\x65"), /* a length and not its complement */
        SLICE("\x00\x05\x00\xfa\xff\x48\x65"), /* fewer bytes than that */
        SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00\x01"), /* more behind the last block */
        SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00\x00\x00"),
        SLICE("\x78\x9c\xf3\x48\xcd\xc9\xc9\x07\x00"), /* zlib's own format */
    };
    struct deflate *deflate = deflate_new();
    struct slice got;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (read_block(deflate, cases[i], MAX, &got) != ERR_INPUT)
            fail_msg("case %zu is not refused", i);
        assert_reads(deflate, SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00"), SLICE("Hello"));
    }
    deflate_free(deflate);
}

/* A message may be as large as any, but a bomb is not inflated. */
static void what_inflates_too_much_is_refused(void **state)
{
    CLEANUP(buf_release) struct buf fair = BUF_INIT;
    CLEANUP(buf_release) struct buf bomb = BUF_INIT;
    CLEANUP(buf_release) struct buf payload = BUF_INIT;
    struct deflate *deflate = deflate_new();
    struct random random;
    struct slice got;

    (void)state;
    random_init(&random, 3);
    while (fair.size < 60000)
        buf_printf(&fair, "%x ", (unsigned)random_below(&random, 1 << 20));
    assert_true(deflate_add(deflate, &payload, buf_slice(&fair)));
    assert_reads(deflate, buf_slice(&payload), buf_slice(&fair));
    assert_int_equal(read_block(deflate, buf_slice(&payload), fair.size, &got), OK);
    assert_int_equal(read_block(deflate, buf_slice(&payload), fair.size - 1, &got), ERR_LIMIT);

    for (size_t size = 200; size < (size_t)1 << 24; size *= 2) {
        buf_reset(&bomb);
        buf_reset(&payload);
        buf_reserve(&bomb, size);
        memset(bomb.at, ' ', size);
        bomb.size = size;
        assert_true(deflate_add(deflate, &payload, buf_slice(&bomb)));
        const enum status want = size <= 1024 + 64 * payload.size ? OK : ERR_LIMIT;
        assert_int_equal(read_block(deflate, buf_slice(&payload), MAX, &got), want);
        assert_true(size < 3000 || want == ERR_LIMIT);
    }
    deflate_free(deflate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(messages_do_not_depend_on_each_other),
        cmocka_unit_test(what_gains_nothing_is_not_compressed),
        cmocka_unit_test(a_stored_beginning_goes_before_a_shared_rest),
        cmocka_unit_test(the_examples_of_the_rfc_are_read),
        cmocka_unit_test(what_is_no_deflate_is_refused),
        cmocka_unit_test(what_inflates_too_much_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
