/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct rebind;
struct worker;

/*
 * Filters whose table has changed under them.
 *
 *     ALTER TABLE orders ALTER total TYPE text;       clients of orders:total.gt.100
 *
 * The first change of the new version meets a filter that was bound for another type.  From that
 * change on all its clients are behind: they wait there, while the filter's text is bound again
 * to the table as the catalogue has it now.  Then they read on from that change with the new
 * filter, and have missed nothing.  Where it cannot be bound any more (the column is gone, the
 * operator does not fit), their subscription ends, with the reason.
 *
 * While the database does not answer, it is tried again every second.
 * Used only by the worker that owns the groups.
 */

/* Takes up what the fan-out has noted this turn. */
void rebind_begin(struct worker *worker);
/* Every second: those that could not be bound yet. */
void rebind_retry(struct worker *worker);
void rebind_free(struct rebind *rebind); /* with its group; NULL is accepted */
