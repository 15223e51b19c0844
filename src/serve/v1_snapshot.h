/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "change/position.h"
#include "change/visible.h"

struct bound;
struct change;
struct snapshot;
struct v1_snapshot;
struct v1_subscription;

/*
 * A subscription that wants the rows as they stand before the changes.
 *
 *     rows:    subscribed, snapshot, snapshot, ...     the subscription is not live yet
 *     joining: changes that the rows do not contain    it is behind, and reads on from `from`
 *     live                                             from here on like any other
 *
 * catalog/snapshot.h has the rule by which rows and journal join, and why it is right.  Rows come
 * as fast as the client takes them: the next ones are asked for when its outbox is empty.
 */

/* Asks for the rows.  ERR_INPUT with words: this query cannot have any. */
MUST_CHECK enum status v1_snapshot_begin(struct v1_subscription *subscription,
                                         const struct bound *bound, struct fault *fault);
void v1_snapshot_free(struct v1_snapshot *snapshot); /* NULL is accepted; cancels it */

/* The client's outbox is empty: it can have more rows. */
void v1_snapshot_drained(struct v1_snapshot *snapshot);
/* Are the rows still on their way?  Then the subscription reads nothing from the journal. */
bool v1_snapshot_is_reading(const struct v1_snapshot *snapshot);
/* While joining: do the rows contain this change? */
bool v1_snapshot_has(const struct v1_snapshot *snapshot, const struct change *change);
/* While joining: everything up to here has been read. Is that all that the rows may contain? */
bool v1_snapshot_is_over(const struct v1_snapshot *snapshot, lsn complete);
