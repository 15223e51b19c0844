/* SPDX-License-Identifier: Apache-2.0 */
#include "base/packet.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct packet *packet_new(const void *bytes, size_t size)
{
    assert(size <= UINT32_MAX);
    struct packet *packet = mem_new(sizeof *packet + size);

    packet->references = 1;
    packet->size = (uint32_t)size;
    if (size > 0)
        memcpy(packet->bytes, bytes, size);
    return packet;
}

struct packet *packet_ref(struct packet *packet)
{
    packet->references++;
    return packet;
}

void packet_unref(struct packet *packet)
{
    if (packet && --packet->references == 0)
        mem_free(packet);
}
