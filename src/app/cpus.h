/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stddef.h>

#include "base/status.h"

/*
 * Which CPU each worker runs on, as `worker_cpus` says:
 *
 *     ""          whichever the kernel gives it
 *     "auto"      worker 1 on the first CPU that the process may use, worker 2 on the next, ...
 *     "2,4-6"     worker 1 on 2, worker 2 on 4, 3 on 5, 4 on 6, 5 on 2 again
 *
 * A pinned worker finds its sessions in its own CPU's caches, and cannot give way when something
 * else runs there.  Main thread and capture are never pinned.
 */
#define CPUS_MAX CPU_SETSIZE

struct cpus {
    unsigned at[CPUS_MAX]; /* in the order of the workers */
    size_t count;          /* 0: none is pinned */
};

/* Can this be read?  ERR_INPUT: "must be ...". */
MUST_CHECK enum status cpus_check(const char *text, struct fault *fault);
/* `allowed`: those that the process may use.  ERR_CONFIG: one of them is not among these. */
MUST_CHECK enum status cpus_choose(const char *text, const cpu_set_t *allowed, struct cpus *out,
                                   struct fault *fault);

/* Those that the process may use; when the system does not say, all. */
void cpus_allowed(cpu_set_t *out);
/* Puts the thread of the n-th worker, from 0 on, to its CPU. */
MUST_CHECK enum status cpus_pin(const struct cpus *cpus, size_t worker, pthread_t thread,
                                struct fault *fault);
