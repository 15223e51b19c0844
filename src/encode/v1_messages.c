/* SPDX-License-Identifier: Apache-2.0 */
#include "encode/v1_messages.h"

#include <inttypes.h>

#include "base/json_writer.h"
#include "change/shape.h"
#include "encode/v1.h"
#include "encode/v1_columns.h"

/* `,"name":` */
static void add_name(struct buf *out, const char *name)
{
    buf_add(out, SLICE(",\""));
    buf_add_text(out, name);
    buf_add(out, SLICE("\":"));
}

static void add_member(struct buf *out, const char *name, struct slice value)
{
    add_name(out, name);
    json_add_string(out, value);
}

static void add_position(struct buf *out, struct token position)
{
    buf_add(out, SLICE(",\"position\":\""));
    token_print(out, position);
    buf_add_char(out, '"');
}

static void begin(struct buf *out, const char *type)
{
    buf_add(out, SLICE("{\"type\":\""));
    buf_add_text(out, type);
    buf_add_char(out, '"');
}

static void end(struct buf *out)
{
    buf_add_char(out, '}');
}

void encode_v1_welcome(struct buf *out, const char *version, struct token position,
                       uint32_t heartbeat_seconds, const struct v1_limits *limits)
{
    begin(out, "welcome");
    buf_add(out, SLICE(",\"protocol\":\"pgcdc.v1\""));
    add_member(out, "version", slice_text(version));
    buf_printf(out, ",\"epoch\":\"%016" PRIx64 "\"", position.epoch);
    add_position(out, position);
    buf_printf(out,
               ",\"heartbeat\":%" PRIu32 ",\"limits\":{\"message_bytes\":%" PRIu32
               ",\"subscriptions\":%" PRIu32 ",\"query_bytes\":%" PRIu32,
               heartbeat_seconds, limits->message_bytes, limits->subscriptions,
               limits->query_bytes);
    buf_add(out, SLICE("}}"));
}

/* ---- subscriptions ---- */

static bool is_wanted(const struct table_shape *shape, const struct column_shape *column,
                      const struct v1_columns *columns)
{
    if (!columns || v1_columns_have(columns, slice_text(column->name)))
        return true;
    if (!column->is_key)
        return false;
    for (uint32_t i = 0; i < shape->column_count; i++) { /* is the identity the whole row? */
        if (!shape->columns[i].is_key)
            return true;
    }
    return false;
}

static void add_columns(struct buf *out, const struct table_shape *shape,
                        const struct v1_columns *columns)
{
    char mark = '[';

    add_name(out, "columns");
    for (uint32_t i = 0; i < shape->column_count; i++) {
        const struct column_shape *column = &shape->columns[i];
        if (!is_wanted(shape, column, columns))
            continue;
        buf_add_char(out, mark);
        buf_add(out, SLICE("{\"name\":"));
        json_add_string(out, slice_text(column->name));
        add_member(out, "type", slice_text(column->type));
        buf_add(out, column->is_key ? SLICE(",\"key\":true}") : SLICE("}"));
        mark = ',';
    }
    buf_add(out, mark == '[' ? SLICE("[]") : SLICE("]"));
}

static void add_warnings(struct buf *out, const struct v1_warning *warnings, uint32_t count)
{
    add_name(out, "warnings");
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        buf_add(out, i > 0 ? SLICE(",{\"code\":") : SLICE("{\"code\":"));
        json_add_string(out, slice_text(warnings[i].code));
        add_member(out, "message", warnings[i].message);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

void encode_v1_subscribed(struct buf *out, struct slice id, struct token position,
                          const struct table_shape *shape, const struct v1_columns *columns,
                          const struct v1_warning *warnings, uint32_t warning_count)
{
    begin(out, "subscribed");
    add_member(out, "id", id);
    add_position(out, position);
    if (shape) {
        add_member(out, "schema", slice_text(shape->schema));
        add_member(out, "table", slice_text(shape->name));
        add_columns(out, shape, columns);
    }
    add_warnings(out, warnings, warning_count);
    end(out);
}

void encode_v1_unsubscribed(struct buf *out, struct slice id, struct slice reason)
{
    begin(out, "unsubscribed");
    add_member(out, "id", id);
    if (reason.size > 0)
        add_member(out, "reason", reason);
    end(out);
}

/* ---- snapshots ---- */

void encode_v1_snapshot_begin(struct buf *out, struct slice id)
{
    begin(out, "snapshot");
    add_member(out, "id", id);
    add_name(out, "rows");
    buf_add_char(out, '[');
}

void encode_v1_snapshot_row(struct buf *out, const struct table *table, const struct value *row,
                            struct v1_columns *columns)
{
    if (out->at[out->size - 1] != '[') /* a row ends in a brace */
        buf_add_char(out, ',');
    encode_v1_row(out, table, row, columns);
}

void encode_v1_snapshot_end(struct buf *out)
{
    buf_add(out, SLICE("]}"));
}

void encode_v1_live(struct buf *out, struct slice id, struct token position)
{
    begin(out, "live");
    add_member(out, "id", id);
    add_position(out, position);
    end(out);
}

/* ---- the connection ---- */

void encode_v1_progress(struct buf *out, struct token position)
{
    begin(out, "progress");
    add_position(out, position);
    end(out);
}

void encode_v1_gap(struct buf *out, const struct slice *ids, uint32_t id_count, struct slice reason,
                   struct token position)
{
    begin(out, "gap");
    add_name(out, "ids");
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < id_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        json_add_string(out, ids[i]);
    }
    buf_add_char(out, ']');
    add_member(out, "reason", reason);
    add_position(out, position);
    end(out);
}

void encode_v1_error(struct buf *out, struct slice id, const char *code, struct slice message)
{
    begin(out, "error");
    if (id.size > 0)
        add_member(out, "id", id);
    add_member(out, "code", slice_text(code));
    add_member(out, "message", message);
    end(out);
}

void encode_v1_notice(struct buf *out, const char *code, struct slice message)
{
    begin(out, "notice");
    add_member(out, "code", slice_text(code));
    add_member(out, "message", message);
    end(out);
}

void encode_v1_pong(struct buf *out, struct slice payload)
{
    begin(out, "pong");
    if (payload.size > 0) {
        add_name(out, "payload");
        buf_add(out, payload);
    }
    end(out);
}
