/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/spill_window.h"

#include <errno.h>

#include "capture/spill.h"

enum { WINDOW_SIZE = 256 * 1024 };

void spill_window_release(struct spill_window *window)
{
    buf_release(&window->bytes);
}

static bool is_within(const struct spill_window *window, const struct spill_place *place,
                      size_t size)
{
    return window->bytes.size > 0 && window->file == place->file && place->at >= window->start &&
           place->at - window->start <= window->bytes.size &&
           window->bytes.size - (place->at - window->start) >= size;
}

/* From place->at on, at least `size` bytes. */
static enum status fill(struct spill_window *window, const struct spill_files *files,
                        const struct spill_place *place, size_t size)
{
    const uint64_t left = place->end - place->at;
    const size_t wanted = size > WINDOW_SIZE ? size : WINDOW_SIZE;

    window->file = place->file;
    window->start = place->at;
    buf_reset(&window->bytes);
    buf_reserve(&window->bytes, wanted);
    while (window->bytes.size < size) {
        const uint64_t more = left - window->bytes.size;
        const size_t room = wanted - window->bytes.size;
        const ssize_t got =
            files->read(files->arg, place->file, window->bytes.at + window->bytes.size,
                        more < room ? (size_t)more : room, (off_t)(place->at + window->bytes.size));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            buf_reset(&window->bytes);
            return got < 0 ? ERR_AGAIN : ERR_PARSE;
        }
        window->bytes.size += (size_t)got;
    }
    return OK;
}

enum status spill_window_read(struct spill_window *window, const struct spill_files *files,
                              const struct spill_place *place, size_t size, struct slice *out)
{
    if (place->at > place->end || size > place->end - place->at)
        return ERR_PARSE;
    if (!is_within(window, place, size)) {
        const enum status status = fill(window, files, place, size);
        if (status != OK)
            return status;
    }
    *out = slice_of(window->bytes.at + (place->at - window->start), size);
    return OK;
}
