/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"
#include "change/position.h"

/*
 * Where did the server's history leave a timeline?
 *
 * A standby that is promoted begins a new timeline, and TIMELINE_HISTORY tells of all before it:
 *
 *     1   0/5000000   no recovery target specified         timeline 1 was left at 0/5000000
 *     2   0/7A12340   no recovery target specified         what is behind that is on 3 only
 *
 * So what was read on timeline 1 up to 0/4FFFFFF is in this history, too; what was read there at
 * 0/5000000 or behind is not: the standby had not received it.
 *
 * LSN_NONE: `timeline` is none of its ancestors.
 */
lsn timeline_left_at(struct slice history, struct slice timeline);
