/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct visible;

/*
 * Where the latest transactions begin in the journal, by xid: for who joins a snapshot to it.
 *
 *     worker reads   ... [xid 98] [xid 97] | [xid 101] ...
 *                                          noted, then the snapshot was taken: "97:102:97"
 *
 * PostgreSQL writes a commit into the WAL first, and shows it to others later: after the flush,
 * and after a synchronous standby has confirmed it.  So 97, behind which the worker stood already,
 * may be missing in a snapshot taken afterwards; the changes must be read again from there.
 *
 * A ring of the last COMMITS_MAX transactions.  A backend can hold back one commit only, so they
 * are few and young; one that was held back while COMMITS_MAX others passed would be missed.
 * One per worker, its thread only; a zeroed struct is empty.  Cost: 64 KiB; commits_first looks at
 * all, once per snapshot.
 */
enum { COMMITS_MAX = 4096 };

struct commits {
    struct {
        uint32_t xid;
        uint64_t offset;
    } ring[COMMITS_MAX];
    uint64_t count; /* noted ever; the newest is ring[(count - 1) % COMMITS_MAX] */
};

/* For each change that is read, with the offset of its record: notes the first one of each
 * transaction.  Several of one transaction come one after the other. */
void commits_note(struct commits *commits, uint32_t xid, uint64_t offset);

/* The offset from which to read: of the first noted transaction that the snapshot does not
 * contain, or else `offset`, whichever is earlier. */
uint64_t commits_first(const struct commits *commits, const struct visible *visible,
                       uint64_t offset);
