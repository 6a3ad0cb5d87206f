/* Where a checkpoint comes to lie.  Every state of OUT that another process can see, or that a kill
 * leaves behind, is one of: checkpoint-N whole, or checkpoint-N not there.  All that is half done
 * has a hidden name:
 *
 *   .checkpoint-N.tmp   being written; or, after an exchange, what was there before
 *   .checkpoint-N.old   what was there before, where the file system cannot exchange two folders:
 *                       it is put back if checkpoint-N is missing
 *   .checkpoint-N.gone  being removed
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "train/save_internal.h"

#define MAX_DEPTH 8 /* of folders that are removed */

int64_t pr_save_step_of(const char *name)
{
    static const char prefix[] = "checkpoint-";
    int64_t n = 0;
    const char *digits = name + strlen(prefix);
    if (strncmp(name, prefix, strlen(prefix)) != 0 || !*digits || (*digits == '0' && digits[1]))
        return -1;
    for (const char *s = digits; *s; s++)
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, *s - '0', &n))
            return -1;
    return n;
}

enum pr_code pr_save_sync(int dir_fd, const char *name, struct pr_error *e)
{
    if (fsync(dir_fd) && errno != EINVAL) /* some file systems cannot sync a folder */
        return pr_fail_errno(e, errno, "%s: sync", name);
    return PR_OK;
}

static int list(int dir_fd, const char *name, char ***ret, size_t *ret_n)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    size_t cap = 0;
    *ret = NULL;
    *ret_n = 0;
    if (!d) {
        int err = errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    for (struct dirent *ent; (ent = readdir(d));)
        if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
            PR_PUSH(*ret, *ret_n, cap, pr_strdup(ent->d_name));
    closedir(d);
    return 0;
}

/* Removes a file, a link (not what it leads to) or a folder with all that is in it. */
static int remove_tree(int dir_fd, const char *name, int depth)
{
    char **names = NULL;
    size_t n = 0;
    if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return errno;
    if (depth == MAX_DEPTH)
        return ELOOP;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int err = fd < 0 ? errno : list(dir_fd, name, &names, &n);
    if (err) {
        if (fd >= 0)
            close(fd);
        return err;
    }
    for (size_t i = 0; i < n && !err; i++) {
        if (!depth && i == n / 2)
            pr_fault_point(PR_FAULT_SAVE_REMOVING);
        err = remove_tree(fd, names[i], depth + 1);
    }
    close(fd);
    pr_names_free(names, n);
    return err ? err : unlinkat(dir_fd, name, AT_REMOVEDIR) ? errno : 0;
}

static enum pr_code remove_hidden(int out_fd, const char *name, struct pr_error *e)
{
    int err = remove_tree(out_fd, name, 0);
    return err ? pr_fail_errno(e, err, "%s: cannot be removed", name) : PR_OK;
}

