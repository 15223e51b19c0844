/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <string.h>

#include "capture/spill.h"

/* A disk of buffers: so many bytes large, failing on demand, taking as little a call as told. */
enum { DISK_FILES = 64 };

struct disk {
    struct buf files[DISK_FILES];
    bool is_open[DISK_FILES];
    size_t size;     /* bytes over all files; 0: no end */
    size_t call_max; /* bytes a call; 0: all */
    int call;        /* how many were made */
    int failing;     /* the number of the call that fails, from 1 on; 0: none */
    int error;
    int damage; /* the call whose read is cut to nothing; 0: none */
};

static inline bool disk_fails(struct disk *disk)
{
    disk->call++;
    if (disk->call != disk->failing)
        return false;
    errno = disk->error;
    return true;
}

static inline int disk_open(void *arg, const char *directory)
{
    struct disk *disk = arg;

    (void)directory;
    if (disk_fails(disk))
        return -1;
    for (int i = 0; i < DISK_FILES; i++) {
        if (!disk->is_open[i]) {
            disk->is_open[i] = true;
            return i;
        }
    }
    errno = EMFILE;
    return -1;
}

static inline size_t disk_used(const struct disk *disk)
{
    size_t used = 0;

    for (int i = 0; i < DISK_FILES; i++)
        used += disk->files[i].size;
    return used;
}

static inline ssize_t disk_write(void *arg, int file, const void *bytes, size_t size, off_t at)
{
    struct disk *disk = arg;
    struct buf *buf = &disk->files[file];

    if (disk_fails(disk))
        return -1;
    if (disk->call_max > 0 && size > disk->call_max)
        size = disk->call_max;
    buf_reserve(buf, size);
    const size_t end = (size_t)at + size;
    const size_t more = end > buf->size ? end - buf->size : 0;
    if (disk->size > 0 && disk_used(disk) + more > disk->size) {
        errno = ENOSPC;
        return -1;
    }
    buf_reserve(buf, more);
    memcpy(buf->at + at, bytes, size);
    buf->size += more;
    return (ssize_t)size;
}

static inline ssize_t disk_read(void *arg, int file, void *bytes, size_t size, off_t at)
{
    struct disk *disk = arg;
    const struct buf *buf = &disk->files[file];

    if (disk_fails(disk))
        return -1;
    if (disk->call == disk->damage || (size_t)at >= buf->size)
        return 0;
    if (disk->call_max > 0 && size > disk->call_max)
        size = disk->call_max;
    if (size > buf->size - (size_t)at)
        size = buf->size - (size_t)at;
    memcpy(bytes, buf->at + at, size);
    return (ssize_t)size;
}

static inline void disk_close(void *arg, int file)
{
    struct disk *disk = arg;

    buf_release(&disk->files[file]);
    disk->is_open[file] = false;
}

static inline int disk_open_count(const struct disk *disk)
{
    int count = 0;

    for (int i = 0; i < DISK_FILES; i++)
        count += disk->is_open[i];
    return count;
}

static inline struct spill_files disk_files(struct disk *disk)
{
    return (struct spill_files){disk_open, disk_write, disk_read, disk_close, disk};
}
