/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"

#include <string.h>

#include "app/config_keys.h"
#include "app/mask.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/mem.h"

#define HINT "pgcdc --help lists what there is"

static const char usage[] =
    "usage: pgcdc [-c FILE] [--set KEY=VALUE]... [-v|-q] [DATABASE_URL]\n"
    "       pgcdc --check-config | --print-config | --version | --help\n"
    "\n"
    "Streams committed row changes of a PostgreSQL database to WebSocket clients:\n"
    "\n"
    "  pgcdc postgres://user@host/db\n"
    "  then ws://127.0.0.1:8080/ws?query=*:orders:status.eq.paid\n"
    "\n"
    "  DATABASE_URL           the database; without it the settings, then PGHOST and the like\n"
    "  -c, --config FILE      settings (default " CONFIG_DEFAULT_PATH ", if there)\n"
    "      --set KEY=VALUE    one setting, over file and environment (PGCDC_<KEY>)\n"
    "  -v, --verbose          log more; -q, --quiet: log less; both can be repeated\n"
    "      --check-config     say everything that is wrong with the settings, and exit\n"
    "      --print-config     show every setting in effect and where it comes from, and exit\n"
    "  -V, --version          show the version, and exit\n"
    "  -h, --help             show this, and exit\n"
    "\n"
    "Settings: man 5 pgcdc.config.  Queries and protocol: man 1 pgcdc.\n";

/* The words of the command line, taken one by one. */
struct words {
    char **argv;
    int count, at;
};

static enum status take_set(struct cli *cli, char *word, struct fault *fault)
{
    char *const equals = strchr(word, '=');

    if (!equals || equals == word)
        return fault_set(fault, ERR_INPUT,
                         "--set wants KEY=VALUE, for example --set workers=4; " HINT);
    cli->sets = mem_resize(cli->sets, (cli->set_count + 1) * sizeof *cli->sets);
    cli->sets[cli->set_count++] = mem_text(word);
    const struct config_key *const key =
        config_key_find(slice_trim(slice_of(word, (size_t)(equals - word))));
    if (!key || key->privacy == CONFIG_SECRET)
        memset(equals + 1, '*', strlen(equals + 1));
    else if (key->privacy == CONFIG_URL)
        (void)mask_url_in_place(equals + 1);
    return OK;
}

static enum status take_config(struct cli *cli, const char *word, struct fault *fault)
{
    if (word[0] == '\0')
        return fault_set(fault, ERR_INPUT, "-c wants the name of a file; " HINT);
    mem_free(cli->config_path);
    cli->config_path = mem_text(word);
    return OK;
}

static enum status take_argument(struct cli *cli, char *word, struct fault *fault)
{
    CLEANUP(buf_release) struct buf shown = BUF_INIT;

    if (cli->database_url) {
        (void)mask_url(slice_text(word), &shown);
        return fault_set(fault, ERR_INPUT, "one DATABASE_URL is enough, \"%s\" is another; " HINT,
                         buf_text(&shown));
    }
    if (word[0] == '\0')
        return fault_set(fault, ERR_INPUT, "DATABASE_URL is empty; " HINT);
    cli->database_url = mem_text(word);
    (void)mask_url_in_place(word);
    return OK;
}

/* The value of an option: what is behind its `=`, or the next word; NULL: there is none. */
static char *take_value(struct words *words, const char *option, char *inside, struct fault *fault)
{
    if (inside)
        return inside;
    if (words->at < words->count)
        return words->argv[words->at++];
    (void)fault_set(fault, ERR_INPUT, "option %s wants a value; " HINT, option);
    return NULL;
}

static enum status no_such_option(const char *word, size_t size, struct fault *fault)
{
    return fault_set(fault, ERR_INPUT, "unknown option %.*s; " HINT, (int)(size < 100 ? size : 100),
                     word);
}

static enum status take_long(struct cli *cli, struct words *words, char *word, struct fault *fault)
{
    static const struct {
        const char *name;
        enum cli_action action;
        int verbosity;
    } plain[] = {
        {"--check-config", CLI_CHECK_CONFIG, 0},
        {"--print-config", CLI_PRINT_CONFIG, 0},
        {"--version", CLI_VERSION, 0},
        {"--help", CLI_HELP, 0},
        {"--verbose", CLI_RUN, 1},
        {"--quiet", CLI_RUN, -1},
    };
    char *const equals = strchr(word, '=');
    const struct slice name = slice_of(word, equals ? (size_t)(equals - word) : strlen(word));

    if (slice_is(name, "--config") || slice_is(name, "--set")) {
        const bool is_set = slice_is(name, "--set");
        char *const value =
            take_value(words, is_set ? "--set" : "--config", equals ? equals + 1 : NULL, fault);
        if (!value)
            return ERR_INPUT;
        return is_set ? take_set(cli, value, fault) : take_config(cli, value, fault);
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (!slice_is(name, plain[i].name))
            continue;
        if (equals)
            return fault_set(fault, ERR_INPUT, "option %s takes no value; " HINT, plain[i].name);
        cli->verbosity += plain[i].verbosity;
        if (plain[i].action != CLI_RUN)
            cli->action = plain[i].action;
        return OK;
    }
    return no_such_option(word, name.size, fault);
}

/* -vv, -c FILE, -cFILE */
static enum status take_short(struct cli *cli, struct words *words, char *word, struct fault *fault)
{
    for (char *c = word + 1; *c; c++) {
        switch (*c) {
        case 'v':
            cli->verbosity++;
            break;
        case 'q':
            cli->verbosity--;
            break;
        case 'h':
            cli->action = CLI_HELP;
            break;
        case 'V':
            cli->action = CLI_VERSION;
            break;
        case 'c': {
            const char *const value = take_value(words, "-c", c[1] ? c + 1 : NULL, fault);
            return value ? take_config(cli, value, fault) : ERR_INPUT;
        }
        default:
            return fault_set(fault, ERR_INPUT, "unknown option -%c; " HINT,
                             *c > 0x20 && *c < 0x7F ? *c : '?');
        }
    }
    return OK;
}

enum status cli_parse(int argc, char **argv, struct cli *out, struct fault *fault)
{
    struct words words = {.argv = argv, .count = argc, .at = 1};
    struct cli cli = {.action = CLI_RUN};
    bool is_options = true;

    while (words.at < words.count) {
        char *const word = words.argv[words.at++];
        enum status status;
        if (is_options && strcmp(word, "--") == 0) {
            is_options = false;
            continue;
        }
        if (is_options && strncmp(word, "--", 2) == 0)
            status = take_long(&cli, &words, word, fault);
        else if (is_options && word[0] == '-' && word[1] != '\0')
            status = take_short(&cli, &words, word, fault);
        else
            status = take_argument(&cli, word, fault);
        if (status != OK) {
            cli_release(&cli);
            *out = cli;
            return ERR_INPUT;
        }
    }
    *out = cli;
    return OK;
}

static void wipe(char *text)
{
    if (text)
        crypto_wipe(text, strlen(text));
    mem_free(text);
}

void cli_release(struct cli *cli)
{
    if (!cli)
        return;
    for (size_t i = 0; i < cli->set_count; i++)
        wipe(cli->sets[i]);
    mem_free(cli->sets);
    mem_free(cli->config_path);
    wipe(cli->database_url);
    *cli = (struct cli){0};
}

const char *cli_usage(void)
{
    return usage;
}
