/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/status.h"

struct loop;
struct side;
struct sql;

/*
 * The capture thread's ordinary connection, beside the one that streams: checks, publications, the
 * slot, names of types.  It comes back on its own, with back-off, and never disturbs the stream.
 * The capture thread only.
 */
struct side_events {
    void (*up)(void *arg);
    void (*down)(void *arg, const struct fault *why); /* also after an attempt that failed */
};

struct side *side_new(struct loop *loop, const char *conninfo, const struct side_events *events,
                      void *arg);
void side_free(struct side *side); /* not from within its down() */
void side_start(struct side *side);
struct sql *side_sql(struct side *side); /* borrowed; the same all the time */
