/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of pgoutput messages with whatever history of Relations the input holds: each message
 * is its size in two bytes, then its bytes.  The top bit of the size lets the sink be full once.
 *
 * Checked: what a change points to lies in its message, positions never step back, and a table
 * is retired exactly once.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "capture/decoder.h"
#include "capture/types.h"
#include "encode/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct run {
    struct slice message;
    struct position last;
    bool is_full;
    struct buf out;
};

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void check_row(const struct run *run, const struct value *row, uint32_t count)
{
    for (uint32_t i = 0; row && i < count; i++) {
        if (row[i].state != VALUE_TEXT)
            continue;
        expect(row[i].text >= run->message.at);
        expect(row[i].text + row[i].size <= run->message.at + run->message.size);
    }
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
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct run run = {.last = {0, 0}};
    struct types *types = types_new();
    const struct decoder_config config = {.sink = sink,
                                          .on_commit = on_commit,
                                          .retire = retire,
                                          .name_table = name_table,
                                          .arg = &run,
                                          .types = types};
    struct decoder *decoder = decoder_pgoutput_new(&config);

    while (size >= 2) {
        const size_t wanted = (size_t)(bytes[0] & 0x7f) << 8 | bytes[1];
        const size_t length = wanted < size - 2 ? wanted : size - 2;
        char *copy = mem_text_n((const char *)bytes + 2, length);

        run.is_full = (bytes[0] & 0x80) != 0;
        run.message = slice_of(copy, length);
        feed(decoder, &run, types);
        mem_free(copy);
        bytes += 2 + length;
        size -= 2 + length;
    }
    decoder_free(decoder);
    types_free(types);
    buf_release(&run.out);
    return 0;
}
