/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/outbox.h"

#include <assert.h>

#include "base/mem.h"
#include "base/packet.h"

#define FIRST_CAPACITY 4

struct outbox_item {
    struct packet *packet;
    uint32_t start; /* the first of its bytes that this client gets from here */
};

static struct outbox_item *item_at(const struct outbox *box, uint32_t place)
{
    return &box->items[(box->head + place) & (box->capacity - 1)];
}

void outbox_release(struct outbox *box)
{
    if (!box)
        return;
    for (uint32_t i = 0; i < box->count; i++)
        packet_unref(item_at(box, i)->packet);
    mem_free(box->items);
    *box = (struct outbox){0};
}

static void grow(struct outbox *box)
{
    const uint32_t capacity = box->capacity ? box->capacity * 2 : FIRST_CAPACITY;
    struct outbox_item *items = mem_array(capacity, sizeof *items);

    for (uint32_t i = 0; i < box->count; i++)
        items[i] = *item_at(box, i);
    mem_free(box->items);
    box->items = items;
    box->capacity = capacity;
    box->head = 0;
}

static size_t waiting_behind_first(const struct outbox *box)
{
    return box->bytes - (item_at(box, 0)->packet->size - box->offset);
}

enum status outbox_push(struct outbox *box, struct packet *packet, uint32_t offset,
                        size_t max_bytes)
{
    assert(offset < packet->size);
    const size_t size = packet->size - offset;

    if (box->count > 0 && waiting_behind_first(box) + size > max_bytes)
        return ERR_LIMIT;
    if (box->count == box->capacity)
        grow(box);

    if (box->count == 0)
        box->offset = offset;
    box->count++;
    *item_at(box, box->count - 1) = (struct outbox_item){packet_ref(packet), offset};
    box->bytes += size;
    return OK;
}

struct slice outbox_peek(const struct outbox *box)
{
    if (box->count == 0)
        return (struct slice){NULL, 0};

    const struct packet *packet = item_at(box, 0)->packet;
    return slice_of(packet->bytes + box->offset, packet->size - box->offset);
}

void outbox_sent(struct outbox *box, size_t count)
{
    struct packet *packet = item_at(box, 0)->packet;

    assert(count <= packet->size - box->offset);
    box->bytes -= count;
    box->offset += (uint32_t)count;
    if (box->offset < packet->size)
        return;

    packet_unref(packet);
    box->head = (box->head + 1) & (box->capacity - 1);
    if (--box->count == 0)
        outbox_release(box);
    else
        box->offset = item_at(box, 0)->start;
}
