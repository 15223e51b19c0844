/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Chance for jitter and seeds of hash tables (not for secrets: base/crypto.h has those).
 * splitmix64 over a state that the caller holds, so that a test can repeat a run.
 */
struct random {
    uint64_t state;
};

void random_init(struct random *random, uint64_t seed);
void random_init_system(struct random *random); /* seeded by getrandom(2) */
uint64_t random_u64(struct random *random);
uint64_t random_below(struct random *random, uint64_t limit); /* 0 to limit - 1; limit > 0 */
