/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/feedback.h"

#include "base/mem.h"

#define INTERVAL_MAX_MS 10000
#define INTERVAL_MIN_MS 50
#define FINENESS 1024

void feedback_init(struct feedback *feedback, const struct feedback_limits *limits)
{
    *feedback = (struct feedback){
        .limits = *limits,
        .entries = mem_array(FEEDBACK_MAX, sizeof(struct feedback_entry)),
    };
}

void feedback_release(struct feedback *feedback)
{
    mem_free(feedback->entries);
    *feedback = (struct feedback){0};
}

void feedback_reset(struct feedback *feedback, lsn confirmed, uint64_t now_ms)
{
    *feedback = (struct feedback){.limits = feedback->limits,
                                  .entries = feedback->entries,
                                  .confirmed = confirmed,
                                  .received = confirmed,
                                  .changed_ms = now_ms};
}

static struct feedback_entry *entry_at(struct feedback *feedback, size_t index)
{
    return &feedback->entries[(feedback->first + index) % FEEDBACK_MAX];
}

static void confirm(struct feedback *feedback, lsn end)
{
    if (end > feedback->confirmed)
        feedback->confirmed = end;
}

static void receive(struct feedback *feedback, lsn end)
{
    if (end > feedback->received)
        feedback->received = end;
}

void feedback_begin(struct feedback *feedback, uint64_t now_ms)
{
    feedback->is_inside = true;
    feedback->changed_ms = now_ms;
}

/* Halves the queue: each two neighbours become one. */
static void join_neighbours(struct feedback *feedback)
{
    for (size_t i = 0; i < feedback->count / 2; i++) {
        const struct feedback_entry first = *entry_at(feedback, 2 * i);
        struct feedback_entry both = *entry_at(feedback, 2 * i + 1);

        both.begin = first.begin;
        both.begin_end = first.begin_end;
        both.begin_ms = first.begin_ms;
        *entry_at(feedback, i) = both;
    }
    feedback->count /= 2;
}

/* Commits that are close together in every respect that a limit counts. */
static bool is_close(const struct feedback *feedback, const struct feedback_entry *last,
                     const struct feedback_entry *next)
{
    const struct feedback_limits *limits = &feedback->limits;

    return limits->is_durable && next->offset - last->begin < limits->journal_size / FINENESS &&
           next->end - last->begin_end < limits->wal / FINENESS &&
           (limits->age_ms == 0 || next->at_ms - last->begin_ms < limits->age_ms / FINENESS);
}

void feedback_commit(struct feedback *feedback, uint64_t offset, lsn end, uint64_t now_ms)
{
    const struct feedback_entry next = {offset, offset, end, end, now_ms, now_ms};

    feedback->is_inside = false;
    feedback->changed_ms = now_ms;
    receive(feedback, end);
    if (feedback->count > 0) {
        struct feedback_entry *last = entry_at(feedback, feedback->count - 1);
        if (is_close(feedback, last, &next)) {
            last->offset = offset;
            last->end = end;
            last->at_ms = now_ms;
            return;
        }
    }
    if (feedback->count == FEEDBACK_MAX)
        join_neighbours(feedback);
    *entry_at(feedback, feedback->count++) = next;
}

void feedback_keepalive(struct feedback *feedback, lsn end)
{
    receive(feedback, end);
    /* Within a transaction the server has read further than what it has sent of it. */
    if (!feedback->is_inside && end > feedback->seen)
        feedback->seen = end;
}

void feedback_data(struct feedback *feedback, lsn end, uint64_t now_ms)
{
    receive(feedback, end);
    feedback->changed_ms = now_ms;
}

void feedback_retain(struct feedback *feedback, uint64_t bytes)
{
    feedback->retained = bytes;
}

/* ---- what is held back ---- */

static uint64_t held_back(const struct feedback *feedback)
{
    return feedback->received > feedback->confirmed ? feedback->received - feedback->confirmed : 0;
}

static bool is_idle(const struct feedback *feedback, uint64_t now_ms)
{
    return now_ms - feedback->changed_ms >= FEEDBACK_IDLE_MS;
}

/* Must the oldest entry go, although the journal has it still? */
static bool is_over_limit(struct feedback *feedback, uint64_t now_ms)
{
    const struct feedback_limits *limits = &feedback->limits;

    if (!limits->is_durable)
        return false;
    if (held_back(feedback) > limits->wal)
        return true;
    if (is_idle(feedback, now_ms) &&
        (held_back(feedback) > FEEDBACK_IDLE_WAL || feedback->retained > FEEDBACK_IDLE_WAL))
        return true;
    return limits->age_ms > 0 && feedback->count > 1 &&
           now_ms - entry_at(feedback, 0)->at_ms > limits->age_ms;
}

lsn feedback_confirm(struct feedback *feedback, uint64_t gone, uint64_t now_ms)
{
    while (feedback->count > 0 &&
           (entry_at(feedback, 0)->offset <= gone || is_over_limit(feedback, now_ms))) {
        confirm(feedback, entry_at(feedback, 0)->end);
        feedback->first = (feedback->first + 1) % FEEDBACK_MAX;
        feedback->count--;
    }
    if (!feedback_is_pending(feedback))
        confirm(feedback, feedback->seen);
    return feedback->confirmed;
}

bool feedback_is_pending(const struct feedback *feedback)
{
    return feedback->count > 0 || feedback->is_inside;
}

uint64_t feedback_interval_ms(uint64_t wal_sender_timeout_ms)
{
    const uint64_t third = wal_sender_timeout_ms / 3;

    if (wal_sender_timeout_ms == 0 || third > INTERVAL_MAX_MS)
        return INTERVAL_MAX_MS;
    return third > INTERVAL_MIN_MS ? third : INTERVAL_MIN_MS;
}
