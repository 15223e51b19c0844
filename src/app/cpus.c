/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cpus.h"

#include <string.h>

#include "base/bytes.h"

/* "4-6" or "4". */
static enum status read_range(struct slice text, unsigned *out_first, unsigned *out_last)
{
    struct slice rest = text;
    uint64_t first, last;

    const struct slice begin = slice_trim(slice_cut(&rest, '-'));
    if (slice_to_u64(begin, CPUS_MAX - 1, &first) != OK)
        return ERR_INPUT;
    last = first;
    if (rest.at && slice_to_u64(slice_trim(rest), CPUS_MAX - 1, &last) != OK)
        return ERR_INPUT;
    *out_first = (unsigned)first;
    *out_last = (unsigned)last;
    return first <= last ? OK : ERR_INPUT;
}

static enum status read_list(const char *text, struct cpus *out)
{
    struct slice rest = slice_text(text);
    unsigned first, last;

    out->count = 0;
    while (rest.at) {
        if (read_range(slice_cut(&rest, ','), &first, &last) != OK)
            return ERR_INPUT;
        for (unsigned cpu = first; cpu <= last; cpu++) {
            if (out->count == CPUS_MAX)
                return ERR_INPUT;
            out->at[out->count++] = cpu;
        }
    }
    return OK;
}

enum status cpus_check(const char *text, struct fault *fault)
{
    struct cpus cpus;

    if (strcmp(text, "auto") == 0 || read_list(text, &cpus) == OK)
        return OK;
    return fault_set(fault, ERR_INPUT,
                     "must be \"auto\", or numbers of CPUs from 0 to %d such as \"0,2-3\"",
                     CPUS_MAX - 1);
}

/* Appends "0,2-3". */
static void print_set(struct buf *out, const cpu_set_t *set)
{
    const char *mark = "";

    for (unsigned first = 0; first < CPU_SETSIZE; first++) {
        if (!CPU_ISSET(first, set))
            continue;
        unsigned last = first;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
            last++;
        buf_printf(out, last > first ? "%s%u-%u" : "%s%u", mark, first, last);
        mark = ",";
        first = last;
    }
}

static void take_all(const cpu_set_t *set, struct cpus *out)
{
    out->count = 0;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, set))
            out->at[out->count++] = cpu;
    }
}

enum status cpus_choose(const char *text, const cpu_set_t *allowed, struct cpus *out,
                        struct fault *fault)
{
    CLEANUP(buf_release) struct buf choices = BUF_INIT;

    out->count = 0;
    if (text[0] == '\0')
        return OK;
    if (strcmp(text, "auto") == 0) {
        take_all(allowed, out);
        return OK;
    }
    if (read_list(text, out) != OK)
        return cpus_check(text, fault);
    for (size_t i = 0; i < out->count; i++) {
        if (CPU_ISSET(out->at[i], allowed))
            continue;
        print_set(&choices, allowed);
        return fault_set(fault, ERR_CONFIG,
                         "worker_cpus = \"%s\": this process may not run on CPU %u, only on %s",
                         text, out->at[i], buf_text(&choices));
    }
    return OK;
}

void cpus_allowed(cpu_set_t *out)
{
    if (sched_getaffinity(0, sizeof *out, out) == 0)
        return;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        CPU_SET(cpu, out);
}

enum status cpus_pin(const struct cpus *cpus, size_t worker, pthread_t thread, struct fault *fault)
{
    cpu_set_t one;

    if (cpus->count == 0)
        return OK;
    const unsigned cpu = cpus->at[worker % cpus->count];
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    const int error = pthread_setaffinity_np(thread, sizeof one, &one);
    if (error != 0)
        return fault_set(fault, ERR_SYSTEM, "cannot put worker %zu to CPU %u: %s", worker + 1, cpu,
                         strerrordesc_np(error));
    return OK;
}
