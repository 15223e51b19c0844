/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "net/loop.h"

/* The libuv loop inside, for the sources of this directory only. */
uv_loop_t *loop_uv(struct loop *loop);
struct loop *loop_of_uv(uv_loop_t *uv);
