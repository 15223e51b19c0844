/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#undef skip /* a macro of cmocka; decoder_ops has a member of that name */

#include "base/mem.h"
#include "capture/decoder.h"
#include "capture/types.h"
#include "encode/json.h"

/*
 * A pgoutput decoder with everything around it: a sink that writes messages down, and a database
 * that knows a few types.
 */
struct stream {
    struct decoder *decoder;
    struct types *types;
    struct buf got;     /* a line for each change, commit and retired table */
    int room;           /* changes that the sink still takes; -1: all */
    int questions;      /* asked for names of types */
    struct fault fault; /* of the last feed */
};

static inline enum status stream_sink(void *arg, const struct change *change)
{
    struct stream *s = arg;

    if (s->room == 0)
        return ERR_AGAIN;
    if (s->room > 0)
        s->room--;
    buf_printf(&s->got, LSN_FORMAT ":%u ", LSN_ARG(change->position.commit),
               change->position.index);
    if (!encode_plain(&s->got, change))
        buf_printf(&s->got, "%s without a message", change_kind_text(change->kind));
    buf_add_char(&s->got, '\n');
    return OK;
}

static inline void stream_commit(void *arg, lsn commit, lsn end)
{
    struct stream *s = arg;

    buf_printf(&s->got, "commit " LSN_FORMAT " " LSN_FORMAT "\n", LSN_ARG(commit), LSN_ARG(end));
}

static inline void stream_retire(void *arg, struct table *table)
{
    struct stream *s = arg;

    buf_printf(&s->got, "retired %.*s\n", SLICE_ARG(table->name));
    table_free(table);
}

static inline void stream_open(struct stream *s)
{
    *s = (struct stream){.types = types_new(), .room = -1};
    const struct decoder_config config = {.sink = stream_sink,
                                          .on_commit = stream_commit,
                                          .retire = stream_retire,
                                          .arg = s,
                                          .types = s->types};
    s->decoder = decoder_pgoutput_new(&config);
}

static inline void stream_close(struct stream *s)
{
    decoder_free(s->decoder);
    types_free(s->types);
    buf_release(&s->got);
}

/* Feeds a message; answers what it asks of types. */
static inline enum status stream_feed(struct stream *s, struct slice message)
{
    enum status status = s->decoder->ops->feed(s->decoder, message, 0, &s->fault);

    if (status == ERR_AGAIN && types_wanted(s->types) > 0) {
        CLEANUP(buf_release) struct buf sql = BUF_INIT;

        s->questions++;
        types_query(s->types, &sql);
        types_answer(s->types, 23, -1, SLICE("integer"));
        types_answer(s->types, 25, -1, SLICE("text"));
        types_answered(s->types);
        status = s->decoder->ops->feed(s->decoder, message, 0, &s->fault);
    }
    return status;
}
