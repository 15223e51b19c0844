/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libconfig.h>

#include "app/config_text.h"
#include "base/crypto.h"
#include "base/mem.h"

#define SECRET_FILE_MAX 8192
#define READ_SIZE 16384
#define DUPLICATES_MAX 50 /* each costs another reading */

static enum status read_all(int fd, size_t max, struct buf *out, struct fault *fault)
{
    for (;;) {
        buf_reserve(out, READ_SIZE);
        const ssize_t n = read(fd, out->at + out->size, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, ERR_SYSTEM, "cannot be read: %s", strerrordesc_np(errno));
        if (n == 0)
            return OK;
        out->size += (size_t)n;
        if (out->size > max)
            return fault_set(fault, ERR_LIMIT, "is larger than %zu bytes", max);
    }
}

static enum status read_file(const char *path, size_t max, struct buf *out, struct stat *out_stat,
                             struct fault *fault)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum status status = OK;

    if (fd < 0)
        return fault_set(fault, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM,
                         "cannot be opened: %s", strerrordesc_np(errno));
    if (fstat(fd, out_stat) != 0)
        status = fault_set(fault, ERR_SYSTEM, "cannot be looked at: %s", strerrordesc_np(errno));
    else if (S_ISDIR(out_stat->st_mode))
        status = fault_set(fault, ERR_SYSTEM, "is a directory, not a file");
    /* Only to open a pipe without a writer must not hang; reading may wait for it. */
    else if (fcntl(fd, F_SETFL, 0) != 0)
        status = fault_set(fault, ERR_SYSTEM, "cannot be opened: %s", strerrordesc_np(errno));
    if (status == OK)
        status = read_all(fd, max, out, fault);
    (void)close(fd);
    return status;
}

enum status config_file_read(const char *path, struct buf *out_text, bool *out_is_public,
                             struct config_notes *notes)
{
    struct fault fault;
    struct stat info = {0};

    const enum status status = read_file(path, CONFIG_FILE_MAX, out_text, &info, &fault);
    if (status == ERR_NOT_FOUND)
        return ERR_NOT_FOUND;
    if (status != OK) {
        config_notes_error(notes, "%s: %s", path, fault.text);
        return ERR_CONFIG;
    }
    *out_is_public = S_ISREG(info.st_mode) && (info.st_mode & S_IROTH) != 0;
    return OK;
}

enum status config_file_read_secret(const char *path, struct buf *out, struct fault *fault)
{
    struct stat info;
    const enum status status = read_file(path, SECRET_FILE_MAX, out, &info, fault);

    if (status != OK)
        return status;
    if (out->size > 0 && out->at[out->size - 1] == '\n')
        out->size--;
    if (out->size > 0 && out->at[out->size - 1] == '\r')
        out->size--;
    return OK;
}

/* ---- reading it ---- */

static const char *other_name(int type)
{
    switch (type) {
    case CONFIG_TYPE_GROUP:
        return "{ a group }";
    case CONFIG_TYPE_FLOAT:
        return "a number with a fraction";
    default: /* libconfig's constants are no enum */
        return "a list of other things than texts";
    }
}

/* A list or an array; `items` has room for all. */
static void read_items(const config_setting_t *setting, struct slice *items,
                       struct config_given *out)
{
    const int count = config_setting_length(setting);

    *out = (struct config_given){.kind = CONFIG_GIVEN_ITEMS, .items = items};
    for (int i = 0; i < count; i++) {
        const char *const text = config_setting_get_string_elem(setting, i);
        if (!text) {
            *out = (struct config_given){.kind = CONFIG_GIVEN_OTHER,
                                         .text = slice_text(other_name(CONFIG_TYPE_LIST))};
            return;
        }
        items[out->count++] = slice_text(text);
    }
}

