/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"

/*
 * Is this UTF-8 (RFC 3629), when it comes in pieces?  The state is one byte, carried along:
 *
 *     uint8_t state = UTF8_START;
 *     state = utf8_next(state, first_piece);        UTF8_BAD as soon as it cannot be UTF-8
 *     state = utf8_next(state, second_piece);
 *     state == UTF8_START                           whole characters only
 */
enum { UTF8_START = 0, UTF8_BAD = 1 };

uint8_t utf8_next(uint8_t state, struct slice piece);
