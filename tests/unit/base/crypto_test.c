/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/crypto.h"

static void hashes_give_their_known_answers(void **state)
{
    CLEANUP(buf_release) struct buf hex = BUF_INIT;
    unsigned char sha1[CRYPTO_SHA1_SIZE];
    unsigned char mac[CRYPTO_SHA256_SIZE];

    (void)state;
    crypto_sha1(SLICE("abc"), sha1); /* FIPS 180-4 */
    crypto_hex_add(&hex, slice_of(sha1, sizeof sha1));
    assert_slice_is(buf_slice(&hex), "a9993e364706816aba3e25717850c26c9cd0d89d");
    buf_reset(&hex);
    crypto_hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), mac); /* RFC 4231 */
    crypto_hex_add(&hex, slice_of(mac, sizeof mac));
    assert_slice_is(buf_slice(&hex),
                    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    buf_reset(&hex);
    crypto_hmac_sha256((struct slice){0}, (struct slice){0}, mac);
    crypto_hex_add(&hex, slice_of(mac, sizeof mac));
    assert_slice_is(buf_slice(&hex),
                    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void base64_goes_both_ways(void **state)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        /* RFC 4648 section 10 */
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFF\xFE\xFB", "//77"},
        {"\xFB\xEF\xBE", "++++"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        char bytes[8];
        size_t size = 99;
        crypto_base64_add(&text, slice_text(cases[i].bytes));
        assert_slice_is(buf_slice(&text), cases[i].text);
        assert_int_equal(crypto_base64_read(buf_slice(&text), bytes, sizeof bytes, &size), OK);
        assert_slice_is(slice_of(bytes, size), cases[i].bytes);
    }
}

static void base64_of_another_form_is_refused(void **state)
{
    static const char *const cases[] = {
        "Z",        "Zg",    "Zg=",  "Zg===",   "=",     "==",
        "===",      "====",  "Zh==", "Zm9=",    "Z===",  "Zg==Zg==",
        "Zm9v\n",   " Zm9v", "Zm-_", "Zm9\x80", "Zm 9v", "Zm9vZm9vZm9vZm9v",
        "Zm9v=m9v",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[9];
        size_t size = 99;
        if (crypto_base64_read(slice_text(cases[i]), bytes, sizeof bytes, &size) != ERR_INPUT)
            fail_msg("\"%s\" was read", cases[i]);
        assert_int_equal(size, 99);
    }
}

static void secrets_compare_by_content(void **state)
{
    (void)state;
    assert_true(crypto_equal(SLICE("same"), SLICE("same")));
    assert_true(crypto_equal((struct slice){0}, SLICE("")));
    assert_false(crypto_equal(SLICE("same"), SLICE("samf")));
    assert_false(crypto_equal(SLICE("same"), SLICE("same ")));
    assert_true(crypto_secret_is(SLICE("secret"), SLICE("secret")));
    assert_false(crypto_secret_is(SLICE("secret"), SLICE("secret1")));
    assert_false(crypto_secret_is(SLICE("secret"), SLICE("")));
}

static void random_bytes_differ(void **state)
{
    unsigned char a[32] = {0}, b[32] = {0};

    (void)state;
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    crypto_wipe(a, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        assert_int_equal(a[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_give_their_known_answers),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(base64_of_another_form_is_refused),
        cmocka_unit_test(secrets_compare_by_content),
        cmocka_unit_test(random_bytes_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
