/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"

struct config;

/*
 * The whole flow on one page: which threads there are, and what they share.
 *
 *     main thread      control loop: signals, questions to the catalogue     (catalog/control.h)
 *     capture thread   PostgreSQL -> decoder -> journal                      (capture/capture.h)
 *     N workers        journal -> index -> frames -> clients                 (serve/worker.h)
 *
 * Started from the inside out: the journal, then who reads it, then who writes it; stopped the
 * other way round: workers say goodbye to their clients, then capture confirms what they have read.
 */
struct pipeline;

/* Opens everything that can fail at start (TLS files, listeners), so that nothing has begun when
 * it does; the database may be missing.  `config` is borrowed until pipeline_free.  NULL with a
 * fault. */
struct pipeline *pipeline_new(const struct config *config, struct fault *fault);
/* Runs until SIGTERM or SIGINT; the second signal ends the process at once. */
MUST_CHECK enum status pipeline_run(struct pipeline *pipeline, struct fault *fault);
void pipeline_free(struct pipeline *pipeline);
