/* A folder's identity, and whether anything changed in it: readdir and stat alone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"
#include "daemon/arrivals_internal.h"

#define MAX_ENTRIES 65536 /* read of one folder */
#define MAX_FILES   4096  /* that count for an identity */

struct file {
    char *name;
    uint64_t size, ino;
    int64_t mtime_ns;
};

static int64_t ns(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

/* What makes the model and says where it comes from.  An optimizer's state, random states and logs
 * come late and change nothing about it. */
bool pr_look_counts(const char *name)
{
    static const char *const ends[] = {".safetensors", ".json", ".jinja", ".txt", ".model"};
    if (name[0] == '.')
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void hash_files(struct file *v, size_t n, uint8_t ret[PR_SHA256_LEN])
{
    struct pr_str line = PR_STR_INIT(4096);
    struct pr_sha256 *h = pr_sha256_new();
    if (n)
        qsort(v, n, sizeof *v, by_name);
    for (size_t i = 0; i < n; i++) {
        pr_str_clear(&line);
        pr_str_printf(&line, "%s/%" PRIu64 " %" PRIu64 " %" PRId64 "\n", v[i].name, v[i].size,
            v[i].ino, v[i].mtime_ns);
        pr_sha256_update(h, pr_str_cstr(&line), line.len);
    }
    pr_sha256_final(h, ret);
    pr_str_done(&line);
}

static void note_file(struct pr_look *l, const char *name, const struct stat *st)
{
    int64_t ctime_ms = ns(st->st_ctim) / 1000000;
    if (ctime_ms > l->newest_ms)
        l->newest_ms = ctime_ms;
    l->config |= !strcmp(name, "config.json") || !strcmp(name, "adapter_config.json");
    l->weights |= ends_with(name, ".safetensors");
}

int pr_look_at(const char *path, struct pr_look *ret)
{
    DIR *d = opendir(path);
    if (!d)
        return errno;
    struct file *v = NULL;
    size_t n = 0, cap = 0, read = 0;
    struct stat folder = {0};
    fstat(dirfd(d), &folder);
    *ret = (struct pr_look){
        .folder_ns = ns(folder.st_mtim), .newest_ms = ns(folder.st_ctim) / 1000000};
    for (struct dirent *ent; n < MAX_FILES && read < MAX_ENTRIES && (ent = readdir(d)); read++) {
        struct stat st;
        /* A file that went between the two calls is one that is not there. */
        if (!pr_look_counts(ent->d_name) || fstatat(dirfd(d), ent->d_name, &st, 0) ||
            !S_ISREG(st.st_mode))
            continue;
        note_file(ret, ent->d_name, &st);
        struct file f = {
            pr_strdup(ent->d_name), (uint64_t)st.st_size, (uint64_t)st.st_ino, ns(st.st_mtim)};
        PR_PUSH(v, n, cap, f);
    }
    closedir(d);
    hash_files(v, n, ret->identity);
    for (size_t i = 0; i < n; i++)
        pr_free(v[i].name);
    pr_free(v);
    return 0;
}

void pr_folder_identity(const char *path, char ret[65])
{
    struct pr_look l;
    ret[0] = 0;
    if (!pr_look_at(path, &l))
        pr_sha256_hex(l.identity, ret);
}

/* FNV-1a: cheap, and it only has to tell two states of our user's own files apart. */
static void mix(uint64_t *h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        *h = (*h ^ p[i]) * 0x100000001b3u;
}

static void mix_number(uint64_t *h, uint64_t x)
{
    for (unsigned shift = 0; shift < 64; shift += 8)
        *h = (*h ^ (x >> shift & 0xff)) * 0x100000001b3u;
}

static void mix_stat(uint64_t *h, const char *name, const struct stat *st)
{
    /* Of a folder only that it is the same one: what is in it speaks for itself. */
    bool dir = S_ISDIR(st->st_mode);
    mix(h, name, strlen(name) + 1);
    mix_number(h, (uint64_t)st->st_ino);
    mix_number(h, dir ? 0 : (uint64_t)st->st_size);
    mix_number(h, dir ? 0 : (uint64_t)ns(st->st_mtim));
}

/* The sum over a folder's entries does not depend on the order in which they are read. */
static uint64_t sum_entries(
    const char *path, int levels, void (*folder)(void *ctx, const char *path), void *ctx)
{
    DIR *d = opendir(path);
    uint64_t sum = 0;
    size_t read = 0;
    if (!d)
        return 0;
    for (struct dirent *ent; read < MAX_ENTRIES && (ent = readdir(d)); read++) {
        struct stat st;
        uint64_t h = 0xcbf29ce484222325u;
        if (ent->d_name[0] == '.' || fstatat(dirfd(d), ent->d_name, &st, 0))
            continue;
        mix_stat(&h, ent->d_name, &st);
        if (S_ISDIR(st.st_mode) && levels) {
            char *sub = pr_path_join(path, ent->d_name);
            uint64_t below;
            if (folder)
                folder(ctx, sub);
            below = sum_entries(sub, levels - 1, NULL, NULL);
            mix_number(&h, below);
            pr_free(sub);
        }
        sum += h;
    }
    closedir(d);
    return sum;
}

uint64_t pr_look_signature(const char *path, void (*folder)(void *ctx, const char *path), void *ctx)
{
    struct stat st;
    uint64_t h = 0xcbf29ce484222325u;
    if (stat(path, &st))
        return 0;
    mix_stat(&h, "", &st);
    if (S_ISDIR(st.st_mode))
        h += sum_entries(path, 1, folder, ctx);
    return h ? h : 1;
}
