/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/spill.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "capture/spill_window.h"

/* A record in a chunk or a file: this, then `size` bytes. */
struct header {
    uint32_t size, note;
};

struct chunk {
    struct list_link in_transaction;
    size_t size, capacity;
    char bytes[];
};

struct spill_transaction {
    struct list_link in_spill;
    uint32_t xid;
    int file;                /* -1: none yet */
    uint64_t file_size;      /* of whole records; bytes behind it do not count */
    struct list_link chunks; /* owned; oldest first, behind the file */
    size_t memory;           /* capacity of the chunks */
    bool is_given_up;

    uint32_t *aborted; /* owned; sorted while is_sorted */
    size_t aborted_count, aborted_capacity;
    bool is_sorted;

    uint64_t file_at;    /* where reading stands: in the file, */
    struct chunk *chunk; /* then in this chunk, NULL before the first, */
    size_t chunk_at;
    size_t record_size; /* of the record just read, with its header */
};

struct spill {
    char *directory; /* owned */
    size_t memory_max;
    struct spill_files files;
    struct map by_xid;             /* xid -> struct spill_transaction, owned */
    struct list_link transactions; /* the same */
    size_t memory;                 /* capacity of all chunks */
    uint64_t disk;                 /* size of all files */
    struct spill_window window;    /* of the file that is read */
};

struct spill *spill_new(const struct spill_config *config)
{
    struct spill *spill = mem_new(sizeof *spill);

    spill->directory = mem_text(config->directory);
    spill->memory_max = config->memory_max;
    spill->files = config->files ? *config->files : spill_files_system;
    list_init(&spill->transactions);
    return spill;
}

void spill_free(struct spill *spill)
{
    if (!spill)
        return;
    spill_reset(spill);
    map_release(&spill->by_xid);
    mem_free(spill->directory);
    mem_free(spill);
}

/* ---- transactions ---- */

struct spill_transaction *spill_find(const struct spill *spill, uint32_t xid)
{
    return map_get(&spill->by_xid, slice_of(&xid, sizeof xid));
}

struct spill_transaction *spill_begin(struct spill *spill, uint32_t xid)
{
    if (spill->by_xid.count >= SPILL_TRANSACTIONS_MAX)
        return NULL;

    struct spill_transaction *transaction = mem_new(sizeof *transaction);
    transaction->xid = xid;
    transaction->file = -1;
    list_init(&transaction->chunks);
    list_append(&spill->transactions, &transaction->in_spill);
    (void)map_set(&spill->by_xid, slice_of(&xid, sizeof xid), transaction);
    return transaction;
}

static void count_memory(struct spill *spill, struct spill_transaction *transaction)
{
    spill->memory += transaction->memory;
    metrics_set(METRIC_SPILL_MEMORY, spill->memory);
}

static void free_chunk(struct spill *spill, struct spill_transaction *transaction,
                       struct chunk *chunk)
{
    spill->memory -= transaction->memory;
    transaction->memory -= chunk->capacity;
    count_memory(spill, transaction);
    list_remove(&chunk->in_transaction);
    mem_free(chunk);
}

static void add_disk(struct spill *spill, struct spill_transaction *transaction, uint64_t size)
{
    transaction->file_size += size;
    spill->disk += size;
    metrics_set(METRIC_SPILL_DISK, spill->disk);
}

static void drop_contents(struct spill *spill, struct spill_transaction *transaction)
{
    LIST_EACH (link, &transaction->chunks)
        free_chunk(spill, transaction, LIST_ITEM(link, struct chunk, in_transaction));
    transaction->chunk = NULL;
    if (transaction->file >= 0)
        spill->files.close(spill->files.arg, transaction->file);
    transaction->file = -1;
    spill->disk -= transaction->file_size;
    transaction->file_size = transaction->file_at = 0;
    metrics_set(METRIC_SPILL_DISK, spill->disk);
    spill_window_release(&spill->window);
}

void spill_give_up(struct spill *spill, struct spill_transaction *transaction)
{
    drop_contents(spill, transaction);
    transaction->is_given_up = true;
}

void spill_drop(struct spill *spill, struct spill_transaction *transaction)
{
    drop_contents(spill, transaction);
    list_remove(&transaction->in_spill);
    (void)map_remove(&spill->by_xid, slice_of(&transaction->xid, sizeof transaction->xid));
    mem_free(transaction->aborted);
    mem_free(transaction);
}

void spill_reset(struct spill *spill)
{
    LIST_EACH (link, &spill->transactions)
        spill_drop(spill, LIST_ITEM(link, struct spill_transaction, in_spill));
}