static bool there(int out_fd, const char *name)
{
    struct stat st;
    return !fstatat(out_fd, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* Is OUT/name the folder `start`, by whatever path? */
static bool is_start(int out_fd, const char *name, const char *start)
{
    struct stat a, b;
    return start && !fstatat(out_fd, name, &a, 0) && !stat(start, &b) && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* Only what a training of ours wrote is its to replace or remove: no other trainer's, and no link.
 */
static bool is_ours(int out_fd, const char *name)
{
    char path[80];
    struct stat st;
    snprintf(path, sizeof path, "%.40s/" PR_SAVE_STATE_FOLDER "/" PR_SAVE_TRAINING_FILE, name);
    return !fstatat(out_fd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode) &&
           !faccessat(out_fd, path, F_OK, 0);
}

/* Why OUT/name is to stay; NULL where a checkpoint may take its place. */
static const char *why_kept(int out_fd, const char *name, const char *start)
{
    if (is_start(out_fd, name, start))
        return "it is the folder that the training started from";
    return there(out_fd, name) && !is_ours(out_fd, name) ? "no training of proctor wrote it" : NULL;
}

static enum pr_code check_place(
    int out_fd, const char *out, int64_t step, const char *start, struct pr_error *e)
{
    char name[40];
    snprintf(name, sizeof name, "checkpoint-%lld", (long long)step);
    const char *why = why_kept(out_fd, name, start);
    return why ? pr_fail(e, PR_E_USAGE,
                     "%s in %s would have to make room, but %s: give another --out", name, out, why)
               : PR_OK;
}

enum pr_code pr_save_check_places(const char *out, int64_t from, int64_t every, int64_t last,
    const char *start, struct pr_error *e)
{
    char **names;
    size_t n;
    int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? PR_OK : pr_fail_errno(e, errno, "%s", out);
    int err = list(fd, ".", &names, &n);
    enum pr_code code = err ? pr_fail_errno(e, err, "%s: cannot be listed", out) : PR_OK;
    for (size_t i = 0; i < n && !code; i++) {
        int64_t step = pr_save_step_of(names[i]);
        if (step > from && (step == last || (step < last && every && step % every == 0)))
            code = check_place(fd, out, step, start, e);
    }
    pr_names_free(names, n);
    close(fd);
    return code;
}

static void set_hidden(char ret[40], int64_t step, const char *suffix)
{
    snprintf(ret, 40, ".checkpoint-%lld.%s", (long long)step, suffix);
}

enum pr_code pr_save_place_begin(
    const char *out, int64_t step, const char *start, struct pr_save_place *ret, struct pr_error *e)
{
    struct pr_save_place p = {.out = out, .start = start, .out_fd = -1, .fd = -1, .step = step};
    enum pr_code code = pr_mkdirs(out, e);
    if (code)
        return code;
    snprintf(p.name, sizeof p.name, "checkpoint-%lld", (long long)step);
    set_hidden(p.hidden, step, "tmp");
    p.out_fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p.out_fd < 0)
        return pr_fail_errno(e, errno, "%s", out);
    code = check_place(p.out_fd, out, step, start, e);
    if (!code)
        code = remove_hidden(p.out_fd, p.hidden, e);
    if (!code && mkdirat(p.out_fd, p.hidden, 0777))
        code = pr_fail_errno(e, errno, "%s: cannot write a checkpoint there", out);
    if (!code) {
        p.fd = openat(p.out_fd, p.hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (p.fd < 0)
            code = pr_fail_errno(e, errno, "%s", p.hidden);
    }
    if (code)
        pr_save_place_done(&p);
    else
        *ret = p;
    return code;
}

/* Puts the hidden folder in the place of another; *ret_before: where that one lies then. */
static int replace(const struct pr_save_place *p, char ret_before[40])
{
    if (!renameat2(p->out_fd, p->hidden, p->out_fd, p->name, RENAME_EXCHANGE)) {
        memcpy(ret_before, p->hidden, sizeof p->hidden);
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return errno;
    set_hidden(ret_before, p->step, "old");
    int err = remove_tree(p->out_fd, ret_before, 0);
    if (!err && renameat(p->out_fd, p->name, p->out_fd, ret_before))
        err = errno;
    if (!err && renameat(p->out_fd, p->hidden, p->out_fd, p->name)) {
        err = errno;
        /* Should this fail too, tidying puts it back. */
        (void)!renameat(p->out_fd, ret_before, p->out_fd, p->name);
    }
    return err;
}

enum pr_code pr_save_place_commit(struct pr_save_place *p, struct pr_error *e)
{
    char before[40] = "";
    int err = 0;
    enum pr_code code = pr_save_sync(p->fd, p->hidden, e);
    if (code)
        return code;
    pr_fault_point(PR_FAULT_SAVE_WRITTEN);
    const char *why = why_kept(p->out_fd, p->name, p->start);
    if (why)
        return pr_fail(e, PR_E_USAGE,
            "a folder of that name has come up in %s meanwhile and stays there, since %s", p->out,
            why);
    if (there(p->out_fd, p->name))
        err = replace(p, before);
    else if (renameat(p->out_fd, p->hidden, p->out_fd, p->name))
        err = errno;
    if (err)
        return pr_fail_errno(e, err, "cannot be put in its place");
    pr_fault_point(PR_FAULT_SAVE_RENAMED);
    code = pr_save_sync(p->out_fd, "its parent folder", e);
    if (!code && before[0])
        code = remove_hidden(p->out_fd, before, e);
    return code;
}

void pr_save_place_abandon(struct pr_save_place *p)
{
    remove_tree(p->out_fd, p->hidden, 0);
}

void pr_save_place_done(struct pr_save_place *p)
{
    if (p->fd >= 0)
        close(p->fd);
    if (p->out_fd >= 0)
        close(p->out_fd);
    p->fd = p->out_fd = -1;
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static enum pr_code remove_checkpoint(int out_fd, int64_t step, struct pr_error *e)
{
    char name[40], hidden[40];
    snprintf(name, sizeof name, "checkpoint-%lld", (long long)step);
    set_hidden(hidden, step, "gone");
    enum pr_code code = remove_hidden(out_fd, hidden, e);
    if (code)
        return code;
    if (renameat(out_fd, name, out_fd, hidden))
        return pr_fail_errno(e, errno, "%s: cannot be removed", name);
    pr_fault_point(PR_FAULT_SAVE_HIDDEN);
    code = pr_save_sync(out_fd, "its parent folder", e);
    return code ? code : remove_hidden(out_fd, hidden, e);
}

static enum pr_code remove_older(
    int out_fd, int64_t newest, int64_t keep, const char *start, struct pr_error *e)
{
    char **names;
    size_t n, n_steps = 0, cap = 0;
    int64_t *steps = NULL;
    enum pr_code code = PR_OK;
    int err = list(out_fd, ".", &names, &n);
    if (err)
        return pr_fail_errno(e, err, "the checkpoints before it cannot be listed");
    for (size_t i = 0; i < n; i++) {
        int64_t step = pr_save_step_of(names[i]);
        if (step >= 0 && step < newest && is_ours(out_fd, names[i]) &&
            !is_start(out_fd, names[i], start))
            PR_PUSH(steps, n_steps, cap, step);
    }
    pr_names_free(names, n);
    if (n_steps)
        qsort(steps, n_steps, sizeof *steps, newest_first);
    for (size_t i = (size_t)keep - 1; i < n_steps; i++) { /* one that stays keeps no other */
        enum pr_code one = remove_checkpoint(out_fd, steps[i], code ? NULL : e);
        code = code ? code : one;
    }
    pr_free(steps);
    return code;
}

enum pr_code pr_save_keep(
    const char *out, int64_t step, int64_t keep, const char *model, struct pr_error *e)
{
    if (keep <= 0)
        return PR_OK;
    int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", out);
    enum pr_code code = remove_older(fd, step, keep, model, e);
    close(fd);
    return code;
}

/* Takes ".checkpoint-N.<suffix>" apart. */
static bool is_hidden(const char *name, int64_t *ret_step, const char **ret_suffix)
{
    static const char *const suffixes[] = {"tmp", "old", "gone"};
    const char *dot = name[0] == '.' ? strrchr(name + 1, '.') : NULL;
    if (!dot)
        return false;
    char *plain = pr_strndup(name + 1, (size_t)(dot - name - 1));
    *ret_step = pr_save_step_of(plain);
    pr_free(plain);
    for (size_t i = 0; *ret_step >= 0 && i < sizeof suffixes / sizeof *suffixes; i++) {
        if (!strcmp(dot + 1, suffixes[i])) {
            *ret_suffix = suffixes[i];
            return true;
        }
    }
    return false;
}

static enum pr_code tidy_one(int out_fd, const char *name, int64_t step, const char *suffix,
    struct pr_notes *notes, struct pr_error *e)
{
    char plain[40];
    struct pr_error own;
    struct pr_error *said = e ? e : &own;
    snprintf(plain, sizeof plain, "checkpoint-%lld", (long long)step);
    if (!strcmp(suffix, "old") && !there(out_fd, plain))
        return renameat(out_fd, name, out_fd, plain)
                   ? pr_fail_errno(e, errno, "%s: cannot be put back as %s", name, plain)
                   : PR_OK;
    enum pr_code code = remove_hidden(out_fd, name, said);
    if (!code || strcmp(suffix, "gone") != 0)
        return code;
    if (notes)
        pr_notes_add(notes, "%s", said->message);
    return PR_OK;
}

enum pr_code pr_save_place_tidy(int out_fd, struct pr_notes *notes, struct pr_error *e)
{
    char **names;
    size_t n, found = 0;
    const char *suffix;
    int64_t step;
    enum pr_code code = PR_OK;
    int err = list(out_fd, ".", &names, &n);
    if (err)
        return pr_fail_errno(e, err, "the folder cannot be listed");
    for (size_t i = 0; i < n && !code; i++) {
        if (!is_hidden(names[i], &step, &suffix))
            continue;
        found++;
        code = tidy_one(out_fd, names[i], step, suffix, notes, e);
    }
    pr_names_free(names, n);
    return code || !found ? code : pr_save_sync(out_fd, "the folder of the checkpoints", e);
}
