/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "replica.h"

/*
 * How fast does PostgreSQL send a slot to someone who only throws the bytes away?
 *
 *     drain CONNINFO SLOT OPTIONS END_LSN
 *     drain 'host=/tmp/x dbname=bench' s1 "proto_version '1', publication_names 'p'" 0/3000000
 *
 * prints the seconds from START_REPLICATION up to the first message that lies behind END_LSN, the
 * number of messages and their bytes.  This is the floor of the bench's capture part.
 */

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

int main(int argc, char **argv)
{
    struct replica replica;
    uint64_t position = 0, messages = 0, bytes = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: drain CONNINFO SLOT OPTIONS END_LSN\n");
        return 2;
    }
    const uint64_t end = parse_lsn(argv[4]);
    replica_open(&replica, argv[1]);
    const double begin = replica_seconds();
    replica_start(&replica, argv[2], argv[3]);
    while (position < end) {
        char *message = NULL;
        const int size = replica_read(&replica, &message);
        if (size == 0)
            continue;
        messages++;
        bytes += (uint64_t)size;
        position = replica_position(message);
        PQfreemem(message);
    }
    printf("%.6f %" PRIu64 " %" PRIu64 "\n", replica_seconds() - begin, messages, bytes);
    PQfinish(replica.connection);
    return 0;
}
