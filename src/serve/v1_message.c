/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may stand in a message is one table, `rules`; everything is checked against it before
 * anything is taken.
 *
 *     {"type":"subscribe","id":"s1","qery":"*:t"}
 *
 *     unknown_member   unknown member "qery" of subscribe; there are: type, id, query, select,
 *                      snapshot, since
 */
#include "serve/v1_message.h"

#include <jansson.h>

#include "base/mem.h"
#include "encode/v1_messages.h"

enum form {
    FORM_NONE, /* ends a list */
    FORM_TEXT,
    FORM_TRUTH,
    FORM_TEXTS,
    FORM_PAYLOAD,
};

struct member_rule {
    const char *name;
    enum form form;
    bool is_needed;
};

static const struct message_rule {
    const char *type;
    enum v1_message_kind kind;
    struct member_rule members[6];
} rules[] = {
    {"subscribe",
     V1_SUBSCRIBE,
     {{"id", FORM_TEXT, true},
      {"query", FORM_TEXT, true},
      {"select", FORM_TEXTS, false},
      {"snapshot", FORM_TRUTH, false},
      {"since", FORM_TEXT, false}}},
    {"unsubscribe", V1_UNSUBSCRIBE, {{"id", FORM_TEXT, true}}},
    {"auth", V1_AUTH, {{"token", FORM_TEXT, true}}},
    {"ping", V1_PING, {{"payload", FORM_PAYLOAD, false}}},
};
#define RULE_COUNT (sizeof rules / sizeof rules[0])

#define REFUSE(refusal, its_code, ...)                                                             \
    ((refusal)->code = (its_code), fault_set(&(refusal)->fault, ERR_INPUT, __VA_ARGS__))

/* ---- words ---- */

/* For "%.*s": what a client sent, cut to at most 40 bytes at a character's end. */
static struct slice shortened(const char *text)
{
    struct slice cut = slice_text(text);

    if (cut.size > 40) {
        cut.size = 40;
        while (cut.size > 0 && ((unsigned char)cut.at[cut.size] & 0xC0U) == 0x80)
            cut.size--;
    }
    return cut;
}

static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0U) != 0x80;
    return count;
}

static const char *form_text(enum form form)
{
    switch (form) {
    case FORM_NONE:
        break;
    case FORM_TEXT:
        return "a string";
    case FORM_TRUTH:
        return "true or false";
    case FORM_TEXTS:
        return "an array of strings";
    case FORM_PAYLOAD:
        return "an integer or a string of at most 256 characters";
    }
    return "nothing";
}

/* The library's own words quote the message, and may cut a character in two. */
static const char *parse_error_text(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return "the same member stands twice";
    case json_error_end_of_input_expected:
        return "something follows the message";
    case json_error_premature_end_of_input:
        return "the message is cut short";
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a NUL character";
    case json_error_numeric_overflow:
        return "a number is too large";
    case json_error_stack_overflow:
        return "nested too deep";
    case json_error_unknown:
    case json_error_out_of_memory:
    case json_error_cannot_open_file:
    case json_error_invalid_argument:
    case json_error_invalid_syntax:
    case json_error_invalid_format:
    case json_error_wrong_type:
    case json_error_null_value:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
        break;
    }
    return "invalid syntax";
}

/* ---- checks ---- */

static bool has_form(const json_t *value, enum form form)
{
    switch (form) {
    case FORM_NONE:
        return false;
    case FORM_TEXT:
        return json_is_string(value);
    case FORM_TRUTH:
        return json_is_boolean(value);
    case FORM_TEXTS:
        break;
    case FORM_PAYLOAD:
        return json_is_integer(value) ||
               (json_is_string(value) &&
                count_characters(json_string_value(value)) <= V1_PAYLOAD_MAX);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!json_is_string(json_array_get(value, i)))
            return false;
    }
    return json_is_array(value);
}

