/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "change/change.h"
#include "match/filter.h"

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
typedef void index_scoped_fn(void *arg, struct index_node *node, enum filter_scope scope);
typedef void index_stale_fn(void *arg, struct index_node *node, const struct table *table);

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

/*
 * Says which change will be matched soon: what a million filters are found by lies in a cache far
 * away, and is fetched while those before it are dealt with.
 *
 *     while ((ahead = journal_look_ahead(reader)))
 *         index_prepare(index, ahead);
 *     index_match(index, change, ...);
 *
 * In the order in which they will be matched; INDEX_PREPARED are remembered.  No work is done
 * twice, and a change that is not matched after all does no harm.
 */
#define INDEX_PREPARED 8

void index_prepare(struct index *index, const struct change *change);

/* As index_match, and for an update with an old row those that it leaves as well, each once:
 * SCOPE_ENTER, SCOPE_LEAVE, and SCOPE_WITHIN for all else.  An update with an old row costs a
 * second probe of each fact; whoever has no use for SCOPE_LEAVE saves that with index_match. */
void index_match_scoped(struct index *index, const struct change *change, index_scoped_fn *fn,
                        void *arg);

/*
 * Tells of filters that a new version of their table has made useless: a column has another type,
 * or is gone (filter_check_table says it in words).  Until the filter is bound again, its
 * conditions on that column are open, so it never passes a row by a wrong comparison.
 *
 *     ALTER TABLE orders ALTER total TYPE text     fn(arg, node of "total.gt.100", table)
 *
 * Called within index_match, at the first change of that version, once per node until the same
 * filter is added again; so fn only takes a note.  Then: query_of_filter, the catalogue,
 * query_bind, query_compile, index_add, and the old one removed.  If the very same node comes
 * back, the catalogue sees no change (yet, or any more), and all stays as it is.
 */
void index_on_stale(struct index *index, index_stale_fn *fn, void *arg);

size_t index_size(const struct index *index); /* distinct filters */
/* How many filters index_match has asked since the index is there. */
uint64_t index_asked_total(const struct index *index);
