/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of pgoutput messages with whatever history of Relations and streamed transactions the
 * input holds: each message is its size in two bytes, then its bytes.  The top bit of the size lets
 * the sink be full once, and a disk fail once.  There is no memory to put messages by.
 *
 * Checked: what a change points to lies in its message, or in what was put by; positions never step
 * back, and a table is retired exactly once.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "capture/decoder.h"
#include "capture/spill.h"
#include "capture/types.h"
#include "encode/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct run {
    struct slice message;
    struct position last;
    bool is_full;
    bool is_broken; /* the disk, for one call */
    struct buf file;
    struct buf out;
};

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void check_row(const struct run *run, const struct value *row, uint32_t count)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; row && i < count; i++) {
        for (uint32_t n = 0; row[i].state == VALUE_TEXT && n < row[i].size; n++)
            sum += (unsigned char)row[i].text[n]; /* ASan reads along */
        if (row[i].state != VALUE_TEXT || run->message.at[0] == 'c')
            continue;
        expect(row[i].text >= run->message.at);
        expect(row[i].text + row[i].size <= run->message.at + run->message.size);
    }
    expect(sum + 1 > 0 || sum == UINT32_MAX);
}

static enum status sink(void *arg, const struct change *change)
{
    struct run *run = arg;

    if (run->is_full) {
        run->is_full = false;
        return ERR_AGAIN;
    }
    check_row(run, change->new_row, change->table->column_count);
    check_row(run, change->old_row, change->table->column_count);
    expect(position_compare(run->last, change->position) < 0);
    run->last = change->position;
    buf_reset(&run->out);
    expect(encode_plain(&run->out, change) == (run->out.size > 0));
    return OK;
}

static void on_commit(void *arg, lsn commit, lsn end)
{
    struct run *run = arg;

    expect(commit < end);
    expect(run->last.commit <= commit);
    run->last = (struct position){commit, UINT32_MAX};
}

static void retire(void *arg, struct table *table)
{
    (void)arg;
    table_free(table); /* a second time is what ASan finds */
}

static enum status name_table(void *arg, struct slice schema, struct slice name,
                              struct slice *out_schema, struct slice *out_name)
{
    (void)arg;
    *out_schema = schema;
    *out_name = name;
    return OK;
}

/* A disk of one file after the other, whose holes read as what was there before. */
static int disk_open(void *arg, const char *directory)
{
    (void)arg;
    (void)directory;
    return 0;
}

static bool breaks(struct run *run)
{
    if (run->is_broken)
        errno = EIO;
    const bool is_so = run->is_broken;
    run->is_broken = false;
    return is_so;
}

static ssize_t disk_write(void *arg, int file, const void *bytes, size_t size, off_t at)
{
    struct run *run = arg;
    const size_t end = (size_t)at + size;

    (void)file;
    if (breaks(run))
        return -1;
    if (end > run->file.size) {
        buf_reserve(&run->file, end - run->file.size);
        memset(run->file.at + run->file.size, 0, end - run->file.size);
        run->file.size = end;
    }
    memcpy(run->file.at + at, bytes, size);
    return (ssize_t)size;
}

static ssize_t disk_read(void *arg, int file, void *bytes, size_t size, off_t at)
{
    struct run *run = arg;

    (void)file;
    if (breaks(run))
        return -1;
    if ((size_t)at >= run->file.size)
        return 0;
    if (size > run->file.size - (size_t)at)
        size = run->file.size - (size_t)at;
    memcpy(bytes, run->file.at + at, size);
    return (ssize_t)size;
}

static void disk_close(void *arg, int file)
{
    (void)arg;
    (void)file;
}

static void feed(struct decoder *decoder, struct run *run, struct types *types)
{
    struct fault fault = {0};
    enum status status;

    while ((status = decoder->ops->feed(decoder, run->message, 0, &fault)) == ERR_AGAIN) {
        CLEANUP(buf_release) struct buf sql = BUF_INIT;

        types_query(types, &sql);
        types_answer(types, 23, -1, SLICE("integer"));
        types_answer(types, 25, -1, SLICE("text"));
        types_answered(types);
    }
    if (status != OK) {
        expect(fault.text[0] != '\0');
        (void)decoder->ops->skip(decoder);
        if (decoder->is_unfinished)
            feed(decoder, run, types);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct run run = {.last = {0, 0}};
    const struct spill_files files = {disk_open, disk_write, disk_read, disk_close, &run};
    struct types *types = types_new();
    const struct decoder_config config = {.sink = sink,
                                          .on_commit = on_commit,
                                          .retire = retire,
                                          .name_table = name_table,
                                          .arg = &run,
                                          .types = types,
                                          .spill_files = &files};
    struct decoder *decoder = decoder_pgoutput_new(&config);

    while (size >= 2) {
        const size_t wanted = (size_t)(bytes[0] & 0x7f) << 8 | bytes[1];
        const size_t length = wanted < size - 2 ? wanted : size - 2;
        char *copy = mem_text_n((const char *)bytes + 2, length);

        run.is_full = run.is_broken = (bytes[0] & 0x80) != 0;
        run.message = slice_of(copy, length);
        feed(decoder, &run, types);
        mem_free(copy);
        bytes += 2 + length;
        size -= 2 + length;
    }
    decoder_free(decoder);
    types_free(types);
    buf_release(&run.out);
    buf_release(&run.file);
    return 0;
}
