/* SPDX-License-Identifier: Apache-2.0 */
/* Both formats of wal2json on any bytes, one message per line, the first byte of the input choosing
 * the format and how often the sink is full.  Whatever comes: they stay within the bytes, all rows
 * handed over are sound, and what a full sink refused comes again as it was. */
#include "capture/decoder.h"

#include "base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct fuzz {
    unsigned refuse, left;
    struct position last;
    uint64_t sum; /* reads every byte of every value */
};

static void check_row(struct fuzz *fuzz, const struct change *change, const struct value *row)
{
    for (uint32_t i = 0; row && i < change->table->column_count; i++) {
        if (row[i].state > VALUE_UNCHANGED)
            abort();
        for (uint32_t k = 0; row[i].state == VALUE_TEXT && k < row[i].size; k++)
            fuzz->sum += (unsigned char)row[i].text[k];
    }
}

static enum status sink(void *arg, const struct change *change)
{
    struct fuzz *fuzz = arg;

    if (!change->table || (change->kind == CHANGE_DELETE && !change->old_row) ||
        ((change->kind == CHANGE_INSERT || change->kind == CHANGE_UPDATE) && !change->new_row) ||
        (change->old_kind == OLD_NONE) != !change->old_row)
        abort();
    check_row(fuzz, change, change->new_row);
    check_row(fuzz, change, change->old_row);
    if (fuzz->left > 0) {
        fuzz->left--;
        return ERR_AGAIN;
    }
    fuzz->left = fuzz->refuse;
    return OK;
}

static void on_commit(void *arg, lsn commit, lsn end)
{
    (void)arg;
    (void)commit;
    (void)end;
}

static void retire(void *arg, struct table *table)
{
    (void)arg;
    table_free(table);
}

/* From a block of just its size, so that a read behind it is seen. */
static void feed(struct decoder *decoder, struct slice message)
{
    struct fault fault;
    enum status status;
    char *copy = mem_text_n(message.at, message.size);
    char *exact = mem_resize(copy, message.size ? message.size : 1);

    while ((status = decoder->ops->feed(decoder, slice_of(exact, message.size), 1, &fault)) ==
           ERR_AGAIN)
        continue;
    if (status)
        (void)decoder->ops->skip(decoder);
    mem_free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz fuzz = {0};
    const struct decoder_config config = {
        .sink = sink, .on_commit = on_commit, .retire = retire, .arg = &fuzz};
    struct slice rest;

    if (size == 0)
        return 0;
    fuzz.refuse = fuzz.left = bytes[0] >> 1 & 3U;
    struct decoder *const decoder =
        bytes[0] & 1 ? decoder_wal2json_v1_new(&config) : decoder_wal2json_v2_new(&config);
    rest = slice_of(bytes + 1, size - 1);
    while (rest.at && rest.size > 0)
        feed(decoder, slice_cut(&rest, '\n'));
    decoder_free(decoder);
    return 0;
}
