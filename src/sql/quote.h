/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

/*
 * Text into SQL, without a connection: the server has standard_conforming_strings on and speaks
 * UTF-8 (sql/conninfo.c sees to it).  Bytes of value 0 end the text, as they would for the server.
 *
 *     it's   literal: 'it''s'    identifier: "it's"
 *     a\b    literal: E'a\\b'    identifier: "a\b"
 *     a"b    literal: 'a"b'      identifier: "a""b"
 */
void sql_quote_literal(struct buf *out, struct slice text);
void sql_quote_identifier(struct buf *out, struct slice name); /* always with quotes */
