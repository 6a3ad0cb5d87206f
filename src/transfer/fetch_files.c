/* The files of a fetch here: which, how far they are, whether they are right, and into place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "transfer/fetch_internal.h"

/* What a file is, by its name: the first that fits decides, and what fits none is not fetched. */
static const struct rule {
    const char *begins, *ends;
    bool wanted;
} rules[] = {
    {"optimizer", "", false}, /* optimizer.pt, optimizer.safetensors, optimizer.bin */
    {"scheduler", "", false},
    {"rng_state", "", false},
    {"training_args", "", false},
    {"", ".safetensors", true},
    {"", ".json", true}, /* configuration, index, tokenizer, trainer_state */
    {"", ".jinja", true},
    {"", ".txt", true},   /* merges.txt, vocab.txt */
    {"", ".model", true}, /* SentencePiece */
    {"", ".tiktoken", true},
};

bool pr_fetch_wants(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        size_t b = strlen(rules[i].begins), t = strlen(rules[i].ends);
        if (n >= b + t && !strncmp(name, rules[i].begins, b) &&
            !strcmp(name + n - t, rules[i].ends))
            return rules[i].wanted;
    }
    return false;
}

static bool is_wanted(const struct pr_listed_file *f, bool all)
{
    return f->kind == PR_LISTED_FILE && (all || pr_fetch_wants(f->name));
}

uint64_t pr_fetch_bytes(const struct pr_listed *what, bool optimizer_state)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < what->n; i++)
        if (is_wanted(&what->files[i], optimizer_state) &&
            __builtin_add_overflow(sum, what->files[i].size, &sum))
            return UINT64_MAX;
    return sum;
}

void pr_job_choose(struct pr_job *j)
{
    const struct pr_listed *l = j->what;
    j->files = pr_alloc((l->n + 1) * sizeof *j->files);
    j->names = pr_alloc((l->n + 1) * sizeof *j->names);
    for (size_t i = 0; i < l->n; i++)
        if (is_wanted(&l->files[i], j->o->optimizer_state)) {
            j->files[j->n] = &l->files[i];
            j->names[j->n++] = l->files[i].name;
        }
    j->total = pr_fetch_bytes(l, j->o->optimizer_state);
}

