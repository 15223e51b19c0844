/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Have so many clients left that their memory is worth giving back, and has that come to an end?
 *
 *     second     1      2      3     4     5
 *     leave    900  4,000  1,100    20     3
 *                                    ^ fewer than a 64th of the 6,020: now
 *
 * While they come and go all the time nothing is given back: it would be wanted again at once.
 * Used only by the worker that owns it.
 */
#define EBB_LEAST 1000 /* clients; their memory is some megabyte */

struct ebb {
    uint32_t left;       /* since the last time that memory was given back */
    uint32_t left_until; /* the same, a second ago */
};

/* Each second, once: is it over? */
static inline bool ebb_is_over(struct ebb *ebb)
{
    const uint32_t lately = ebb->left - ebb->left_until;

    ebb->left_until = ebb->left;
    if (ebb->left < EBB_LEAST || lately > ebb->left / 64)
        return false;
    *ebb = (struct ebb){0};
    return true;
}
