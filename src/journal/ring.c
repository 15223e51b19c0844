/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static enum status system_fault(struct fault *fault, const char *what, size_t size)
{
    return fault_set(fault, ERR_SYSTEM, "journal of %zu bytes: %s: %s", size, what,
                     strerrordesc_np(errno));
}

/* Maps the pages of `fd` at both halves of `base`, which are reserved already. */
static bool map_twice(char *base, size_t size, int fd)
{
    for (int half = 0; half < 2; half++) {
        if (mmap(base + (size_t)half * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                 fd, 0) == MAP_FAILED)
            return false;
    }
    /* Rows are nobody's business in a core file. */
    (void)madvise(base, 2 * size, MADV_DONTDUMP);
    return true;
}

static enum status map_file(struct ring *ring, size_t size, int fd, struct fault *fault)
{
    if (ftruncate(fd, (off_t)size) != 0)
        return system_fault(fault, "ftruncate", size);

    char *base = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return system_fault(fault, "mmap", size);
    if (!map_twice(base, size, fd)) {
        const enum status status = system_fault(fault, "mmap", size);
        (void)munmap(base, 2 * size);
        return status;
    }
    *ring = (struct ring){base, size};
    return OK;
}

enum status ring_init(struct ring *ring, size_t size, struct fault *fault)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t rounded = (size + page - 1) / page * page;
    const int fd = memfd_create("pgcdc-journal", MFD_CLOEXEC);

    if (fd < 0)
        return system_fault(fault, "memfd_create", rounded);
    const enum status status = map_file(ring, rounded, fd, fault);
    (void)close(fd); /* the mappings keep the pages */
    return status;
}

void ring_release(struct ring *ring)
{
    if (ring->base)
        (void)munmap(ring->base, 2 * ring->size);
    *ring = (struct ring){0};
}
