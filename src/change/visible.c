/* SPDX-License-Identifier: Apache-2.0 */
#include "change/visible.h"

#include <stdlib.h>

#include "base/mem.h"

#define FIRST_NORMAL_XID 3 /* transam.h: 0 is invalid, 1 and 2 are the system's own */

static bool running_parse(struct slice list, struct visible *out)
{
    uint64_t last = 0;

    while (list.size > 0) {
        uint64_t xid = 0;
        if (slice_to_u64(slice_cut(&list, ','), UINT64_MAX, &xid) != OK)
            return false;
        if (xid < out->xmin || xid >= out->xmax || xid <= last)
            return false;
        if ((out->running_count & (out->running_count - 1U)) == 0)
            out->running =
                mem_resize(out->running, (out->running_count == 0 ? 1U : 2U * out->running_count) *
                                             sizeof *out->running);
        out->running[out->running_count++] = last = xid;
    }
    return true;
}

enum status visible_parse(struct slice text, struct visible *out)
{
    struct visible parsed = {0};
    const struct slice xmin = slice_cut(&text, ':');
    const struct slice xmax = slice_cut(&text, ':');

    if (!text.at || (text.size > 0 && text.at[text.size - 1] == ','))
        return ERR_PARSE;
    if (slice_to_u64(xmin, INT64_MAX, &parsed.xmin) != OK ||
        slice_to_u64(xmax, INT64_MAX, &parsed.xmax) != OK || parsed.xmin > parsed.xmax ||
        parsed.xmin < FIRST_NORMAL_XID)
        return ERR_PARSE;
    if (!running_parse(text, &parsed)) {
        visible_release(&parsed);
        return ERR_PARSE;
    }
    *out = parsed;
    return OK;
}

void visible_release(struct visible *visible)
{
    mem_free(visible->running);
    *visible = (struct visible){0};
}

struct visible visible_copy(const struct visible *visible)
{
    struct visible copy = *visible;

    copy.running = mem_array(visible->running_count, sizeof *copy.running);
    if (visible->running_count > 0)
        memcpy(copy.running, visible->running, visible->running_count * sizeof *copy.running);
    return copy;
}

/* The xid of 64 bits that is nearest to xmax. */
static uint64_t widen(uint32_t xid, uint64_t xmax)
{
    const int32_t distance = (int32_t)(xid - (uint32_t)xmax);
    const int64_t wide = (int64_t)xmax + distance;

    return (uint64_t)(wide < 0 ? wide + ((int64_t)1 << 32) : wide);
}

static int compare(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

bool visible_has(const struct visible *visible, uint32_t xid)
{
    if (xid < FIRST_NORMAL_XID)
        return false;

    const uint64_t wide = widen(xid, visible->xmax);
    if (wide < visible->xmin)
        return true;
    if (wide >= visible->xmax)
        return false;
    return visible->running_count == 0 ||
           !bsearch(&wide, visible->running, visible->running_count, sizeof wide, compare);
}
