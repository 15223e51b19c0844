/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/said.h"

#include <string.h>

#include "base/map.h"

bool said_is_new(struct said *said, const char *sentence, uint64_t now_ms)
{
    const uint64_t hash = map_hash(sentence, strlen(sentence)) | 1; /* 0 is an unused place */

    for (unsigned i = 0; i < SAID_MAX; i++) {
        if (said->sentences[i].hash != hash)
            continue;
        if (now_ms - said->sentences[i].at_ms < SAID_REMINDER_MS)
            return false;
        said->sentences[i].at_ms = now_ms;
        return true;
    }
    said->sentences[said->next].hash = hash;
    said->sentences[said->next].at_ms = now_ms;
    said->next = (said->next + 1) % SAID_MAX;
    return true;
}

void said_reset(struct said *said)
{
    *said = (struct said){0};
}
