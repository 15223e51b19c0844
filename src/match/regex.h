/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"
#include "base/status.h"

/*
 * PostgreSQL's regular expressions (the operators ~ and ~*), through PCRE2.
 *
 * What cannot be said in PCRE2 with surely the same meaning is refused when the pattern is
 * compiled.  Matching is bounded in steps and memory; a text on which that is exceeded does not
 * match.  One thread at a time.
 */
struct regex;

MUST_CHECK enum status regex_new(struct slice pattern, bool is_nocase, bool is_ascii,
                                 struct regex **out, struct fault *fault);
void regex_free(struct regex *regex);
bool regex_matches(struct regex *regex, struct slice text);

/* regex_translate.c: PCRE2's spelling of a pattern. */
MUST_CHECK enum status regex_translate(struct slice pattern, bool is_nocase, bool is_ascii,
                                       struct buf *out, struct fault *fault);
