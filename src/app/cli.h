/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/status.h"

/*
 * What the command line asks for.
 *
 *     pgcdc -v --set workers=2 postgres://pgcdc@db/shop
 *
 * Passwords in it are overwritten in argv as soon as they are copied, so that `ps` shows them for
 * a moment only.
 */
enum cli_action {
    CLI_RUN,
    CLI_CHECK_CONFIG,
    CLI_PRINT_CONFIG,
    CLI_VERSION,
    CLI_HELP,
};

/* Exit codes; 78 is EX_CONFIG of sysexits.h. */
enum { CLI_EXIT_OK = 0, CLI_EXIT_FAILED = 1, CLI_EXIT_USAGE = 2, CLI_EXIT_CONFIG = 78 };

struct cli {
    enum cli_action action;
    char *config_path; /* owned; NULL: the default */
    char **sets;       /* owned: KEY=VALUE each */
    size_t set_count;
    char *database_url; /* owned; NULL: none */
    int verbosity;      /* -v minus -q */
};

/* ERR_INPUT: exit with CLI_EXIT_USAGE after showing the fault, which says what would be right;
 * `out` is zeroed then. */
MUST_CHECK enum status cli_parse(int argc, char **argv, struct cli *out, struct fault *fault);
void cli_release(struct cli *cli); /* wipes the secrets */
const char *cli_usage(void);       /* the text of --help */
