/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

/*
 * The least reader of a replication slot: what `make bench` compares the program with.
 * It confirms nothing, so that a slot can be drained again and again, but answers often enough to
 * be kept.  Failures end the process.
 */
struct replica {
    PGconn *connection;
    double fed_back; /* when it last answered, in seconds */
};

double replica_seconds(void); /* of the monotonic clock */
void replica_open(struct replica *replica, const char *conninfo);
void replica_start(struct replica *replica, const char *slot, const char *options);

/* The next message, to be given to PQfreemem, and its size; 0: none came within a second. */
int replica_read(struct replica *replica, char **out_message);

/* The position in a message's head. */
uint64_t replica_position(const char *message);
