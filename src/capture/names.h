/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

struct names;
struct sql;
struct types;

/*
 * Names that the stream does not carry, asked for on the side connection while the stream waits:
 * of types (pgoutput sends their oids), and of the hypertable that a chunk belongs to.
 *
 *     decoder   feed() -> ERR_AGAIN, types wanted
 *     stream    holds the message, names_ask(names)
 *     names     the answer is in: known(arg) -> the stream feeds the message again
 *
 * A lost side connection leaves the question open; names_ask again when it is back.  The capture
 * thread only.
 */
struct names *names_new(struct sql *side, void (*known)(void *arg), void *arg);
void names_free(struct names *names); /* before its sql */

/* For the decoder's config. */
struct types *names_types(struct names *names);
enum status names_of_table(struct names *names, struct slice schema, struct slice name,
                           struct slice *out_schema, struct slice *out_name);

/* Asks for the types that are wanted, unless that is under way.  True: something is open. */
bool names_ask(struct names *names);
/* Another database, or the same with other names, may be behind the connection. */
void names_reset(struct names *names);
