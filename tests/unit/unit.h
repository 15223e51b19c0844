/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What cmocka.h wants before it, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

/* What has not happened by then will not; machines may be busy with other things. */
#define LIMIT_MS 120000

static inline void assert_slice_is(struct slice got, const char *want)
{
    if (!slice_is(got, want))
        fail_msg("got \"%.*s\", want \"%s\"", SLICE_ARG(got), want);
}
