/* SPDX-License-Identifier: Apache-2.0 */
/* A COPY BOTH frame of any bytes: it is one of the two kinds, whole, or refused; its payload lies
 * within it. */
#include "capture/copy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct slice message = slice_of(bytes, size);
    struct frame frame;

    if (frame_parse(message, &frame) != OK)
        return 0;
    if (frame.kind == FRAME_DATA && (frame.payload.at + frame.payload.size != message.at + size ||
                                     frame.payload.size + 25 != size))
        abort();
    if (frame.kind == FRAME_KEEPALIVE && size != 18)
        abort();
    return 0;
}
