/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "match/scalar.h"

/*
 * A number that orders as the values of a class do, so that ranges of any type can be kept as pairs
 * of numbers.
 *
 *     99.5 numeric -> a    100 numeric -> b    a <= b
 *
 * Never the other way round; but values that are close together may share one: numbers that differ
 * behind their 13th digit, texts that do behind their 8th byte.  Of such pairs it does not say
 * which is greater.
 */
int64_t scalar_rank(enum value_class class, const struct scalar *scalar);
