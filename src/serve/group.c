/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/group.h"

#include <assert.h>

#include "base/mem.h"
#include "change/table.h"
#include "match/filter.h"
#include "match/index.h"
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
        if (!group->runs[i])
            continue;
        buf_release(&group->runs[i]->bytes);
        mem_free(group->runs[i]->sole.at);
        mem_free(group->runs[i]);
    }
    mem_free(group->several.at);
    mem_free(group->v1.at);
    mem_free(group);
}

struct group_run *group_run_of(struct group *group, enum frame_format format)
{
    if (!group->runs[format])
        group->runs[format] = mem_new(sizeof *group->runs[format]);
    return group->runs[format];
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
        if (group->runs[i] && group->runs[i]->sole.count > 0)
            return false;
    }
    return group->several.count == 0 && group->v1.count == 0;
}

/* ---- the table of its filter ---- */

enum status group_check_table(const struct group *group, const struct change *change,
                              struct fault *why)
{
    const struct filter *filter = group->node->filter;

    return filter_is_for(filter, change) ? filter_check_table(filter, change->table, why) : OK;
}

bool group_names_table(const struct group *group, const struct table *table)
{
    const struct filter *filter = group->node->filter;

    return filter->table && filter->schema && slice_is(table->name, filter->table) &&
           slice_is(table->schema, filter->schema);
}

void group_table_words(const struct table *table, struct fault *out)
{
    (void)fault_set(out, ERR_NOT_FOUND, "table %.*s.%.*s was dropped or renamed",
                    SLICE_ARG(table->schema), SLICE_ARG(table->name));
}
