/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/batch.h"

#include "journal/reader.h"
#include "net/alarm.h"

static void on_alarm(void *arg)
{
    struct batch *batch = arg;

    if (batch->state != BATCH_WAITING)
        return; /* it was full before */
    batch->state = BATCH_DUE;
    batch->due(batch->arg);
}

bool batch_init(struct batch *batch, struct loop *loop, uint32_t delay_us, size_t journal_size,
                void (*due)(void *arg), void *arg)
{
    const uint64_t part = journal_size / 8;

    *batch = (struct batch){.delay_us = delay_us, .due = due, .arg = arg};
    batch->full_bytes = part < BATCH_BYTES ? part : BATCH_BYTES;
    if (delay_us > 0)
        batch->alarm = alarm_new(loop, on_alarm, batch);
    return delay_us == 0 || batch->alarm;
}

void batch_release(struct batch *batch)
{
    if (!batch)
        return;
    alarm_free(batch->alarm);
    *batch = (struct batch){0};
}

static void begin_to_wait(struct batch *batch, struct journal_reader *reader)
{
    batch->full_at = journal_reader_offset(reader) + batch->full_bytes;
    if (!journal_sleep_until(reader, batch->full_at))
        return;
    batch->state = BATCH_WAITING;
    alarm_set(batch->alarm, batch->delay_us);
}

bool batch_holds(struct batch *batch, struct journal_reader *reader, uint64_t head)
{
    if (!batch->alarm || head == journal_reader_offset(reader))
        return false;
    switch (batch->state) {
    case BATCH_AT_REST:
        begin_to_wait(batch, reader);
        return batch->state == BATCH_WAITING;
    case BATCH_WAITING:
        return head < batch->full_at;
    case BATCH_DUE:
        return false;
    }
    return false;
}

void batch_end(struct batch *batch)
{
    batch->state = BATCH_DUE;
}

void batch_taken(struct batch *batch, bool is_cut_short)
{
    batch->state = is_cut_short ? BATCH_DUE : BATCH_AT_REST;
}
