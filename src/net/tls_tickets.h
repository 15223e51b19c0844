/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"

/*
 * The keys that seal session tickets.
 *
 * A ticket is the state of a TLS session, sealed by us and kept by the client, who shows it when
 * he returns: no signature is made then, and no state of ours waits for him.  Whoever has the key
 * of a ticket can read a TLS 1.2 session that used it, so keys must not live for long:
 *
 *     hours      0         12        24        36        48
 *     key 1      | seals   | opens             |              then it is wiped
 *     key 2                | seals   | opens             |
 *     key 3                          | seals   | opens
 *
 * A ticket is good for 24 h: a client that has listened for a day may lose us, and come back with
 * ten thousand others.  Keys are made by chance, so tickets end with the process.  With a file of
 * secrets they do not, and servers that share the file open each other's:
 *
 *     n8EqfHSnyXqhGZPNSvTqkYKTvJGyxoAzZKkEMbQvFQQ=     seals and opens
 *     4b1yZAm2eYJcTJdAXV1BFN9tPIbTrk7LI0zq8r9Tn7I=     opens what it sealed when it was the first
 *
 * One secret a line, TICKET_SECRET_MIN characters or more of whatever form; its keys are derived
 * from it.  Then renewing them is the administrator's: a new first line, and a reload.
 *
 * Any thread: a lock is held while one key is copied, once in a handshake.
 */
#define TICKET_LIFE_SECONDS 86400
#define TICKET_KEY_SECONDS 43200 /* for so long a key of ours seals */
#define TICKET_KEYS_MAX 8
#define TICKET_SECRET_MIN 32

struct ticket_key {
    unsigned char name[16]; /* stands in the ticket, in the open */
    unsigned char aes[32];
    unsigned char hmac[32];
    uint64_t born_ms; /* by the tickets' clock */
};

struct tickets;

struct tickets *tickets_new(struct clock clock); /* keys made by chance */
void tickets_free(struct tickets *tickets);
/* Keys of this file from now on, and no others.  ERR_CONFIG: it is of no use, the fault names it
 * and says why, and nothing has changed. */
MUST_CHECK enum status tickets_load(struct tickets *tickets, const char *path, struct fault *fault);

/* Copies the key that seals now, or the one of this name; wipe the copy after use.
 * ERR_NOT_FOUND: it is unknown, or too old. */
void tickets_sealing(struct tickets *tickets, struct ticket_key *out);
MUST_CHECK enum status tickets_opening(struct tickets *tickets, const unsigned char name[16],
                                       struct ticket_key *out);
