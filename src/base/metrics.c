/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>

/* Each on a cache line of its own: workers and capture count at the same time. */
static struct {
    _Alignas(64) _Atomic uint64_t value;
} cells[METRIC_COUNT];

static const struct {
    const char *type, *name, *help;
} descriptions[METRIC_COUNT] = {
#define METRIC_DESCRIPTION(id, type, name, help) {#type, name, help},
    METRICS(METRIC_DESCRIPTION)
#undef METRIC_DESCRIPTION
};

void metrics_add(enum metric metric, uint64_t amount)
{
    atomic_fetch_add_explicit(&cells[metric].value, amount, memory_order_relaxed);
}

void metrics_sub(enum metric metric, uint64_t amount)
{
    atomic_fetch_sub_explicit(&cells[metric].value, amount, memory_order_relaxed);
}

void metrics_set(enum metric metric, uint64_t value)
{
    atomic_store_explicit(&cells[metric].value, value, memory_order_relaxed);
}

uint64_t metrics_get(enum metric metric)
{
    return atomic_load_explicit(&cells[metric].value, memory_order_relaxed);
}

void metrics_print(struct buf *out)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", descriptions[i].name,
                   descriptions[i].help, descriptions[i].name, descriptions[i].type,
                   descriptions[i].name, metrics_get((enum metric)i));
    }
}