static const struct member_rule *member_rule_find(const struct message_rule *rule, const char *name)
{
    for (const struct member_rule *member = rule->members; member->form != FORM_NONE; member++) {
        if (strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

static enum status refuse_member(const struct message_rule *rule, const char *name,
                                 struct v1_refusal *refusal)
{
    CLEANUP(buf_release) struct buf choices = BUF_INIT;

    for (const struct member_rule *member = rule->members; member->form != FORM_NONE; member++) {
        buf_add_text(&choices, ", ");
        buf_add_text(&choices, member->name);
    }
    return REFUSE(refusal, V1_UNKNOWN_MEMBER, "unknown member \"%.*s\" of %s; there are: type%s",
                  SLICE_ARG(shortened(name)), rule->type, buf_text(&choices));
}

static enum status check_members(json_t *root, const struct message_rule *rule,
                                 struct v1_refusal *refusal)
{
    const char *name;
    json_t *value;

    json_object_foreach(root, name, value)
    {
        if (strcmp(name, "type") == 0)
            continue;
        const struct member_rule *member = member_rule_find(rule, name);
        if (!member)
            return refuse_member(rule, name, refusal);
        if (!has_form(value, member->form))
            return REFUSE(refusal, V1_WRONG_TYPE, "\"%s\" must be %s", member->name,
                          form_text(member->form));
    }
    for (const struct member_rule *member = rule->members; member->form != FORM_NONE; member++) {
        if (member->is_needed && !json_object_get(root, member->name))
            return REFUSE(refusal, V1_MISSING_MEMBER, "%s needs a member \"%s\"", rule->type,
                          member->name);
    }
    return OK;
}

static enum status check_select(const json_t *select, struct v1_refusal *refusal)
{
    const size_t count = json_array_size(select);

    if (select && (count == 0 || count > V1_SELECT_MAX))
        return REFUSE(refusal, V1_BAD_SELECT, "\"select\" must name 1 to %d columns, not %zu",
                      V1_SELECT_MAX, count);
    for (size_t i = 0; i < count; i++) {
        if (json_string_length(json_array_get(select, i)) == 0)
            return REFUSE(refusal, V1_BAD_SELECT, "\"select\" holds an empty name");
    }
    return OK;
}

static bool is_good_id(const json_t *id)
{
    if (!json_is_string(id))
        return false;
    const size_t count = count_characters(json_string_value(id));
    return count >= 1 && count <= V1_ID_MAX;
}

static enum status check_values(const json_t *root, struct v1_refusal *refusal)
{
    const json_t *id = json_object_get(root, "id");
    const char *since = json_string_value(json_object_get(root, "since"));
    struct token token;

    if (id && !is_good_id(id))
        return REFUSE(refusal, V1_BAD_ID, "\"id\" must have 1 to %d characters", V1_ID_MAX);
    if (since && strcmp(since, "now") != 0 && token_parse(slice_text(since), &token) != OK)
        return REFUSE(refusal, V1_BAD_SINCE,
                      "\"since\" is \"%.*s\", neither \"now\" nor a position of this server",
                      SLICE_ARG(shortened(since)));
    return check_select(json_object_get(root, "select"), refusal);
}

/* ---- taking ---- */

static char *take_text(const json_t *root, const char *name)
{
    return mem_text(json_string_value(json_object_get(root, name)));
}

static void take_select(const json_t *select, struct v1_message *out)
{
    const size_t count = json_array_size(select);

    if (!select)
        return;
    out->select = mem_array(count, sizeof *out->select);
    out->select_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        out->select[i] = mem_text(json_string_value(json_array_get(select, i)));
}

static void take_payload(const json_t *payload, struct v1_message *out)
{
    char *text = payload ? json_dumps(payload, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    if (text)
        buf_add_text(&out->payload, text);
    free(text); /* the library's */
}

static void take_all(const json_t *root, enum v1_message_kind kind, struct v1_message *out)
{
    const char *since = json_string_value(json_object_get(root, "since"));

    *out = (struct v1_message){
        .kind = kind,
        .id = take_text(root, "id"),
        .query = take_text(root, "query"),
        .wants_snapshot = json_is_true(json_object_get(root, "snapshot")),
        .token = take_text(root, "token"),
    };
    out->has_since = since && token_parse(slice_text(since), &out->since) == OK;
    take_select(json_object_get(root, "select"), out);
    take_payload(json_object_get(root, "payload"), out);
}

/* ---- the message ---- */

static void drop_json(json_t **root)
{
    json_decref(*root);
}

/* NULL: refused. */
static const struct message_rule *find_rule(const json_t *root, struct v1_refusal *refusal)
{
    const char *choices = "subscribe, unsubscribe, auth, ping";
    const json_t *type = json_object_get(root, "type");
    const char *text = json_string_value(type);

    for (size_t i = 0; text && i < RULE_COUNT; i++) {
        if (strcmp(rules[i].type, text) == 0)
            return &rules[i];
    }
    if (!type)
        (void)REFUSE(refusal, V1_MISSING_MEMBER, "no member \"type\"; it is one of: %s", choices);
    else if (!text)
        (void)REFUSE(refusal, V1_WRONG_TYPE, "\"type\" must be a string, one of: %s", choices);
    else
        (void)REFUSE(refusal, V1_UNKNOWN_TYPE, "unknown type \"%.*s\"; there are: %s",
                     SLICE_ARG(shortened(text)), choices);
    return NULL;
}

static enum status take_root(json_t *root, struct v1_message *out, struct v1_refusal *refusal)
{
    const json_t *id = json_object_get(root, "id");
    enum status status;

    if (!json_is_object(root))
        return REFUSE(refusal, V1_BAD_MESSAGE, "the message is not a JSON object");
    if (is_good_id(id))
        memcpy(refusal->id, json_string_value(id), json_string_length(id) + 1);

    const struct message_rule *rule = find_rule(root, refusal);
    if (!rule)
        return ERR_INPUT;
    if ((status = check_members(root, rule, refusal)) != OK ||
        (status = check_values(root, refusal)) != OK)
        return status;
    take_all(root, rule->kind, out);
    return OK;
}

enum status v1_message_parse(struct slice text, struct v1_message *out, struct v1_refusal *refusal)
{
    json_error_t error;

    *refusal = (struct v1_refusal){0};
    if (text.size > V1_MESSAGE_MAX_SIZE)
        return REFUSE(refusal, V1_BAD_MESSAGE, "the message has %zu bytes, more than %zu",
                      text.size, V1_MESSAGE_MAX_SIZE);
    if (text.size == 0)
        return REFUSE(refusal, V1_BAD_MESSAGE, "the message is empty");

    CLEANUP(drop_json)
    json_t *root = json_loadb(text.at, text.size, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return REFUSE(refusal, V1_BAD_MESSAGE, "not a JSON object (%s, at byte %d)",
                      parse_error_text(&error), error.position);
    return take_root(root, out, refusal);
}

void v1_message_release(struct v1_message *message)
{
    if (!message)
        return;
    mem_free(message->id);
    mem_free(message->query);
    for (uint32_t i = 0; i < message->select_count; i++)
        mem_free(message->select[i]);
    mem_free(message->select);
    mem_free(message->token);
    buf_release(&message->payload);
    *message = (struct v1_message){0};
}
