/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "change/token.h"

/*
 * What a client says in pgcdc.v1, from its bytes to a struct.
 *
 *     {"type":"subscribe","id":"s1","query":"*:orders:total.gt.100","select":["total"],
 *      "snapshot":true,"since":"now"}
 *     {"type":"unsubscribe","id":"s1"}
 *     {"type":"auth","token":"..."}
 *     {"type":"ping","payload":17}
 *
 * Nothing is guessed: what is not JSON, says a thing twice, or has a member or type that is not
 * known here, is refused with a code for programs and words that name the choices.
 * The query is not read here (match/query.h).
 */
#define V1_MESSAGE_MAX_SIZE ((size_t)64 * 1024)
#define V1_ID_MAX 64       /* characters */
#define V1_SELECT_MAX 1600 /* columns: a table cannot have more */
#define V1_PAYLOAD_MAX 256 /* characters of a ping's payload */

enum v1_message_kind {
    V1_SUBSCRIBE,
    V1_UNSUBSCRIBE,
    V1_AUTH,
    V1_PING,
};

struct v1_message {
    enum v1_message_kind kind;
    char *id;      /* owned; of subscribe and unsubscribe */
    char *query;   /* owned; of subscribe */
    char **select; /* owned, as are the names; NULL: all columns */
    uint32_t select_count;
    bool wants_snapshot;
    bool has_since; /* a position was given; else from now on */
    struct token since;
    char *token;        /* owned; of auth */
    struct buf payload; /* owned; of ping: a JSON string or integer, or empty */
};

/* Why a message was refused: the members of the "error" that answers it. */
struct v1_refusal {
    const char *code;           /* static, see encode/v1_messages.h */
    char id[V1_ID_MAX * 4 + 1]; /* the message's, where it has a good one; else "" */
    struct fault fault;         /* the words */
};

/* ERR_INPUT with the refusal filled; `out` is then as it was. */
MUST_CHECK enum status v1_message_parse(struct slice text, struct v1_message *out,
                                        struct v1_refusal *refusal);
void v1_message_release(struct v1_message *message);
