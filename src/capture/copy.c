/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/copy.h"

#define DATA_HEAD_SIZE 25
#define KEEPALIVE_SIZE 18
#define YEAR_2000_US UINT64_C(946684800000000)

static uint64_t read_u64(const char *at)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | (uint8_t)at[i];
    return number;
}

static uint8_t *write_u64(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--) {
        at[i] = (uint8_t)number;
        number >>= 8;
    }
    return at + 8;
}

enum status frame_parse(struct slice message, struct frame *out)
{
    if (message.size >= DATA_HEAD_SIZE && message.at[0] == 'w') {
        *out = (struct frame){.kind = FRAME_DATA,
                              .start = read_u64(message.at + 1),
                              .end = read_u64(message.at + 9),
                              .payload = slice_from(message, DATA_HEAD_SIZE)};
        return OK;
    }
    if (message.size == KEEPALIVE_SIZE && message.at[0] == 'k') {
        *out = (struct frame){.kind = FRAME_KEEPALIVE,
                              .end = read_u64(message.at + 1),
                              .is_reply_wanted = message.at[17] != 0};
        return OK;
    }
    return ERR_PARSE;
}

void status_frame_write(uint8_t out[STATUS_FRAME_SIZE], lsn written, lsn confirmed,
                        uint64_t wall_us)
{
    uint8_t *at = out;

    *at++ = 'r';
    at = write_u64(at, written);
    at = write_u64(at, confirmed);
    at = write_u64(at, confirmed);
    at = write_u64(at, wall_us - YEAR_2000_US);
    *at = 0; /* we need no answer */
}
