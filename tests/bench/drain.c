/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

/*
 * How fast does PostgreSQL send a slot to someone who only throws the bytes away?
 *
 *     drain CONNINFO SLOT OPTIONS END_LSN
 *     drain 'host=/tmp/x dbname=bench' s1 "proto_version '1', publication_names 'p'" 0/3000000
 *
 * prints the seconds from START_REPLICATION up to the first message that lies behind END_LSN.
 * This is the floor that `make bench` compares the program with.  It confirms nothing, so that a
 * slot can be drained again and again, but answers often enough to be kept.
 */
static void fail(const char *what, const PGconn *connection)
{
    fprintf(stderr, "drain: %s: %s\n", what, PQerrorMessage(connection));
    exit(1);
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t read_be64(const char *at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

/* "16/B374D848" -> 0x16B374D848 */
static uint64_t parse_lsn(const char *text)
{
    char *end = NULL;
    const uint64_t high = strtoull(text, &end, 16);

    if (*end != '/') {
        fprintf(stderr, "drain: %s is no position such as 16/B374D848\n", text);
        exit(2);
    }
    return high << 32 | strtoull(end + 1, NULL, 16);
}

static void start_replication(PGconn *connection, const char *slot, const char *options)
{
    char command[4096];
    PGresult *result;

    snprintf(command, sizeof command, "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (%s)", slot,
             options);
    result = PQexec(connection, command);
    if (PQresultStatus(result) != PGRES_COPY_BOTH)
        fail("START_REPLICATION", connection);
    PQclear(result);
}

/* A standby status update ('r') that confirms position 0. */
static void send_feedback(PGconn *connection)
{
    const char message[34] = {'r'};

    if (PQputCopyData(connection, message, sizeof message) != 1 || PQflush(connection) != 0)
        fail("feedback", connection);
}

static void wait_readable(PGconn *connection)
{
    struct pollfd watched = {.fd = PQsocket(connection), .events = POLLIN};

    if (poll(&watched, 1, 1000) < 0 && errno != EINTR)
        fail("poll", connection);
    if (PQconsumeInput(connection) != 1)
        fail("read", connection);
}

/* 'w': start, end of WAL, time, payload.  'k': end of WAL, time, asks for an answer. */
static bool is_behind(const char *message, uint64_t end)
{
    return read_be64(message + 1) >= end;
}

int main(int argc, char **argv)
{
    PGconn *connection;
    uint64_t end, messages = 0, bytes = 0;
    double begin, last_feedback;
    bool is_done = false;

    if (argc != 5) {
        fprintf(stderr, "usage: drain CONNINFO SLOT OPTIONS END_LSN\n");
        return 2;
    }
    connection = PQconnectdb(argv[1]);
    if (PQstatus(connection) != CONNECTION_OK)
        fail("connect", connection);
    end = parse_lsn(argv[4]);
    begin = last_feedback = seconds_now();
    start_replication(connection, argv[2], argv[3]);

    while (!is_done) {
        char *message = NULL;
        const int size = PQgetCopyData(connection, &message, 1);

        if (size == 0) {
            wait_readable(connection);
            if (seconds_now() - last_feedback > 5) {
                send_feedback(connection);
                last_feedback = seconds_now();
            }
            continue;
        }
        if (size < 0)
            fail("stream ended", connection);
        messages++;
        bytes += (uint64_t)size;
        is_done = is_behind(message, end);
        PQfreemem(message);
    }
    printf("%.6f %" PRIu64 " %" PRIu64 "\n", seconds_now() - begin, messages, bytes);
    PQfinish(connection);
    return 0;
}