/* ---- to the disk ---- */

static enum status open_file(struct spill *spill, struct spill_transaction *transaction,
                             struct fault *fault)
{
    if (transaction->file >= 0)
        return OK;
    transaction->file = spill->files.open(spill->files.arg, spill->directory);
    if (transaction->file < 0)
        return fault_set(fault, ERR_AGAIN, "spill_directory %s: no file can be made: %s",
                         spill->directory, strerrordesc_np(errno));
    metrics_add(METRIC_SPILLED, 1);
    return OK;
}

/* All of it; what a call leaves over, the next one writes. */
static enum status write_all(struct spill *spill, const struct spill_transaction *transaction,
                             struct slice bytes, uint64_t at, struct fault *fault)
{
    while (bytes.size > 0) {
        const ssize_t size = spill->files.write(spill->files.arg, transaction->file, bytes.at,
                                                bytes.size, (off_t)at);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return fault_set(fault, ERR_AGAIN,
                             "spill_directory %s: %zu bytes cannot be written: %s",
                             spill->directory, bytes.size,
                             size < 0 ? strerrordesc_np(errno) : "nothing was taken");
        bytes = slice_from(bytes, (size_t)size);
        at += (uint64_t)size;
    }
    return OK;
}

/* The oldest chunk moves to the end of the file. */
static enum status write_chunk(struct spill *spill, struct spill_transaction *transaction,
                               struct fault *fault)
{
    struct chunk *chunk = LIST_ITEM(transaction->chunks.next, struct chunk, in_transaction);
    enum status status = open_file(spill, transaction, fault);

    if (status == OK)
        status = write_all(spill, transaction, slice_of(chunk->bytes, chunk->size),
                           transaction->file_size, fault);
    if (status != OK)
        return status;
    add_disk(spill, transaction, chunk->size);
    free_chunk(spill, transaction, chunk);
    return OK;
}

static struct spill_transaction *largest(struct spill *spill)
{
    struct spill_transaction *best = NULL;

    LIST_EACH (link, &spill->transactions) {
        struct spill_transaction *transaction = LIST_ITEM(link, struct spill_transaction, in_spill);
        if (!best || transaction->memory > best->memory)
            best = transaction;
    }
    return best && best->memory > 0 ? best : NULL;
}

/* Room in memory for `size` more, as far as that can be had. */
static enum status make_room(struct spill *spill, size_t size, struct fault *fault)
{
    struct spill_transaction *transaction;

    while (spill->memory + size > spill->memory_max && (transaction = largest(spill)) != NULL) {
        const enum status status = write_chunk(spill, transaction, fault);
        if (status != OK)
            return status;
    }
    return OK;
}

/* ---- adding ---- */

/* A message that memory has no room for: behind everything of its transaction, into the file. */
static enum status write_through(struct spill *spill, struct spill_transaction *transaction,
                                 struct header header, struct slice message, struct fault *fault)
{
    enum status status = open_file(spill, transaction, fault);

    while (status == OK && !list_is_empty(&transaction->chunks))
        status = write_chunk(spill, transaction, fault);
    if (status == OK)
        status = write_all(spill, transaction, slice_of(&header, sizeof header),
                           transaction->file_size, fault);
    if (status == OK)
        status =
            write_all(spill, transaction, message, transaction->file_size + sizeof header, fault);
    if (status == OK)
        add_disk(spill, transaction, sizeof header + message.size);
    return status;
}

static struct chunk *last_chunk(const struct spill_transaction *transaction)
{
    return list_is_empty(&transaction->chunks)
               ? NULL
               : LIST_ITEM(transaction->chunks.prev, struct chunk, in_transaction);
}

static struct chunk *add_chunk(struct spill *spill, struct spill_transaction *transaction,
                               size_t size)
{
    const size_t capacity = size > SPILL_CHUNK ? size : SPILL_CHUNK;
    struct chunk *chunk = mem_resize(NULL, sizeof *chunk + capacity);

    *chunk = (struct chunk){.capacity = capacity};
    list_append(&transaction->chunks, &chunk->in_transaction);
    spill->memory -= transaction->memory;
    transaction->memory += capacity;
    count_memory(spill, transaction);
    return chunk;
}

