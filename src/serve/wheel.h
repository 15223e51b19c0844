/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/list.h"

/*
 * Who is due this second?
 *
 * A million clients are to be pinged every 25 s each; walking all of them every second would touch
 * a million cache lines for nothing.  So time is a ring of one list per second, and an item stands
 * in the list of the second in which it is due:
 *
 *     now = 7:   [.] [.] ... [7: c1 c9] [8: c4] ... [31: c2]
 *
 * wheel_turn moves on to the next second and hands over its list.  Items due further ahead than
 * the ring is long are not possible: WHEEL_SECONDS is above every delay in use.
 * Used only by the worker that owns it.
 */
#define WHEEL_SECONDS 64

struct wheel {
    struct list_link seconds[WHEEL_SECONDS];
    uint32_t now;
};

void wheel_init(struct wheel *wheel);
/* Puts an item `after` seconds ahead (1 to WHEEL_SECONDS - 1); it leaves where it stood before. */
void wheel_put(struct wheel *wheel, struct list_link *item, uint32_t after);
/* Moves on by a second and appends all that are due to `out_due`. */
void wheel_turn(struct wheel *wheel, struct list_link *out_due);
