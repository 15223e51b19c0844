/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/spares.h"

#include "base/mem.h"

static void drop_last(struct spares *spares)
{
    struct buf *last = &spares->at[--spares->count];

    spares->bytes -= last->capacity;
    buf_release(last);
}

void spares_release(struct spares *spares)
{
    if (!spares)
        return;
    while (spares->count > 0)
        drop_last(spares);
    mem_free(spares->at);
    *spares = (struct spares){0};
}

void spares_take(struct spares *spares, struct buf *buf)
{
    if (spares->count == 0)
        return;
    *buf = spares->at[--spares->count];
    spares->bytes -= buf->capacity;
    if (spares->count < spares->least)
        spares->least = spares->count;
}

void spares_give(struct spares *spares, struct buf *buf)
{
    if (buf->capacity > SPARE_BYTES || spares->bytes + buf->capacity > SPARES_BYTES) {
        buf_release(buf);
        return;
    }
    if (spares->count == spares->capacity) {
        spares->capacity = spares->capacity ? spares->capacity * 2 : 16;
        spares->at = mem_resize(spares->at, spares->capacity * sizeof spares->at[0]);
    }
    buf_reset(buf);
    spares->at[spares->count++] = *buf;
    spares->bytes += buf->capacity;
    *buf = BUF_INIT;
}

void spares_trim(struct spares *spares)
{
    for (uint32_t unused = spares->least; unused > 0; unused--)
        drop_last(spares);
    if (spares->count == 0)
        spares_release(spares);
    spares->least = spares->count;
}
