/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct change;
struct token;

/*
 * One change as the plain protocol sends it: the change object of wal2json's format 1.
 *
 * Appends the message, nothing before or behind it.  False, and nothing appended, where a change
 * gives no message: a gap, an update without any key, a delete without its old row.
 * Any thread; the change is only read.
 */
bool encode_plain(struct buf *out, const struct change *change);

/* The same with its position as the last member: {"kind":...,"pos":"9f3c..."}.  For clients that
 * gave `since`; `epoch` makes the token (change/token.h). */
bool encode_plain_pos(struct buf *out, const struct change *change, uint64_t epoch);

/* The reason of the close frame that tells a plain client of a gap: "REASON pos=TOKEN", where a
 * long reason is cut, so that all of it fits into a close frame and the token is whole. */
void encode_plain_gap(struct buf *out, struct slice reason, struct token position);
