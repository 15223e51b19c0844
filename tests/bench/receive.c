/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "replica.h"
#include "stamps.h"

/*
 * How soon does a bare client of a slot have a change?
 *
 *     receive CONNINFO SLOT OPTIONS
 *
 * obeys the same lines as wsclients: `expect ROWS SECONDS` counts rows that carry a stamp until
 * there are ROWS of them, and prints how old they were.  The floor of the bench's latency part.
 */
static void expect(struct replica *replica, uint64_t wanted, double seconds)
{
    static struct stamps stamps;
    const double begin = replica_seconds();
    uint64_t bytes = 0;

    memset(&stamps, 0, sizeof stamps);
    printf("{\"expecting\":%" PRIu64 "}\n", wanted);
    (void)fflush(stdout);
    while (stamps.count < wanted && replica_seconds() - begin < seconds) {
        char *message = NULL;
        const int size = replica_read(replica, &message);
        if (size == 0)
            continue;
        bytes += (uint64_t)size;
        (void)stamps_note(&stamps, message, (size_t)size, stamps_now_us());
        PQfreemem(message);
    }
    stamps_report(&stamps, stamps.count, bytes, stamps.count, replica_seconds() - begin);
}

int main(int argc, char **argv)
{
    struct replica replica;
    char line[128];
    uint64_t wanted;
    double seconds;

    if (argc != 4) {
        fprintf(stderr, "usage: receive CONNINFO SLOT OPTIONS\n");
        return 2;
    }
    replica_open(&replica, argv[1]);
    replica_start(&replica, argv[2], argv[3]);
    printf("{\"opened\":1,\"seconds\":0}\n");
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "expect %" SCNu64 " %lf", &wanted, &seconds) == 2)
            expect(&replica, wanted, seconds);
    }
    PQfinish(replica.connection);
    return 0;
}