static void read_setting(const config_setting_t *setting, config_file_fn *fn, void *arg)
{
    struct config_given given = {.kind = CONFIG_GIVEN_OTHER};
    struct slice *items = NULL;
    const int type = config_setting_type(setting);

    switch (type) {
    case CONFIG_TYPE_STRING:
        given.kind = CONFIG_GIVEN_TEXT;
        given.text = slice_text(config_setting_get_string(setting));
        break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        given.kind = CONFIG_GIVEN_NUMBER;
        given.number = type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
                                               : config_setting_get_int64(setting);
        break;
    case CONFIG_TYPE_BOOL:
        given.kind = CONFIG_GIVEN_FLAG;
        given.flag = config_setting_get_bool(setting) != 0;
        break;
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        items = mem_array((size_t)config_setting_length(setting) + 1, sizeof *items);
        read_items(setting, items, &given);
        break;
    default: /* libconfig's constants are no enum */
        given.text = slice_text(other_name(type));
        break;
    }
    fn(arg, slice_text(config_setting_name(setting)), &given, config_setting_source_line(setting));
    mem_free(items);
}

/* A line of the text; lines count from 1. */
static struct slice line_at(struct slice text, unsigned line)
{
    while (--line > 0 && text.at)
        (void)slice_cut(&text, '\n');
    return text.at ? slice_cut(&text, '\n') : (struct slice){0};
}

/* The key of a line that cannot be read; never the value, which may be a secret. */
static struct slice key_of(struct slice line)
{
    const struct slice key = slice_cut(&line, '=');
    size_t size = 0;

    for (const char *c = slice_trim(key).at; size < slice_trim(key).size && size < 64; size++) {
        const bool is_letter = (c[size] >= 'a' && c[size] <= 'z') ||
                               (c[size] >= 'A' && c[size] <= 'Z') ||
                               (c[size] >= '0' && c[size] <= '9') || c[size] == '_';
        if (!is_letter)
            break;
    }
    return line.at ? slice_of(slice_trim(key).at, size) : (struct slice){0};
}

/* Tells of the line that libconfig stopped at; true: it was taken out, reading may go on. */
static bool report(const char *path, struct buf *text, const config_t *file,
                   struct config_notes *notes)
{
    const int at = config_error_line(file);
    const char *const why = config_error_text(file) ? config_error_text(file) : "out of memory";
    const struct slice line = line_at(buf_slice(text), at > 0 ? (unsigned)at : 1U);
    const struct slice key = key_of(line);

    if (strstr(why, "duplicate") && key.size > 0) {
        config_notes_error(notes, "%s:%d: %.*s is given a second time: keep one of them", path, at,
                           SLICE_ARG(key));
        memset(text->at + (line.at - text->at), ' ', line.size);
        return true;
    }
    config_notes_error(notes,
                       "%s:%d: %s%s%.*s: a line must read key = value, texts in double quotes, for "
                       "example binding = \"0.0.0.0:8080\"; the lines behind it were not read",
                       path, at, why, key.size > 0 ? " at or before " : "", SLICE_ARG(key));
    return false;
}

static void parse_prepared(const char *path, struct buf *text, config_file_fn *fn, void *arg,
                           struct config_notes *notes)
{
    config_t file;

    config_init(&file);
    for (int i = 0; i < DUPLICATES_MAX; i++) {
        if (config_read_string(&file, buf_text(text)) == CONFIG_TRUE ||
            !report(path, text, &file, notes))
            break;
        config_destroy(&file);
        config_init(&file);
    }
    const config_setting_t *const root = config_root_setting(&file);
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *const setting = config_setting_get_elem(root, (unsigned)i);
        if (config_setting_type(setting) != CONFIG_TYPE_NONE) /* a key whose value was not read */
            read_setting(setting, fn, arg);
    }
    config_destroy(&file);
}

void config_file_parse(const char *path, struct slice text, config_file_fn *fn, void *arg,
                       struct config_notes *notes)
{
    CLEANUP(buf_release) struct buf own = BUF_INIT;

    if (config_text_prepare(path, text, &own, notes) == OK)
        parse_prepared(path, &own, fn, arg, notes);
    if (own.capacity > 0)
        crypto_wipe(own.at, own.capacity);
}
