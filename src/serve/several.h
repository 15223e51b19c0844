/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "serve/session.h"

/* A session with more than one subscription: it is in several groups, and gathers what they
 * match in a run of its own, so that each change comes once and in order. */
struct several {
    struct session *session;
    struct list_link in_dirty;
    struct buf run; /* frames of this turn */
    uint32_t run_frames;
    uint64_t last_change; /* number of the last change in the run */
    uint32_t count;
    struct subscription at[];
};
