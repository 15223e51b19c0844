/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/group.h"

#include <assert.h>

#include "base/mem.h"
#include "serve/rebind.h"

struct group *group_new(struct index_node *node)
{
    struct group *group = mem_new(sizeof *group);

    group->node = node;
    return group;
}

void group_free(struct group *group)
{
    if (!group)
        return;
    assert(group_is_empty(group));
    list_remove(&group->in_dirty);
    list_remove(&group->in_stale);
    rebind_free(group->rebind);
    for (int i = 0; i < FRAME_FORMATS; i++) {
        buf_release(&group->runs[i].bytes);
        mem_free(group->runs[i].sole.at);
    }
    mem_free(group->several.at);
    mem_free(group->v1.at);
    mem_free(group);
}

uint32_t group_members_add(struct group_members *members, void *member)
{
    if (members->count == members->capacity) {
        members->capacity = members->capacity ? members->capacity * 2 : 1;
        members->at = mem_resize(members->at, members->capacity * sizeof(void *));
    }
    members->at[members->count] = member;
    return members->count++;
}

void *group_members_remove(struct group_members *members, uint32_t place)
{
    assert(place < members->count);
    const uint32_t last = --members->count;

    if (place == last)
        return NULL;
    members->at[place] = members->at[last];
    return members->at[place];
}

bool group_is_empty(const struct group *group)
{
    for (int i = 0; i < FRAME_FORMATS; i++) {
        if (group->runs[i].sole.count > 0)
            return false;
    }
    return group->several.count == 0 && group->v1.count == 0;
}
