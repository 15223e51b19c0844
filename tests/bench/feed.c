/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "stamps.h"

/*
 * Makes messages of one size at one pace.
 *
 *     feed sql CONNINFO TABLE BURSTS ROWS RATE SIZE    rows of TABLE, each burst one transaction
 *     feed line PORT TABLE BURSTS ROWS RATE SIZE       the same messages, as lines, for `floor`
 *     feed sql 'host=/tmp/x dbname=bench' feed 100 32 10 300
 *
 * RATE bursts a second, 0: as fast as they are taken.  SIZE is that of the WebSocket message in
 * bytes; each carries the time of its burst (stamps.h) unless TABLE is `other`.  Bursts are due at
 * fixed times, so that a slow one does not slow the pace.
 */
static const char shape[] =
    "{\"kind\":\"insert\",\"schema\":\"public\",\"table\":\"%s\","
    "\"columnnames\":[\"id\",\"body\"],\"columntypes\":[\"bigint\",\"text\"],"
    "\"columnvalues\":[%" PRIu64 ",\"%s\"]}\n";
enum { SHAPE_SIZE = 138, BODY_MAX = 60000 }; /* without id's variable digits and the body */

struct feed {
    const char *table;
    long bursts, rows;
    double rate;
    size_t body_size;
    PGconn *connection; /* or */
    int fd;
    uint64_t id;
    char *lines;
    char body[BODY_MAX + 1];
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "feed: %s: %s\n", what, why);
    exit(1);
}

static void make_body(struct feed *feed)
{
    memset(feed->body, 'x', feed->body_size);
    feed->body[feed->body_size] = '\0';
    if (strcmp(feed->table, "other") != 0) {
        const int size = snprintf(feed->body, BODY_MAX, "@%016" PRIu64, stamps_now_us());
        feed->body[size] = ' ';
    }
}

static void open_sql(struct feed *feed, const char *conninfo)
{
    char text[256];

    feed->connection = PQconnectdb(conninfo);
    if (PQstatus(feed->connection) != CONNECTION_OK)
        fail("connect", PQerrorMessage(feed->connection));
    snprintf(text, sizeof text, "INSERT INTO %s (body) SELECT $1 FROM generate_series(1, %ld)",
             feed->table, feed->rows);
    PQclear(PQexec(feed->connection, "SET synchronous_commit = on"));
    PGresult *result = PQprepare(feed->connection, "burst", text, 1, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail("prepare", PQerrorMessage(feed->connection));
    PQclear(result);
}

static void put_sql(struct feed *feed)
{
    const char *const values[] = {feed->body};
    PGresult *result = PQexecPrepared(feed->connection, "burst", 1, values, NULL, NULL, 0);

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail("insert", PQerrorMessage(feed->connection));
    PQclear(result);
}

static void open_lines(struct feed *feed, const char *port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)atoi(port)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;

    feed->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(feed->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(feed->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail("connect", port);
    feed->lines = malloc((size_t)feed->rows * (BODY_MAX + sizeof shape + 64));
}

static void put_lines(struct feed *feed)
{
    size_t size = 0, sent = 0;

    for (long i = 0; i < feed->rows; i++)
        size += (size_t)sprintf(feed->lines + size, shape, feed->table, ++feed->id, feed->body);
    while (sent < size) {
        const ssize_t put = send(feed->fd, feed->lines + sent, size - sent, MSG_NOSIGNAL);
        if (put < 0)
            fail("send", "the floor is gone");
        sent += (size_t)put;
    }
}

static void wait_for_burst(const struct timespec *begin, double seconds)
{
    struct timespec due = *begin;

    due.tv_sec += (time_t)seconds;
    due.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (due.tv_nsec >= 1000000000) {
        due.tv_sec++;
        due.tv_nsec -= 1000000000;
    }
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

int main(int argc, char **argv)
{
    static struct feed feed;
    struct timespec begin;

    if (argc != 8) {
        fprintf(stderr, "usage: feed sql|line CONNINFO|PORT TABLE BURSTS ROWS RATE SIZE\n");
        return 2;
    }
    const bool is_sql = strcmp(argv[1], "sql") == 0;
    const long size = atol(argv[7]) - SHAPE_SIZE;

    feed.table = argv[3];
    feed.bursts = atol(argv[4]);
    feed.rows = atol(argv[5]);
    feed.rate = atof(argv[6]);
    feed.body_size = size < 20 ? 20 : (size_t)(size < BODY_MAX ? size : BODY_MAX);
    feed.id = 100000;
    if (is_sql)
        open_sql(&feed, argv[2]);
    else
        open_lines(&feed, argv[2]);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < feed.bursts; i++) {
        if (feed.rate > 0)
            wait_for_burst(&begin, (double)i / feed.rate);
        make_body(&feed);
        if (is_sql)
            put_sql(&feed);
        else
            put_lines(&feed);
    }
    return 0;
}
