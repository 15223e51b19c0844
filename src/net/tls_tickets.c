/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_tickets.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/mem.h"

#define FILE_MAX ((size_t)8 * 1024)

/* The first key seals.  Those of a file have no age. */
struct tickets {
    pthread_mutex_t lock;
    struct clock clock;
    struct ticket_key keys[TICKET_KEYS_MAX];
    size_t count;
    bool is_from_file;
};

static void make_key(struct ticket_key *key, uint64_t now_ms)
{
    crypto_random(key->name, sizeof key->name);
    crypto_random(key->aes, sizeof key->aes);
    crypto_random(key->hmac, sizeof key->hmac);
    key->born_ms = now_ms;
}

/* Three keys for three uses, none of which tells anything of the others or of the secret. */
static void derive_key(struct ticket_key *key, struct slice secret)
{
    unsigned char name[CRYPTO_SHA256_SIZE];

    crypto_hmac_sha256(secret, SLICE("pgcdc session ticket 1: name"), name);
    memcpy(key->name, name, sizeof key->name);
    crypto_hmac_sha256(secret, SLICE("pgcdc session ticket 1: AES-256"), key->aes);
    crypto_hmac_sha256(secret, SLICE("pgcdc session ticket 1: HMAC-SHA256"), key->hmac);
    key->born_ms = 0;
}

struct tickets *tickets_new(struct clock clock)
{
    struct tickets *tickets = mem_new(sizeof *tickets);

    (void)pthread_mutex_init(&tickets->lock, NULL);
    tickets->clock = clock;
    make_key(&tickets->keys[0], clock_ms(&clock));
    tickets->count = 1;
    return tickets;
}

void tickets_free(struct tickets *tickets)
{
    if (!tickets)
        return;
    (void)pthread_mutex_destroy(&tickets->lock);
    crypto_wipe(tickets, sizeof *tickets);
    mem_free(tickets);
}

/* ---- a file's ---- */

static enum status take_line(struct ticket_key *keys, size_t *count, struct slice line)
{
    if (line.size == 0)
        return OK;
    if (line.size < TICKET_SECRET_MIN)
        return ERR_INPUT;
    if (*count == TICKET_KEYS_MAX)
        return ERR_LIMIT;
    derive_key(&keys[(*count)++], line);
    return OK;
}

static enum status read_keys(struct slice text, struct ticket_key *keys, size_t *out_count,
                             const char *path, struct fault *fault)
{
    unsigned number = 0;

    *out_count = 0;
    while (text.size > 0) {
        number++;
        const enum status status = take_line(keys, out_count, slice_trim(slice_cut(&text, '\n')));
        if (status == ERR_LIMIT)
            return fault_set(fault, ERR_CONFIG, "%s holds more than %d secrets for session tickets",
                             path, TICKET_KEYS_MAX);
        if (status != OK)
            return fault_set(fault, ERR_CONFIG,
                             "%s:%u: a secret for session tickets has at least %d characters, "
                             "such as openssl rand -base64 32 prints",
                             path, number, TICKET_SECRET_MIN);
    }
    if (*out_count == 0)
        return fault_set(fault, ERR_CONFIG,
                         "%s is empty: it should hold the output of openssl rand -base64 32", path);
    return OK;
}

static enum status read_file(const char *path, char *text, size_t *out_size, struct fault *fault)
{
    FILE *file = fopen(path, "re");

    if (!file)
        return fault_set(fault, ERR_CONFIG, "%s, for session tickets, cannot be read: %s", path,
                         strerrordesc_np(errno));
    (void)setvbuf(file, NULL, _IONBF, 0); /* no second copy of the secrets */
    *out_size = fread(text, 1, FILE_MAX, file);
    const int error = ferror(file) ? errno : 0;
    (void)fclose(file);
    if (error != 0)
        return fault_set(fault, ERR_CONFIG, "%s, for session tickets, cannot be read: %s", path,
                         strerrordesc_np(error));
    if (*out_size == FILE_MAX)
        return fault_set(fault, ERR_CONFIG, "%s is too large for secrets of session tickets", path);
    return OK;
}

enum status tickets_load(struct tickets *tickets, const char *path, struct fault *fault)
{
    struct ticket_key keys[TICKET_KEYS_MAX];
    char text[FILE_MAX];
    size_t size = 0, count = 0;

    enum status status = read_file(path, text, &size, fault);
    if (status == OK)
        status = read_keys(slice_of(text, size), keys, &count, path, fault);
    if (status == OK) {
        (void)pthread_mutex_lock(&tickets->lock);
        crypto_wipe(tickets->keys, sizeof tickets->keys);
        memcpy(tickets->keys, keys, count * sizeof keys[0]);
        tickets->count = count;
        tickets->is_from_file = true;
        (void)pthread_mutex_unlock(&tickets->lock);
    }
    crypto_wipe(text, sizeof text);
    crypto_wipe(keys, sizeof keys);
    return status;
}

/* ---- those of our own ---- */

static void forget_last(struct tickets *tickets)
{
    crypto_wipe(&tickets->keys[--tickets->count], sizeof tickets->keys[0]);
}

static uint64_t age_seconds(const struct tickets *tickets, size_t i)
{
    return (clock_ms(&tickets->clock) - tickets->keys[i].born_ms) / 1000;
}

static void renew(struct tickets *tickets)
{
    if (tickets->is_from_file)
        return;
    while (tickets->count > 0 &&
           age_seconds(tickets, tickets->count - 1) >= TICKET_KEY_SECONDS + TICKET_LIFE_SECONDS)
        forget_last(tickets);
    if (tickets->count > 0 && age_seconds(tickets, 0) < TICKET_KEY_SECONDS)
        return;
    memmove(&tickets->keys[1], &tickets->keys[0], tickets->count * sizeof tickets->keys[0]);
    make_key(&tickets->keys[0], clock_ms(&tickets->clock));
    tickets->count++;
}

void tickets_sealing(struct tickets *tickets, struct ticket_key *out)
{
    (void)pthread_mutex_lock(&tickets->lock);
    renew(tickets);
    *out = tickets->keys[0];
    (void)pthread_mutex_unlock(&tickets->lock);
}

enum status tickets_opening(struct tickets *tickets, const unsigned char name[16],
                            struct ticket_key *out)
{
    enum status status = ERR_NOT_FOUND;

    (void)pthread_mutex_lock(&tickets->lock);
    renew(tickets);
    for (size_t i = 0; i < tickets->count && status != OK; i++) {
        if (memcmp(tickets->keys[i].name, name, sizeof out->name) != 0)
            continue;
        *out = tickets->keys[i];
        status = OK;
    }
    (void)pthread_mutex_unlock(&tickets->lock);
    return status;
}
