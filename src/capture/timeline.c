/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/timeline.h"

/* Columns are separated by tabs; there are empty lines, and lines that begin with #. */
lsn timeline_left_at(struct slice history, struct slice timeline)
{
    while (history.at) {
        struct slice line = slice_cut(&history, '\n');
        const struct slice number = slice_trim(slice_cut(&line, '\t'));
        const struct slice place = slice_trim(slice_cut(&line, '\t'));
        lsn left;

        if (slice_equal(number, timeline) && lsn_parse(place, &left) == OK)
            return left;
    }
    return LSN_NONE;
}
