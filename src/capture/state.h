/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What capture is doing, for those in other threads who ask: /ready, and workers that refuse new
 * clients with 503 while nothing is streaming.
 *
 *     CONNECTING  "could not connect to server: Connection refused"
 *     STANDBY     "replication slot \"pgcdc\" is in use by process 4711"
 *     REBUILDING  "slot pgcdc: 73400320 bytes of WAL are still to be read"
 *     STREAMING   "pgoutput from slot pgcdc_5e1f..."
 *     HELD_UP     "spill_directory /var/tmp: 131072 bytes cannot be written: No space left ..."
 *
 * The board is a sequence lock over atomic words: one thread writes, any number read without
 * waiting for each other, and the writer never waits.
 */
enum capture_phase {
    CAPTURE_CONNECTING, /* not streaming; trying, or waiting to try again */
    CAPTURE_STANDBY,    /* another consumer has the slot; takes over when it is free */
    CAPTURE_REBUILDING, /* streaming what was before: too early for clients */
    CAPTURE_STREAMING,
    CAPTURE_HELD_UP, /* connected, but the disk does not take what must be put by */
    CAPTURE_STOPPED,
};

#define CAPTURE_REASON_SIZE 1000 /* as struct fault's text */

struct capture_state {
    enum capture_phase phase;
    char reason[CAPTURE_REASON_SIZE]; /* one sentence, no secrets; NUL-terminated */
};

struct state_board {
    _Atomic uint64_t sequence; /* odd while the writer is at it */
    _Atomic uint64_t phase;
    _Atomic uint64_t words[CAPTURE_REASON_SIZE / 8];
};

/* "connecting", "standby", "rebuilding", "streaming", "stopped". */
const char *capture_phase_text(enum capture_phase phase);

void state_board_write(struct state_board *board, enum capture_phase phase, const char *reason);
void state_board_read(const struct state_board *board, struct capture_state *out);
static inline enum capture_phase state_board_phase(const struct state_board *board)
{
    return (enum capture_phase)atomic_load_explicit(&board->phase, memory_order_acquire);
}
