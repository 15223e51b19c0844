/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "change/token.h"

struct table;
struct table_shape;
struct v1_columns;
struct value;

/*
 * What the server says in pgcdc.v1 besides changes: one JSON message each, appended to `out`.
 * doc/protocol.md says what they mean.  Any thread.
 */

/* Codes of "error": clients compare them, so they never change. */
#define V1_BAD_MESSAGE "bad_message"       /* not JSON, too large, too deep, not an object */
#define V1_UNKNOWN_TYPE "unknown_type"     /* no such message */
#define V1_UNKNOWN_MEMBER "unknown_member" /* the message has no such member */
#define V1_MISSING_MEMBER "missing_member"
#define V1_WRONG_TYPE "wrong_type" /* of a member's value */
#define V1_BAD_ID "bad_id"         /* not 1 to 64 characters */
#define V1_BAD_SELECT "bad_select" /* no columns, too many, or unknown ones */
#define V1_BAD_SINCE "bad_since"   /* neither "now" nor a position */
#define V1_BAD_QUERY "bad_query"   /* grammar, column, operator or value */
#define V1_UNKNOWN_TABLE "unknown_table"
#define V1_ID_IN_USE "id_in_use"
#define V1_UNKNOWN_ID "unknown_id"
#define V1_TOO_MANY "too_many"         /* subscriptions, or snapshots at once */
#define V1_UNAUTHORIZED "unauthorized" /* may not see that, or who asks is not known */
#define V1_UNAVAILABLE "unavailable"   /* the database cannot be asked now: try again */
#define V1_NO_SNAPSHOT "no_snapshot"   /* that query cannot have one, or it failed */

/* Codes of "notice". */
#define V1_NOTICE_AUTH "auth_accepted"
#define V1_NOTICE_DRAINING "draining"
#define V1_NOTICE_SLOW "slow"
#define V1_NOTICE_SOURCE_DOWN "source_down"
#define V1_NOTICE_SOURCE_UP "source_up"

/* Codes of warnings in "subscribed". */
#define V1_WARN_NOT_PUBLISHED "not_published"
#define V1_WARN_NO_IDENTITY "no_identity" /* updates and deletes cannot come */
#define V1_WARN_WEAK_FILTER "weak_filter" /* deletes cannot be judged by this filter */
#define V1_WARN_NO_SCOPE "no_scope"       /* rows that leave the filter are not told */

struct v1_limits {
    uint32_t message_bytes; /* of one message of the client */
    uint32_t subscriptions; /* of one connection */
    uint32_t query_bytes;
};

void encode_v1_welcome(struct buf *out, const char *version, struct token position,
                       uint32_t heartbeat_seconds, const struct v1_limits *limits);

struct v1_warning {
    const char *code;
    struct slice message;
};

/* `shape`: of the one table asked for, narrowed to `columns` unless that is NULL; NULL for a query
 * for many tables. */
void encode_v1_subscribed(struct buf *out, struct slice id, struct token position,
                          const struct table_shape *shape, const struct v1_columns *columns,
                          const struct v1_warning *warnings, uint32_t warning_count);
/* `reason`: empty when the client asked for it. */
void encode_v1_unsubscribed(struct buf *out, struct slice id, struct slice reason);

/* One chunk of rows: begin, any number of rows, end. */
void encode_v1_snapshot_begin(struct buf *out, struct slice id);
void encode_v1_snapshot_row(struct buf *out, const struct table *table, const struct value *row,
                            struct v1_columns *columns);
void encode_v1_snapshot_end(struct buf *out);
void encode_v1_live(struct buf *out, struct slice id, struct token position);

void encode_v1_progress(struct buf *out, struct token position);
void encode_v1_gap(struct buf *out, const struct slice *ids, uint32_t id_count, struct slice reason,
                   struct token position);
/* `id`: empty where no subscription is meant. */
void encode_v1_error(struct buf *out, struct slice id, const char *code, struct slice message);
void encode_v1_notice(struct buf *out, const char *code, struct slice message);
/* `payload`: the JSON value that came with the ping, or empty. */
void encode_v1_pong(struct buf *out, struct slice payload);
