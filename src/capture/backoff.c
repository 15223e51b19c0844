/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/backoff.h"

void backoff_init(struct backoff *backoff, struct random random)
{
    *backoff = (struct backoff){random, BACKOFF_MIN_MS};
}

void backoff_reset(struct backoff *backoff)
{
    backoff->next_ms = BACKOFF_MIN_MS;
}

uint64_t backoff_next_ms(struct backoff *backoff)
{
    const uint64_t all = backoff->next_ms;

    backoff->next_ms = all * 2 < BACKOFF_MAX_MS ? all * 2 : BACKOFF_MAX_MS;
    return all / 2 + random_below(&backoff->random, all / 2 + 1);
}