enum status spill_add(struct spill *spill, struct spill_transaction *transaction,
                      const struct spill_record *record, struct fault *fault)
{
    const struct header header = {(uint32_t)record->message.size, record->note};
    const size_t size = sizeof header + record->message.size;
    struct chunk *chunk = last_chunk(transaction);

    if (transaction->is_given_up)
        return OK;
    if (!chunk || chunk->capacity - chunk->size < size) {
        if (size > SPILL_CHUNK && spill->memory + size > spill->memory_max)
            return write_through(spill, transaction, header, record->message, fault);
        const enum status status = make_room(spill, SPILL_CHUNK, fault);
        if (status != OK)
            return status;
        chunk = add_chunk(spill, transaction, size);
    }
    memcpy(chunk->bytes + chunk->size, &header, sizeof header);
    if (record->message.size > 0)
        memcpy(chunk->bytes + chunk->size + sizeof header, record->message.at,
               record->message.size);
    chunk->size += size;
    return OK;
}

/* ---- subtransactions ---- */

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void spill_abort(struct spill_transaction *transaction, uint32_t xid)
{
    if (transaction->aborted_count == transaction->aborted_capacity) {
        transaction->aborted_capacity =
            transaction->aborted_capacity ? 2 * transaction->aborted_capacity : 16;
        transaction->aborted =
            mem_resize(transaction->aborted, transaction->aborted_capacity * sizeof xid);
    }
    transaction->aborted[transaction->aborted_count++] = xid;
    transaction->is_sorted = false;
}

bool spill_is_aborted(struct spill_transaction *transaction, uint32_t xid)
{
    if (transaction->aborted_count == 0)
        return false;
    if (!transaction->is_sorted)
        qsort(transaction->aborted, transaction->aborted_count, sizeof xid, compare_numbers);
    transaction->is_sorted = true;
    return bsearch(&xid, transaction->aborted, transaction->aborted_count, sizeof xid,
                   compare_numbers) != NULL;
}

/* ---- reading ---- */

static void set_record(struct spill_transaction *transaction, struct slice bytes,
                       struct header header, struct spill_record *out)
{
    out->message = slice_of(bytes.at + sizeof header, header.size);
    out->note = header.note;
    transaction->record_size = sizeof header + header.size;
}

static enum status read_bytes(struct spill *spill, const struct spill_transaction *transaction,
                              size_t size, struct slice *out, struct fault *fault)
{
    const struct spill_place place = {transaction->file, transaction->file_at,
                                      transaction->file_size};
    const enum status status = spill_window_read(&spill->window, &spill->files, &place, size, out);

    if (status == ERR_AGAIN)
        return fault_set(fault, ERR_AGAIN, "spill_directory %s: %zu bytes cannot be read: %s",
                         spill->directory, size, strerrordesc_np(errno));
    if (status == ERR_PARSE)
        return fault_set(fault, ERR_PARSE, "spill_directory %s: a file has lost its end",
                         spill->directory);
    return status;
}

static enum status read_file(struct spill *spill, struct spill_transaction *transaction,
                             struct spill_record *out, struct fault *fault)
{
    struct header header;
    struct slice bytes;
    enum status status = read_bytes(spill, transaction, sizeof header, &bytes, fault);

    if (status != OK)
        return status;
    memcpy(&header, bytes.at, sizeof header);
    if (header.size > transaction->file_size - transaction->file_at - sizeof header)
        return fault_set(fault, ERR_PARSE, "spill_directory %s: a file is not what was written",
                         spill->directory);
    status = read_bytes(spill, transaction, sizeof header + header.size, &bytes, fault);
    if (status == OK)
        set_record(transaction, bytes, header, out);
    return status;
}

enum status spill_read(struct spill *spill, struct spill_transaction *transaction,
                       struct spill_record *out, struct fault *fault)
{
    struct header header;

    if (transaction->file_at < transaction->file_size)
        return read_file(spill, transaction, out, fault);
    if (!transaction->chunk && !list_is_empty(&transaction->chunks))
        transaction->chunk = LIST_ITEM(transaction->chunks.next, struct chunk, in_transaction);
    if (!transaction->chunk)
        return ERR_NOT_FOUND;
    const struct slice bytes = slice_of(transaction->chunk->bytes + transaction->chunk_at,
                                        transaction->chunk->size - transaction->chunk_at);
    memcpy(&header, bytes.at, sizeof header);
    set_record(transaction, bytes, header, out);
    return OK;
}

void spill_advance(struct spill *spill, struct spill_transaction *transaction)
{
    if (transaction->file_at < transaction->file_size) {
        transaction->file_at += transaction->record_size;
        return;
    }
    transaction->chunk_at += transaction->record_size;
    if (transaction->chunk_at < transaction->chunk->size)
        return;
    free_chunk(spill, transaction, transaction->chunk);
    transaction->chunk = NULL;
    transaction->chunk_at = 0;
}
