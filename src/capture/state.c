/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/state.h"

#include <string.h>

#define WORDS (CAPTURE_REASON_SIZE / 8)

const char *capture_phase_text(enum capture_phase phase)
{
    switch (phase) {
    case CAPTURE_CONNECTING:
        return "connecting";
    case CAPTURE_STANDBY:
        return "standby";
    case CAPTURE_REBUILDING:
        return "rebuilding";
    case CAPTURE_STREAMING:
        return "streaming";
    case CAPTURE_HELD_UP:
        return "held up";
    case CAPTURE_STOPPED:
        return "stopped";
    }
    return "unknown";
}

void state_board_write(struct state_board *board, enum capture_phase phase, const char *reason)
{
    uint64_t words[WORDS] = {0};
    const size_t size = strnlen(reason, sizeof words - 1);

    memcpy(words, reason, size);
    atomic_fetch_add(&board->sequence, 1);
    for (size_t i = 0; i < WORDS; i++)
        atomic_store(&board->words[i], words[i]);
    atomic_store(&board->phase, (uint64_t)phase);
    atomic_fetch_add(&board->sequence, 1);
}

void state_board_read(const struct state_board *board, struct capture_state *out)
{
    uint64_t words[WORDS], before, after;

    do {
        before = atomic_load(&board->sequence);
        for (size_t i = 0; i < WORDS; i++)
            words[i] = atomic_load(&board->words[i]);
        out->phase = (enum capture_phase)atomic_load(&board->phase);
        after = atomic_load(&board->sequence);
    } while (before != after || before % 2 != 0);
    memcpy(out->reason, words, sizeof words);
}
