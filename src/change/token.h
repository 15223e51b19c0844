/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "change/position.h"

/*
 * Where a client stands, as text that it keeps and gives back.
 *
 *     9f3c21d07a44be15-00000016b374d848-00000002-5d1c0f3a
 *     epoch            commit LSN       index    check of the transaction (left out where it is 0)
 *
 * It says: everything up to and including this change is known to me.  Within one epoch tokens are
 * ordered as text.  A position means something only together with its epoch (which database,
 * slot and plugin it counts in): a token of another epoch is a told gap, never a guess.
 * A token grants nothing; who may see what is asked anew whenever it is used.
 *
 * An index of POSITION_ALL means the whole transaction, and all that came before it; the check is
 * then that of the last transaction up to there that the server knew of.
 */
#define TOKEN_SIZE 51 /* characters, at most */
#define POSITION_ALL UINT32_MAX

struct token {
    uint64_t epoch;
    struct position position;
};

void token_print(struct buf *out, struct token token);
/* ERR_INPUT for anything that token_print does not write. */
MUST_CHECK enum status token_parse(struct slice text, struct token *out);
