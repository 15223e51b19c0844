/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"

/*
 * In which order of changes does a position count?
 *
 *     system identifier 7299...   database 16384   slot pgcdc   pgoutput
 *         -> SHA-256, its first 64 bits -> 9f3c21d07a44be15
 *
 * Nothing in it is this process's own, so after a restart, and at a hot stand-by of the same slot,
 * the epoch is the same and clients go on; also on a standby that was promoted with the slot.  What
 * it cannot tell apart, a slot that was dropped and made anew, a database restored from a copy and
 * two that were one before a promotion, is told by the journal's floor and by the check in each
 * position: doc/adr/0003-epoch.md.
 *
 * A temporary slot has another random name for each connection, and so another epoch.
 */
struct epoch_facts {
    struct slice system;   /* as IDENTIFY_SYSTEM has it */
    struct slice database; /* oid, as text */
    struct slice slot;
    struct slice plugin; /* with its format: "wal2json 2" */
};

/* Never 0. */
uint64_t epoch_of(const struct epoch_facts *facts);
