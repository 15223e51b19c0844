/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alarm;
struct journal_reader;
struct loop;

/*
 * May what has come be read now, or is more waited for?
 *
 * A send costs the same for one frame as for thirty.  Whoever would rather pay half than be told at
 * once sets `batch_delay`: the first change after a pause starts an alarm, and what comes until it
 * goes off leaves with one send for each client.
 *
 *     delay 0       17 -> send           18 -> send    19 -> send
 *     delay 2 ms    17 ......... 18 ......... 19 ....| -> send 17 18 19
 *                    AT_REST -> WAITING ---(alarm)---> DUE
 *
 * BATCH_BYTES of the journal are worth a send at once: whoever waits is woken when they are there
 * (journal_sleep_until), and by no smaller publish.  What a turn could not finish goes on at once,
 * too.  Only the reading of changes waits; all else that wakes the worker has its turn.
 * Used only by the worker that owns it.
 */
#define BATCH_BYTES ((uint64_t)64 * 1024)

enum batch_state { BATCH_AT_REST, BATCH_WAITING, BATCH_DUE };

struct batch {
    struct alarm *alarm; /* owned; NULL: nothing is ever waited for */
    uint32_t delay_us;
    uint64_t full_bytes; /* BATCH_BYTES, or an eighth of a small journal */
    uint64_t full_at;    /* offset */
    enum batch_state state;
    void (*due)(void *arg);
    void *arg;
};

/* due(arg): it is time to look again.  False: the system has no descriptor for the alarm. */
bool batch_init(struct batch *batch, struct loop *loop, uint32_t delay_us, size_t journal_size,
                void (*due)(void *arg), void *arg);
void batch_release(struct batch *batch);

/* The worker is awake.  True: leave the journal alone for now. */
bool batch_holds(struct batch *batch, struct journal_reader *reader, uint64_t head);
/* What is there is wanted now, whatever the delay. */
void batch_end(struct batch *batch);
/* A turn has read.  `is_cut_short`: there is more, that was there when it began. */
void batch_taken(struct batch *batch, bool is_cut_short);
