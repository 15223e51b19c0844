/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/feedback.h"

#include "base/mem.h"

#define INTERVAL_MAX_MS 10000
#define INTERVAL_MIN_MS 50

void feedback_init(struct feedback *feedback)
{
    *feedback = (struct feedback){
        .commits = mem_array(FEEDBACK_MAX, sizeof(struct feedback_commit)),
    };
}

void feedback_release(struct feedback *feedback)
{
    mem_free(feedback->commits);
    *feedback = (struct feedback){0};
}

void feedback_reset(struct feedback *feedback, lsn confirmed)
{
    *feedback = (struct feedback){.commits = feedback->commits, .confirmed = confirmed};
}

static struct feedback_commit *commit_at(struct feedback *feedback, size_t index)
{
    return &feedback->commits[(feedback->first + index) % FEEDBACK_MAX];
}

static void confirm(struct feedback *feedback, lsn end)
{
    if (end > feedback->confirmed)
        feedback->confirmed = end;
}

void feedback_begin(struct feedback *feedback)
{
    feedback->is_inside = true;
}

/* Halves the queue: of each two neighbours the later one stays. */
static void join_neighbours(struct feedback *feedback)
{
    for (size_t i = 0; i < feedback->count / 2; i++)
        *commit_at(feedback, i) = *commit_at(feedback, 2 * i + 1);
    feedback->count /= 2;
}

void feedback_commit(struct feedback *feedback, uint64_t offset, lsn end)
{
    feedback->is_inside = false;
    if (feedback->count == FEEDBACK_MAX)
        join_neighbours(feedback);
    *commit_at(feedback, feedback->count++) = (struct feedback_commit){offset, end};
}

void feedback_keepalive(struct feedback *feedback, lsn end)
{
    /* Within a transaction the server has read further than what it has sent of it. */
    if (!feedback->is_inside && end > feedback->seen)
        feedback->seen = end;
}

lsn feedback_confirm(struct feedback *feedback, uint64_t read_by_all)
{
    while (feedback->count > 0 && commit_at(feedback, 0)->offset <= read_by_all) {
        confirm(feedback, commit_at(feedback, 0)->end);
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
