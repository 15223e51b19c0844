/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/epoch.h"

#include "base/crypto.h"

/* Each with its size before it, so that no two lists of facts read the same. */
static void add_fact(struct buf *out, struct slice fact)
{
    buf_printf(out, "%zu:", fact.size);
    buf_add(out, fact);
}

uint64_t epoch_of(const struct epoch_facts *facts)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    unsigned char digest[CRYPTO_SHA256_SIZE];
    uint64_t epoch = 0;

    buf_add_text(&text, "pgcdc epoch 2 ");
    add_fact(&text, facts->system);
    add_fact(&text, facts->database);
    add_fact(&text, facts->slot);
    add_fact(&text, facts->plugin);
    crypto_sha256(buf_slice(&text), digest);
    for (int i = 0; i < 8; i++)
        epoch = epoch << 8 | digest[i];
    return epoch ? epoch : 1;
}
