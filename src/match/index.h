/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "change/change.h"

struct filter;
struct index;

/*
 * Who wants this change?  See index.c for the idea.  Each worker has one; its thread only.
 *
 * Grows with the filters added, which their adder bounds, and gives everything back when they are
 * removed.
 */
struct index_node {
    void *owner;           /* the adder's, NULL at first */
    uint32_t count;        /* how often it was added and not yet removed */
    struct filter *filter; /* owned */
};

typedef void index_hit_fn(void *arg, struct index_node *node);

struct index *index_new(void);
void index_free(struct index *index); /* with all that is left in it */

/* Takes the filter over.  A filter of the same key is there once: its node comes back with `count`
 * raised, and the filter given is freed. */
struct index_node *index_add(struct index *index, struct filter *filter);
/* Lowers `count`; at 0 the node is gone. */
void index_remove(struct index *index, struct index_node *node);

/* Calls `fn` once for each distinct filter that the change passes, in no order.  The index must
 * not change meanwhile.  A CHANGE_GAP matches nothing. */
void index_match(struct index *index, const struct change *change, index_hit_fn *fn, void *arg);

size_t index_size(const struct index *index); /* distinct filters */
/* How many filters index_match has asked since the index is there. */
uint64_t index_asked_total(const struct index *index);