uint64_t pr_job_there(const struct pr_job *j)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < j->n; i++) {
        struct stat st;
        if (!fstatat(j->dir, j->names[i], &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
            sum +=
                (uint64_t)st.st_size < j->files[i]->size ? (uint64_t)st.st_size : j->files[i]->size;
    }
    return sum;
}

uint64_t pr_fetch_there(
    const char *local_dir, const char *as, const struct pr_listed *what, bool optimizer_state)
{
    const struct pr_fetch_options o = {.optimizer_state = optimizer_state};
    struct pr_job j = {.what = what, .o = &o};
    char *incoming = pr_path_join(local_dir, PR_INCOMING), *dir = pr_path_join(incoming, as);
    uint64_t sum = 0;
    j.dir = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (j.dir >= 0) {
        pr_job_choose(&j);
        sum = pr_job_there(&j);
        close(j.dir);
        pr_free(j.files);
        pr_free(j.names);
    }
    pr_free(dir);
    pr_free(incoming);
    return sum;
}

void pr_job_tick(void *job)
{
    const struct pr_job *j = job;
    if (j->o->progress)
        j->o->progress(j->o->ctx, pr_job_there(j), j->total);
}

static enum pr_code check_room(const struct pr_job *j, struct pr_error *e)
{
    struct statvfs v;
    uint64_t there = pr_job_there(j), need = j->total > there ? j->total - there : 0;
    if (fstatvfs(j->dir, &v))
        return pr_fail_errno(e, errno, "%s", j->incoming);
    uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
    if (room >= j->o->reserve_bytes && room - j->o->reserve_bytes >= need)
        return PR_OK;
    return pr_fail(e, PR_E_LIMIT,
        "%s: %s takes %llu MB more, and of %llu MB free in %s %llu MB are to stay so: free some, "
        "or "
        "keep fewer checkpoints",
        pr_store_name(j->s), j->what->name, (unsigned long long)(need >> 20) + 1,
        (unsigned long long)(room >> 20), j->o->local_dir,
        (unsigned long long)(j->o->reserve_bytes >> 20));
}

static bool is_name_wanted(const struct pr_job *j, const char *name)
{
    const struct pr_listed_file *f = pr_listed_find(j->what, name);
    return f && is_wanted(f, j->o->optimizer_state);
}

/* An earlier try may have been after another content; and a file must be one, not a link. */
static enum pr_code remove_strays(const struct pr_job *j, struct pr_error *e)
{
    char **names;
    size_t n;
    enum pr_code code = pr_dir_list(j->incoming, &names, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++) {
        struct stat st;
        bool file = !fstatat(j->dir, names[i], &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode);
        if (file && is_name_wanted(j, names[i]))
            continue;
        char *path = pr_path_join(j->incoming, names[i]);
        code = pr_remove_tree(path, e);
        pr_free(path);
    }
    pr_names_free(names, n);
    return code;
}

enum pr_code pr_job_prepare(struct pr_job *j, struct pr_error *e)
{
    struct stat st;
    if (!j->n)
        return pr_fail(e, PR_E_INCOMPLETE, "%s: %s holds no file that is fetched",
            pr_store_name(j->s), j->what->name);
    if (!lstat(j->place, &st))
        return pr_fail(e, PR_E_USAGE, "%s is there already, and is not replaced", j->place);
    enum pr_code code = pr_mkdirs(j->incoming, e);
    if (code)
        return code;
    j->dir = open(j->incoming, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (j->dir < 0)
        return pr_fail_errno(e, errno, "%s", j->incoming);
    code = remove_strays(j, e);
    return code ? code : check_room(j, e);
}

void pr_job_begin_sync(const struct pr_job *j)
{
    for (size_t i = 0; i < j->n; i++) {
        int fd = openat(j->dir, j->names[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0) {
            (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
            close(fd);
        }
    }
}

void pr_job_mark_wrong(const struct pr_job *j, const struct pr_listed_file *f)
{
    struct timespec at[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = f->mtime_ns / 1000000000 - 3600}};
    (void)utimensat(j->dir, f->name, at, AT_SYMLINK_NOFOLLOW);
}

enum pr_code pr_job_check_sizes(const struct pr_job *j, struct pr_error *e)
{
    for (size_t i = 0; i < j->n; i++) {
        struct stat st;
        if (fstatat(j->dir, j->names[i], &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) ||
            (uint64_t)st.st_size != j->files[i]->size)
            return pr_fail(e, PR_E_CHANGED, "%s: %s: %s did not come whole; it is fetched again",
                pr_store_name(j->s), j->what->name, j->names[i]);
    }
    return PR_OK;
}

static enum pr_code sync_one(int dir, const char *name, int flags, struct pr_error *e)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | flags);
    int err = fd < 0 || fsync(fd) ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (err == EINVAL && (flags & O_DIRECTORY)) /* some file systems cannot sync a folder */
        err = 0;
    return err ? pr_fail_errno(e, err, "%s: sync", name) : PR_OK;
}

/* A file system without RENAME_NOREPLACE: a folder never replaces one that is not empty, and an
 * empty one is no loss. */
static int rename_new(const char *from, const char *to)
{
    struct stat st;
    if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (!lstat(to, &st))
        return EEXIST;
    return rename(from, to) ? errno : 0;
}

enum pr_code pr_job_place(const struct pr_job *j, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < j->n && !code; i++)
        code = sync_one(j->dir, j->names[i], O_NOFOLLOW, e);
    if (!code)
        code = sync_one(AT_FDCWD, j->incoming, O_DIRECTORY, e);
    if (code)
        return code;
    int err = rename_new(j->incoming, j->place);
    if (err == EEXIST || err == ENOTEMPTY)
        return pr_fail(e, PR_E_USAGE, "%s is there already, and is not replaced", j->place);
    if (err)
        return pr_fail_errno(e, err, "%s: cannot be put in place", j->place);
    return sync_one(AT_FDCWD, j->o->local_dir, O_DIRECTORY, e);
}
