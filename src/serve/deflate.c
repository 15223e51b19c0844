/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/deflate.h"

#include <assert.h>

#include <zlib.h>

#include "base/mem.h"
#include "base/metrics.h"

/*
 * zlib writes a message up to a byte's end by an empty stored block (Z_SYNC_FLUSH), whose last four
 * bytes are always 00 00 FF FF; RFC 7692 leaves them out and has the reader put them back.
 *
 * Level and memory were measured: with rows of 350 B to 16 KB, higher levels than 3 save another
 * 0 to 4 % and cost up to twice the time; a memory level of 8 clears 64 KiB for each message.
 */
#define LEVEL 3
#define MEMORY_LEVEL 5
#define STORED_MAX ((size_t)0xFFFF) /* bytes of a stored block; its head has five */
#define STORED_HEAD 5

#define READ_FREE ((size_t)1024) /* what any message may inflate to */
#define READ_RATIO 64

static const char tail[] = {'\0', '\0', '\xFF', '\xFF'};

struct deflate {
    z_stream writer, reader;
    bool has_reader;
    uint64_t size_in;    /* of all messages compressed */
    struct buf inflated; /* the last message read */
};

static void *on_alloc(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    return mem_array(count, size);
}

static void on_free(void *unused, void *block)
{
    (void)unused;
    mem_free(block);
}

struct deflate *deflate_new(void)
{
    struct deflate *deflate = mem_new(sizeof *deflate);

    deflate->writer = (z_stream){.zalloc = on_alloc, .zfree = on_free};
    const int made = deflateInit2(&deflate->writer, LEVEL, Z_DEFLATED, -DEFLATE_WINDOW_BITS,
                                  MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    assert(made == Z_OK);
    (void)made;
    return deflate;
}

void deflate_free(struct deflate *deflate)
{
    if (!deflate)
        return;
    (void)deflateEnd(&deflate->writer);
    if (deflate->has_reader)
        (void)inflateEnd(&deflate->reader);
    buf_release(&deflate->inflated);
    mem_free(deflate);
}

/* ---- writing ---- */

/* zlib's types: a const and 32 bits less than ours. */
static void give(z_stream *stream, struct slice bytes)
{
    assert(bytes.size <= UINT32_MAX);
    stream->next_in = (Bytef *)(uintptr_t)bytes.at; /* NOLINT(performance-no-int-to-ptr) */
    stream->avail_in = (uInt)bytes.size;
}

static bool write_blocks(z_stream *writer)
{
    return deflate(writer, Z_SYNC_FLUSH) == Z_OK && writer->avail_in == 0 && writer->avail_out > 0;
}

bool deflate_add(struct deflate *deflate, struct buf *out, struct slice message)
{
    z_stream *writer = &deflate->writer;
    const size_t room = message.size - 1 + sizeof tail; /* one byte must be saved */

    if (message.size < DEFLATE_LEAST || room > UINT32_MAX)
        return false;
    buf_reserve(out, room);
    deflate->size_in += message.size;
    (void)deflateReset(writer);
    give(writer, message);
    writer->next_out = (Bytef *)out->at + out->size;
    writer->avail_out = (uInt)room;
    if (!write_blocks(writer))
        return false;
    const size_t size = room - writer->avail_out - sizeof tail;
    out->size += size;
    metrics_add(METRIC_DEFLATED, 1);
    metrics_add(METRIC_DEFLATED_IN, message.size);
    metrics_add(METRIC_DEFLATED_OUT, size);
    return true;
}

uint64_t deflate_size_in(const struct deflate *deflate)
{
    return deflate->size_in;
}

size_t deflate_stored_cost(size_t size)
{
    return (size + STORED_MAX - 1) / STORED_MAX * STORED_HEAD;
}

void deflate_add_stored(struct buf *out, struct slice bytes)
{
    while (bytes.size > 0) {
        const size_t size = bytes.size < STORED_MAX ? bytes.size : STORED_MAX;
        /* Not the last block, stored; the length and its complement (RFC 1951, section 3.2.4). */
        const uint8_t head[STORED_HEAD] = {0, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size,
                                           (uint8_t)(~size >> 8)};
        buf_add_bytes(out, head, sizeof head);
        buf_add_bytes(out, bytes.at, size);
        bytes = slice_from(bytes, size);
    }
}

/* ---- reading ---- */

static void begin_reading(struct deflate *deflate)
{
    z_stream *reader = &deflate->reader;

    if (deflate->has_reader) {
        (void)inflateReset(reader);
        return;
    }
    *reader = (z_stream){.zalloc = on_alloc, .zfree = on_free};
    /* The widest window: it reads what was written with any. */
    const int made = inflateInit2(reader, -MAX_WBITS);
    assert(made == Z_OK);
    (void)made;
    deflate->has_reader = true;
}

/* Stands the reader between two blocks and two bytes (zlib.h, at inflate: data_type)? */
static bool is_between_blocks(const z_stream *reader)
{
    return (reader->data_type & (128 | 64 | 7)) == 128;
}

/* A last block that is marked as such (RFC 7692, section 7.2.3.4) has nothing behind it but the
 * byte that such writers add. */
static bool is_end(const z_stream *reader)
{
    return reader->avail_in == 0 || (reader->avail_in == 1 && *reader->next_in == 0);
}

static enum status read_blocks(z_stream *reader, struct slice payload)
{
    give(reader, payload);
    int status = inflate(reader, Z_SYNC_FLUSH);
    if (status == Z_STREAM_END)
        return is_end(reader) ? OK : ERR_INPUT;
    if (status != Z_OK && status != Z_BUF_ERROR)
        return ERR_INPUT;
    if (reader->avail_out == 0)
        return ERR_LIMIT;
    give(reader, slice_of(tail, sizeof tail));
    status = inflate(reader, Z_SYNC_FLUSH);
    if (status == Z_OK && reader->avail_in == 0 && is_between_blocks(reader))
        return OK;
    return reader->avail_out == 0 ? ERR_LIMIT : ERR_INPUT;
}

enum status deflate_read(struct deflate *deflate, struct slice payload, size_t max,
                         struct slice *out_message)
{
    const size_t fair = READ_FREE + payload.size * READ_RATIO;
    const size_t room = (fair < max ? fair : max) + 1; /* the one tells what is too long */
    struct buf *inflated = &deflate->inflated;

    begin_reading(deflate);
    buf_reset(inflated);
    buf_reserve(inflated, room);
    deflate->reader.next_out = (Bytef *)inflated->at;
    deflate->reader.avail_out = (uInt)room;
    const enum status status = read_blocks(&deflate->reader, payload);
    if (status != OK)
        return status;
    if (deflate->reader.avail_out == 0)
        return ERR_LIMIT;
    inflated->size = room - deflate->reader.avail_out;
    *out_message = buf_slice(inflated);
    return OK;
}
