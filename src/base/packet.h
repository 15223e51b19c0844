/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Immutable bytes that several owners hold: one run of frames, queued for many slow clients.
 *
 * Counted without atomics: a packet never leaves the worker thread that made it.
 */
struct packet {
    uint32_t references;
    uint32_t size;
    char bytes[];
};

struct packet *packet_new(const void *bytes, size_t size); /* a copy, with one reference */
struct packet *packet_ref(struct packet *packet);
void packet_unref(struct packet *packet); /* NULL is accepted */
