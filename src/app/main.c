/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgcdc: from the command line to a running pipeline, and to an exit code.
 *
 *     0   done, or stopped by a signal          2   the command line is wrong
 *     1   could not start                       78  the configuration is wrong (EX_CONFIG)
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/config.h"
#include "app/pipeline.h"
#include "base/log.h"
#include "sql/dial.h"
#include "version.h"

/* Whoever starts us with a standard descriptor closed must not find his log in a client's socket.
 */
static void open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* A client each is a descriptor each: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warning("cannot raise the limit of open files");
}

static int run(const struct config *config)
{
    struct fault fault = {0};
    int code = CLI_EXIT_OK;

    /* OpenSSL writes to sockets without MSG_NOSIGNAL. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on files is an answer of write */
    raise_descriptor_limit();
    struct pipeline *pipeline = pipeline_new(config, &fault);
    if (!pipeline || pipeline_run(pipeline, &fault) != OK) {
        log_error("cannot start: %s", fault.text);
        code = fault.status == ERR_CONFIG ? CLI_EXIT_CONFIG : CLI_EXIT_FAILED;
    }
    pipeline_free(pipeline);
    return code;
}

static int print_config(const struct config *config)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    config_print(config, &text);
    return fwrite(text.at, 1, text.size, stdout) == text.size && fflush(stdout) == 0
               ? CLI_EXIT_OK
               : CLI_EXIT_FAILED;
}

/* Checking and printing speak to a person, a running server to its log. */
static void tell_notes(const struct config_notes *notes, enum cli_action action)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct config_note *note = &notes->items[i];
        if (action != CLI_RUN)
            (void)fprintf(stderr, "pgcdc: %s: %s\n", note->is_error ? "error" : "warning",
                          note->text);
        else if (note->is_error)
            log_error("configuration: %s", note->text);
        else
            log_warning("configuration: %s", note->text);
    }
}

static int act(const struct cli *cli)
{
    const struct config_input input = {
        .path = cli->config_path,
        .sets = (const char *const *)cli->sets,
        .set_count = cli->set_count,
        .database_url = cli->database_url,
        .environment = (const char *const *)environ,
        .verbosity = cli->verbosity,
        .is_checking = cli->action == CLI_CHECK_CONFIG,
    };
    struct config_notes notes = {0};
    struct config config = {0};
    int code = CLI_EXIT_OK;

    const enum status status = config_load(&input, &config, &notes);
    tell_notes(&notes, cli->action);
    if (status != OK) {
        code = CLI_EXIT_CONFIG;
    } else if (cli->action == CLI_CHECK_CONFIG) {
        puts("the configuration is well");
    } else if (cli->action == CLI_PRINT_CONFIG) {
        code = print_config(&config);
    } else {
        log_set_level((enum log_level)config.log_level);
        code = run(&config);
    }
    config_notes_release(&notes);
    config_release(&config);
    return code;
}

int main(int argc, char **argv)
{
    struct cli cli;
    struct fault fault = {0};
    int code = CLI_EXIT_OK;

    open_standard_descriptors();
    if (cli_parse(argc, argv, &cli, &fault) != OK) {
        (void)fprintf(stderr, "pgcdc: %s\n", fault.text);
        return CLI_EXIT_USAGE;
    }
    switch (cli.action) {
    case CLI_VERSION:
        puts("pgcdc " PGCDC_VERSION);
        break;
    case CLI_HELP:
        (void)fputs(cli_usage(), stdout);
        break;
    case CLI_RUN:
    case CLI_CHECK_CONFIG:
    case CLI_PRINT_CONFIG:
        code = act(&cli);
        break;
    }
    cli_release(&cli);
    if (!dial_is_idle()) {
        (void)fflush(NULL);
        _exit(code);
    }
    return code;
}
