/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/wheel.h"

#include <assert.h>

void wheel_init(struct wheel *wheel)
{
    for (uint32_t i = 0; i < WHEEL_SECONDS; i++)
        list_init(&wheel->seconds[i]);
    wheel->now = 0;
}

void wheel_put(struct wheel *wheel, struct list_link *item, uint32_t after)
{
    assert(after >= 1 && after < WHEEL_SECONDS);
    list_remove(item);
    list_append(&wheel->seconds[(wheel->now + after) % WHEEL_SECONDS], item);
}

void wheel_turn(struct wheel *wheel, struct list_link *out_due)
{
    wheel->now = (wheel->now + 1) % WHEEL_SECONDS;

    struct list_link *due = &wheel->seconds[wheel->now];
    LIST_EACH (link, due) {
        list_remove(link);
        list_append(out_due, link);
    }
}
