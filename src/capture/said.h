/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Has this been said already?  One line per change of state, not one per retry.
 *
 *     0.0 s  "Connection refused"       said
 *     0.2 s  "Connection refused"       not again
 *     0.9 s  "is starting up"           said
 *     1.3 s  "Connection refused"       not again, though another was said in between
 *    61.0 s  "Connection refused"       said, as a reminder
 *
 * Keeps hashes of the last SAID_MAX sentences; the oldest is forgotten for a new one.
 */
#define SAID_MAX 8
#define SAID_REMINDER_MS 60000

struct said {
    struct {
        uint64_t hash;
        uint64_t at_ms;
    } sentences[SAID_MAX];
    unsigned next;
};

/* True: say it (and count it as said now). */
bool said_is_new(struct said *said, const char *sentence, uint64_t now_ms);
void said_reset(struct said *said); /* the state has changed: everything is news again */
