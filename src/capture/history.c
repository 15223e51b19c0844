/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/history.h"

bool history_goes_on(const struct history *history, uint64_t epoch, lsn confirmed)
{
    return history->epoch == epoch && confirmed <= history->settled + 1;
}

void history_resume(struct history *history, lsn confirmed)
{
    history->is_unproven = history->last.commit != LSN_NONE && confirmed <= history->last.commit;
}

void history_begin(struct history *history, uint64_t epoch, lsn floor)
{
    *history = (struct history){.epoch = epoch, .settled = floor};
}

enum history_verdict history_judge(struct history *history, struct position position)
{
    const struct position *last = &history->last;

    if (position.commit == last->commit) {
        if (last->check != 0 && position.check != last->check)
            return HISTORY_BROKEN;
        history->is_unproven = false;
    }
    if (position_compare(position, *last) <= 0)
        return HISTORY_REPEAT;
    if (history->is_unproven)
        return HISTORY_BROKEN;
    return position.commit <= history->settled ? HISTORY_BROKEN : HISTORY_NEW;
}

void history_take(struct history *history, struct position position)
{
    history->last = position;
}

void history_complete(struct history *history, lsn commit, lsn end)
{
    if (commit == history->last.commit)
        history->last.index = UINT32_MAX;
    history_settle(history, end);
}

void history_settle(struct history *history, lsn end)
{
    if (end > 0 && end - 1 > history->settled)
        history->settled = end - 1;
}
