/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "change/position.h"

struct dropped;
struct sql;

/*
 * Which tables are no more?  The stream does not say, so the catalogue is asked each second.
 *
 *     look  digest of all names is as before                       nothing more is asked
 *     look  digest differs -> all names    public.orders is gone   at 0/5000 at the latest
 *     look  the stream was read up to 0/4F00                       not yet: changes of it may come
 *     look  the stream was read up to 0/5010                       gone(arg, "public", "orders")
 *
 * A table that was renamed, or moved to another schema, is gone under its former name.  One that
 * was dropped and made again between two looks is not: its subscriptions go on.
 * Memory: one name per table.  The capture thread only.
 */
/* False: no room in the journal, it is to be told again at the next look. */
typedef bool(dropped_fn)(void *arg, struct slice schema, struct slice name);

struct dropped *dropped_new(struct sql *side, dropped_fn *gone, void *arg);
void dropped_free(struct dropped *dropped); /* before its sql; NULL is accepted */
/* Each second while streaming; `received` is how far the stream was read. */
void dropped_look(struct dropped *dropped, lsn received);
