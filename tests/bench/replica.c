/* SPDX-License-Identifier: Apache-2.0 */
#include "replica.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void fail(const char *what, const PGconn *connection)
{
    fprintf(stderr, "%s: %s\n", what, PQerrorMessage(connection));
    exit(1);
}

double replica_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void replica_open(struct replica *replica, const char *conninfo)
{
    replica->connection = PQconnectdb(conninfo);
    if (PQstatus(replica->connection) != CONNECTION_OK)
        fail("connect", replica->connection);
}

void replica_start(struct replica *replica, const char *slot, const char *options)
{
    char command[4096];
    PGresult *result;

    snprintf(command, sizeof command, "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (%s)", slot,
             options);
    result = PQexec(replica->connection, command);
    if (PQresultStatus(result) != PGRES_COPY_BOTH)
        fail("START_REPLICATION", replica->connection);
    PQclear(result);
    replica->fed_back = replica_seconds();
}

/* A standby status update ('r') that confirms position 0. */
static void send_feedback(struct replica *replica)
{
    const char message[34] = {'r'};

    if (PQputCopyData(replica->connection, message, sizeof message) != 1 ||
        PQflush(replica->connection) != 0)
        fail("feedback", replica->connection);
    replica->fed_back = replica_seconds();
}

static void wait_readable(const struct replica *replica)
{
    struct pollfd watched = {.fd = PQsocket(replica->connection), .events = POLLIN};

    if (poll(&watched, 1, 1000) < 0 && errno != EINTR)
        fail("poll", replica->connection);
    if (PQconsumeInput(replica->connection) != 1)
        fail("read", replica->connection);
}

int replica_read(struct replica *replica, char **out_message)
{
    int size = PQgetCopyData(replica->connection, out_message, 1);

    if (size == 0) {
        wait_readable(replica);
        if (replica_seconds() - replica->fed_back > 5)
            send_feedback(replica);
        size = PQgetCopyData(replica->connection, out_message, 1);
    }
    if (size < 0)
        fail("the stream ended", replica->connection);
    return size;
}

/* 'w': start, end of WAL, time, payload.  'k': end of WAL, time, asks for an answer. */
uint64_t replica_position(const char *message)
{
    uint64_t value = 0;

    for (int i = 1; i <= 8; i++)
        value = value << 8 | (unsigned char)message[i];
    return value;
}
