/* SPDX-License-Identifier: Apache-2.0 */
#include "change/commits.h"

#include "change/visible.h"

void commits_note(struct commits *commits, uint32_t xid, uint64_t offset)
{
    if (commits->count > 0 && commits->ring[(commits->count - 1) % COMMITS_MAX].xid == xid)
        return;
    commits->ring[commits->count % COMMITS_MAX].xid = xid;
    commits->ring[commits->count % COMMITS_MAX].offset = offset;
    commits->count++;
}

uint64_t commits_first(const struct commits *commits, const struct visible *visible,
                       uint64_t offset)
{
    const uint64_t kept = commits->count < COMMITS_MAX ? commits->count : COMMITS_MAX;

    for (uint64_t i = 0; i < kept; i++) {
        if (commits->ring[i].offset < offset && !visible_has(visible, commits->ring[i].xid))
            offset = commits->ring[i].offset;
    }
    return offset;
}
