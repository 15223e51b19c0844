/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

#include "base/mem.h"
#include "capture/decoder.h"
#include "encode/json.h"

/*
 * A sink that writes down what it is given, for the tests of both formats:
 *
 *     {"kind":"insert",...}        a message
 *     truncate public.t            what has no message
 *     commit 0/1A2B 0/1A5C         on_commit
 *
 * and that can refuse: `refuse` times before it takes each change.
 */
struct notes {
    struct decoder *decoder;
    struct buf text;       /* owned */
    bool is_short;         /* no commits, no truncates as messages */
    bool has_rows;         /* states of values, too, and positions */
    unsigned refuse, left; /* ERR_AGAIN before each change; of the one at hand */
    unsigned versions;     /* tables given up */
    bool name_is_pending;  /* name_table says ERR_AGAIN */
    const char *rename;    /* name_table's answer, if set */
    struct fault fault;
};

static inline void note_row(struct buf *out, const char *mark, const struct change *change,
                            const struct value *row)
{
    for (uint32_t i = 0; row && i < change->table->column_count; i++) {
        buf_printf(out, " %s%.*s%s", mark, SLICE_ARG(change->table->columns[i].name),
                   change->table->columns[i].is_key ? "*" : "");
        switch (row[i].state) {
        case VALUE_ABSENT:
            buf_add_text(out, "?");
            break;
        case VALUE_NULL:
            buf_add_text(out, "=null");
            break;
        case VALUE_TEXT:
            buf_printf(out, "=<%.*s>", (int)row[i].size, row[i].text);
            break;
        case VALUE_UNCHANGED:
            buf_add_text(out, "~");
            break;
        }
    }
}

static inline enum status note_change(void *arg, const struct change *change)
{
    struct notes *notes = arg;

    if (notes->left > 0) {
        notes->left--;
        return ERR_AGAIN;
    }
    notes->left = notes->refuse;
    if (notes->is_short && !notes->has_rows && change->kind == CHANGE_TRUNCATE)
        return OK;
    if (notes->has_rows) {
        static const char *const olds[] = {"", " key", " full"};
        buf_printf(&notes->text, "%s %.*s.%.*s" LSN_FORMAT "#%u x%u%s",
                   change_kind_text(change->kind), SLICE_ARG(change->table->schema),
                   SLICE_ARG(change->table->name), LSN_ARG(change->position.commit),
                   change->position.index, change->xid, olds[change->old_kind]);
        note_row(&notes->text, "", change, change->new_row);
        note_row(&notes->text, "old ", change, change->old_row);
        buf_add_char(&notes->text, '\n');
    } else if (encode_plain(&notes->text, change)) {
        buf_add_char(&notes->text, '\n');
    } else {
        buf_printf(&notes->text, "%s %.*s.%.*s\n", change_kind_text(change->kind),
                   SLICE_ARG(change->table->schema), SLICE_ARG(change->table->name));
    }
    return OK;
}

static inline void note_commit(void *arg, lsn commit, lsn end)
{
    struct notes *notes = arg;

    if (!notes->is_short)
        buf_printf(&notes->text, "commit " LSN_FORMAT " " LSN_FORMAT "\n", LSN_ARG(commit),
                   LSN_ARG(end));
}

static inline void note_retire(void *arg, struct table *table)
{
    ((struct notes *)arg)->versions++;
    table_free(table);
}

static inline enum status note_name(void *arg, struct slice schema, struct slice name,
                                    struct slice *out_schema, struct slice *out_name)
{
    const struct notes *notes = arg;

    if (notes->name_is_pending)
        return ERR_AGAIN;
    *out_schema = schema;
    *out_name = notes->rename ? slice_text(notes->rename) : name;
    return OK;
}

typedef struct decoder *(decoder_new_fn)(const struct decoder_config *config);

static inline void notes_init(struct notes *notes, decoder_new_fn *new_decoder)
{
    *notes = (struct notes){0};
    notes->decoder = new_decoder(&(struct decoder_config){.sink = note_change,
                                                          .on_commit = note_commit,
                                                          .retire = note_retire,
                                                          .name_table = note_name,
                                                          .arg = notes});
}

static inline void notes_release(struct notes *notes)
{
    decoder_free(notes->decoder);
    buf_release(&notes->text);
}

/* Feeds a copy of just the message's size, again and again while the sink is full; what can't be
 * decoded is noted as "gap 0/1A2B#0". */
static inline void notes_feed(struct notes *notes, struct slice message)
{
    char *copy = malloc(message.size ? message.size : 1);
    enum status status;

    if (message.size > 0)
        memcpy(copy, message.at, message.size);
    do {
        status = notes->decoder->ops->feed(notes->decoder, slice_of(copy, message.size), 1,
                                           &notes->fault);
    } while (status == ERR_AGAIN && !notes->name_is_pending);
    if (status && status != ERR_AGAIN) {
        assert_true(notes->fault.text[0] != '\0');
        /* In parentheses: cmocka has a macro of that name. */
        const struct position lost = (notes->decoder->ops->skip)(notes->decoder);
        buf_printf(&notes->text, "gap " LSN_FORMAT "#%u\n", LSN_ARG(lost.commit), lost.index);
    }
    free(copy);
}

static inline void notes_are(struct notes *notes, const char *want)
{
    if (strcmp(buf_text(&notes->text), want) != 0)
        fail_msg("got\n%s\nwant\n%s\nlast fault: %s", buf_text(&notes->text), want,
                 notes->fault.text);
    buf_reset(&notes->text);
}

/* ---- recorded files ---- */

static inline struct buf file_read(const char *path)
{
    struct buf bytes = BUF_INIT;
    char chunk[65536];
    size_t size;
    FILE *file = fopen(path, "rb");

    if (!file)
        fail_msg("%s can't be read", path);
    while ((size = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add_bytes(&bytes, chunk, size);
    fclose(file);
    return bytes;
}

/* Frames are recorded as "SIZE LSN\n", the message and a newline. */
static inline bool frame_next(struct slice *rest, struct slice *out_message)
{
    uint64_t size;

    if (rest->size == 0)
        return false;
    struct slice head = slice_cut(rest, '\n');
    assert_int_equal(slice_to_u64(slice_cut(&head, ' '), 1U << 30, &size), OK);
    *out_message = slice_of(rest->at, size);
    *rest = slice_from(*rest, size + 1);
    return true;
}

static inline void notes_feed_file(struct notes *notes, const char *path)
{
    CLEANUP(buf_release) struct buf file = file_read(path);
    struct slice rest = buf_slice(&file), message;

    while (frame_next(&rest, &message))
        notes_feed(notes, message);
}
