/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name, as the system makes them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "capture/spill.h"

/* Where the file system has no O_TMPFILE (NFS, overlays): a name, and at once none any more. */
static int open_named(const char *directory)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT;

    buf_printf(&path, "%s/pgcdc-spill-XXXXXX", directory);
    CLEANUP(mem_free_at) char *name = mem_text(buf_text(&path));
    const int file = mkostemp(name, O_CLOEXEC);
    if (file >= 0)
        (void)unlink(name);
    return file;
}

static int system_open(void *arg, const char *directory)
{
    const int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    (void)arg;
    if (file < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        return open_named(directory);
    return file;
}

static ssize_t system_write(void *arg, int file, const void *bytes, size_t size, off_t at)
{
    (void)arg;
    return pwrite(file, bytes, size, at);
}

static ssize_t system_read(void *arg, int file, void *bytes, size_t size, off_t at)
{
    (void)arg;
    return pread(file, bytes, size, at);
}

static void system_close(void *arg, int file)
{
    (void)arg;
    (void)close(file);
}

const struct spill_files spill_files_system = {system_open, system_write, system_read, system_close,
                                               NULL};

enum status spill_check(const char *directory, struct fault *fault)
{
    const int file = system_open(NULL, directory);

    if (file < 0)
        return fault_set(fault, ERR_SYSTEM, "spill_directory %s: no file can be made: %s",
                         directory, strerrordesc_np(errno));
    system_close(NULL, file);
    return OK;
}
