/* Fingerprints that were computed before, by the identities of the files they were computed from:
 * $XDG_CACHE_HOME/proctor/fingerprints/<key>, a line of 64 hexadecimal digits each. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "model/fingerprint.h"

#define MAX_ENTRIES 4096
#define DROP_ENTRIES                                                                               \
    1024 /* dropped at once when there are too many; names are hashes: any will do */
/* A file changed this recently may change again within the same tick of the file system's clock,
 * which its identity would not show. */
#define SETTLED_NS ((int64_t)2000000000)

static char *cache_dir(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg && xdg[0] == '/')
        return pr_path_join(xdg, "proctor/fingerprints");
    if (home && home[0] == '/')
        return pr_path_join(home, ".cache/proctor/fingerprints");
    return NULL;
}

static void hash_files(struct pr_sha256 *h, const struct pr_folder *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct pr_folder_file *file = &f->files[i];
        const struct pr_file_id *id = &file->id;
        uint64_t numbers[6] = {file->present, id->dev, id->ino, id->size, (uint64_t)id->mtime_ns,
            (uint64_t)id->ctime_ns};
        pr_sha256_update(h, file->name, strlen(file->name) + 1);
        pr_sha256_update(h, numbers, sizeof numbers);
    }
}

static int64_t newest(const struct pr_checkpoint *c)
{
    int64_t t = c->base ? newest(c->base) : 0;
    for (size_t i = 0; i < c->folder.n; i++) {
        const struct pr_folder_file *file = &c->folder.files[i];
        if (file->present && file->id.ctime_ns > t)
            t = file->id.ctime_ns;
        if (file->present && file->id.mtime_ns > t)
            t = file->id.mtime_ns;
    }
    return t;
}

bool pr_fingerprint_key(const struct pr_checkpoint *c, char ret[PR_SHA256_HEX])
{
    static const char version[] = "proctor fingerprint cache 1 " PR_VERSION;
    struct timespec now;
    uint8_t digest[PR_SHA256_LEN];
    /* Files' times are the system's, whatever clock proctor goes by. */
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    struct pr_sha256 *h = pr_sha256_new();
    pr_sha256_update(h, version, sizeof version);
    hash_files(h, &c->folder);
    if (c->base)
        hash_files(h, &c->base->folder);
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, ret);
    return newest(c) < ns - SETTLED_NS;
}

static bool is_fingerprint(const char *s, size_t n)
{
    return n == PR_SHA256_HEX && s[n - 1] == '\n' && strspn(s, "0123456789abcdef") == n - 1;
}

bool pr_fingerprint_cached(const char key[PR_SHA256_HEX], char ret[PR_SHA256_HEX])
{
    char *dir = cache_dir(), *text = NULL;
    if (!dir)
        return false;
    char *path = pr_path_join(dir, key);
    size_t n = 0;
    bool found =
        !pr_file_read(AT_FDCWD, path, PR_SHA256_HEX, &text, &n, NULL) && is_fingerprint(text, n);
    if (found) {
        memcpy(ret, text, PR_SHA256_HEX - 1);
        ret[PR_SHA256_HEX - 1] = 0;
    }
    pr_free(text);
    pr_free(path);
    pr_free(dir);
    return found;
}

static void prune(const char *dir)
{
    char **names;
    size_t n;
    if (pr_dir_list(dir, &names, &n, NULL))
        return;
    for (size_t i = 0; n > MAX_ENTRIES && i < DROP_ENTRIES; i++) {
        char *path = pr_path_join(dir, names[i]);
        unlink(path);
        pr_free(path);
    }
    pr_names_free(names, n);
}

void pr_fingerprint_store(const char key[PR_SHA256_HEX], const char fingerprint[PR_SHA256_HEX])
{
    char *dir = cache_dir(), line[PR_SHA256_HEX];
    if (!dir)
        return;
    char *path = pr_path_join(dir, key);
    memcpy(line, fingerprint, PR_SHA256_HEX - 1);
    line[PR_SHA256_HEX - 1] = '\n';
    if (!pr_mkdirs(dir, NULL) && !pr_file_write_atomic(path, line, sizeof line, NULL))
        prune(dir);
    pr_free(path);
    pr_free(dir);
}
