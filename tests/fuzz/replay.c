/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Feeds every file of a directory to a fuzz target, and the empty input first.
 *
 *     fuzz_query tests/fuzz/corpus/query
 *
 * Stands in for libFuzzer's main in ordinary builds, so that seeds and old crashes are tests.
 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A file is copied into a block of just its size, so that a read behind it is seen by ASan. */
static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0) {
        perror(path);
        exit(1);
    }
    bytes = malloc(size > 0 ? (size_t)size : 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size) {
        perror(path);
        exit(1);
    }
    LLVMFuzzerTestOneInput(bytes, (size_t)size);
    free(bytes);
    fclose(file);
}

int main(int argc, char **argv)
{
    const uint8_t nothing = 0;
    int count = 1;

    LLVMFuzzerTestOneInput(&nothing, 0);
    for (int i = 1; i < argc; i++) {
        DIR *directory = opendir(argv[i]);
        const struct dirent *entry;

        while (directory != NULL && (entry = readdir(directory)) != NULL) {
            char path[4096];

            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            replay_file(path);
            count++;
        }
        if (directory != NULL)
            closedir(directory);
    }
    printf("%d inputs\n", count);
    return 0;
}
