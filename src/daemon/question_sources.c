/* Which files a pool is copied from, and the copying: see question_internal.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "daemon/question_internal.h"

#define MAX_SOURCES 10000

/* As a file goes through it: one that moves on while they are listed is seen twice rather than not
 * at all. */
static const char *const queue[] = {
    "queue/high", "queue/normal", "queue/low", "queue/processing", "queue/recently_completed"};
#define N_QUEUE (sizeof queue / sizeof *queue)

/* ---- where examples lie ---- */

static void add_file(struct pr_pool_sources *s, const char *path)
{
    struct stat st;
    if (s->n == MAX_SOURCES || stat(path, &st) || !S_ISREG(st.st_mode) || !st.st_size)
        return;
    const char *slash = strrchr(path, '/');
    struct pr_pool_source x = {.path = pr_strdup(path),
        .inode = {(uint64_t)st.st_dev, (uint64_t)st.st_ino},
        .size = st.st_size,
        .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
    x.name = slash ? x.path + (slash + 1 - path) : x.path;
    s->bytes += (uint64_t)st.st_size;
    PR_PUSH(s->v, s->n, s->cap, x);
}

static void add_path(struct pr_pool_sources *s, const char *path)
{
    static const char suffix[] = ".jsonl";
    char **names;
    size_t n;
    if (!pr_path_is_dir(path)) {
        add_file(s, path);
        return;
    }
    if (pr_dir_list(path, &names, &n, NULL))
        return;
    for (size_t i = 0; i < n; i++) {
        size_t k = strlen(names[i]);
        if (k <= sizeof suffix - 1 || strcmp(names[i] + k - (sizeof suffix - 1), suffix) != 0)
            continue;
        char *file = pr_path_join(path, names[i]);
        add_file(s, file);
        pr_free(file);
    }
    pr_names_free(names, n);
}

static int by_name(const void *pa, const void *pb)
{
    const struct pr_pool_source *a = pa, *b = pb;
    int d = strcmp(a->name, b->name);
    if (d)
        return d;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a->mtime_ns < b->mtime_ns ? -1 : a->mtime_ns > b->mtime_ns;
}

static void drop(struct pr_pool_sources *s, size_t i)
{
    s->bytes -= (uint64_t)s->v[i].size;
    pr_free(s->v[i].path);
    memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1) * sizeof *s->v);
    s->n--;
}

static bool same_file(const struct pr_pool_source *a, const struct pr_pool_source *b)
{
    return !memcmp(a->inode, b->inode, sizeof a->inode);
}

static int by_inode(const void *pa, const void *pb)
{
    const struct pr_pool_source *a = pa, *b = pb;
    return memcmp(a->inode, b->inode, sizeof a->inode);
}

/* What was seen in two folders of the queue is one file that moved meanwhile; sorts. */
static void drop_moved(struct pr_pool_sources *s)
{
    qsort(s->v, s->n, sizeof *s->v, by_inode);
    for (size_t i = s->n; i-- > 1;)
        if (same_file(&s->v[i], &s->v[i - 1]))
            drop(s, i);
}

void pr_pool_find(const struct pr_config *c, struct pr_pool_sources *ret)
{
    size_t i;
    const json_t *x;
    *ret = (struct pr_pool_sources){.given = json_array_size(c->pool) > 0};
    json_array_foreach (c->pool, i, x)
        add_path(ret, json_string_value(x));
    for (i = 0; !ret->given && i < N_QUEUE; i++) {
        char *path = pr_path_join(c->base_dir, queue[i]);
        add_path(ret, path);
        pr_free(path);
    }
    if (ret->n && !ret->given)
        drop_moved(ret);
    if (ret->n)
        qsort(ret->v, ret->n, sizeof *ret->v, by_name);
}

void pr_pool_sources_done(struct pr_pool_sources *s)
{
    for (size_t i = 0; i < s->n; i++)
        pr_free(s->v[i].path);
    pr_free(s->v);
}

void pr_pool_identify(const struct pr_pool_sources *s, char ret[PR_SHA256_HEX])
{
    uint8_t digest[PR_SHA256_LEN];
    char text[64];
    struct pr_sha256 *h = pr_sha256_new();
    for (size_t i = 0; i < s->n; i++) {
        snprintf(text, sizeof text, "\n%lld %lld\n", (long long)s->v[i].size,
            (long long)s->v[i].mtime_ns);
        pr_sha256_update(h, s->v[i].name, strlen(s->v[i].name));
        pr_sha256_update(h, text, strlen(text));
    }
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, ret);
}

json_t *pr_pool_names(const struct pr_pool_sources *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(list, json_string(s->v[i].name));
    return list;
}

/* Both are sorted; of a name that came twice both must be there. */
bool pr_pool_lost(const struct pr_pool_sources *s, const json_t *names)
{
    size_t i, k = 0;
    const json_t *x;
    json_array_foreach (names, i, x) {
        const char *name = json_string_value(x);
        while (name && k < s->n && strcmp(s->v[k].name, name) < 0)
            k++;
        if (name && (k == s->n || strcmp(s->v[k].name, name) != 0))
            return true;
        k += name != NULL;
    }
    return false;
}

/* ---- copying ---- */

/* Opens it where it was, or where it went to in the queue; -1: it is gone. */
static int open_source(const struct pr_config *c, const struct pr_pool_source *s, bool given)
{
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; fd < 0 && !given && i < N_QUEUE; i++) {
        struct stat st;
        char *folder = pr_path_join(c->base_dir, queue[i]), *path = pr_path_join(folder, s->name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && (fstat(fd, &st) || (uint64_t)st.st_ino != s->inode[1])) {
            close(fd); /* another of its name */
            fd = -1;
        }
        pr_free(folder);
        pr_free(path);
    }
    return fd;
}

/* Lines of a source, each with this probability; the same ones every time. */
static enum pr_code copy_lines(int fd, const struct pr_pool_source *s, const char *to, double share,
    size_t *n_too_long, struct pr_error *e)
{
    struct pr_lines lines;
    struct pr_str out = PR_STR_INIT((size_t)1 << 32);
    struct pr_rng r;
    char *line;
    size_t n;
    enum pr_line got;
    bool any = false;
    pr_rng_seed(&r, (uint64_t)s->size);
    pr_lines_init(&lines, fd, PR_POOL_MAX_LINE);
    while (
        (got = pr_lines_next(&lines, &line, &n, NULL)) == PR_LINE_OK || got == PR_LINE_TOO_LONG) {
        bool take = share >= 1 || pr_rng_double(&r) < share;
        *n_too_long += take && got == PR_LINE_TOO_LONG;
        if (take && got == PR_LINE_OK) {
            pr_str_append(&out, line, n);
            any |= n > 0;
        }
        if (take) /* an empty one keeps the numbers of those that follow */
            pr_str_putc(&out, '\n');
    }
    pr_lines_done(&lines);
    enum pr_code code = any ? pr_file_write_atomic(to, out.data, out.len, e) : PR_OK;
    pr_str_done(&out);
    return code;
}

/* Files of which no line was taken were not written. */
static void drop_empty(struct pr_pool_copies *x)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->n; i++) {
        if (pr_path_exists(x->files[i])) {
            x->files[kept] = x->files[i];
            x->from[kept] = x->from[i];
            x->folders[kept++] = x->folders[i];
            continue;
        }
        rmdir(x->folders[i]);
        pr_free(x->files[i]);
        pr_free(x->folders[i]);
    }
    x->n = kept;
}

enum pr_code pr_pool_copy(const struct pr_config *c, const struct pr_pool_sources *s, char *dir,
    struct pr_pool_copies *ret, struct pr_error *e)
{
    double cap = (double)(c->settings.curriculum_pool_mb << 20);
    double share = (double)s->bytes > cap ? cap / (double)s->bytes : 1;
    enum pr_code code = PR_OK;
    *ret = (struct pr_pool_copies){.dir = dir,
        .folders = pr_zalloc((s->n + 1) * sizeof *ret->folders),
        .files = pr_zalloc((s->n + 1) * sizeof *ret->files),
        .from = pr_zalloc((s->n + 1) * sizeof *ret->from),
        .whole = share >= 1};
    for (size_t i = 0; i < s->n && !code; i++) {
        char name[32];
        snprintf(name, sizeof name, "%zu", i);
        char *folder = pr_path_join(ret->dir, name), *file = pr_path_join(folder, s->v[i].name);
        ret->folders[ret->n] = folder;
        ret->from[ret->n] = &s->v[i];
        ret->files[ret->n++] = file;
        int fd = open_source(c, &s->v[i], s->given);
        if (!(code = pr_mkdirs(folder, e)) && fd >= 0)
            code = copy_lines(fd, &s->v[i], file, share, &ret->n_too_long, e);
        if (fd >= 0)
            close(fd);
    }
    drop_empty(ret);
    return code;
}

void pr_pool_copies_remove(struct pr_pool_copies *x)
{
    for (size_t i = 0; i < x->n; i++) {
        unlink(x->files[i]);
        rmdir(x->folders[i]);
        pr_free(x->files[i]);
        pr_free(x->folders[i]);
    }
    if (x->dir)
        rmdir(x->dir);
    pr_free(x->from);
    pr_free(x->files);
    pr_free(x->folders);
    pr_free(x->dir);
}

/* Where the text names a copy ("is already at …"), its file's name is left of the path. */
static void put_text(const struct pr_pool_copies *x, const char *text, struct pr_str *out)
{
    size_t n = strlen(x->dir);
    for (const char *at; (at = strstr(text, x->dir)); text = at) {
        pr_str_append(out, text, (size_t)(at - text));
        at += n + (at[n] == '/');
        at += strspn(at, "0123456789");
        at += *at == '/';
    }
    pr_str_printf(out, "%.1000s", text);
}

char *pr_pool_first_skipped(const struct pr_pool_copies *x, const struct pr_suite *s)
{
    struct pr_str out = PR_STR_INIT(4096);
    for (size_t i = 0; i < s->n_issues && !out.len; i++) {
        const struct pr_suite_issue *issue = &s->issues[i];
        if (!issue->skipped || issue->file >= x->n)
            continue;
        pr_str_printf(&out, "%.1000s", x->from[issue->file]->path);
        if (x->whole && issue->line)
            pr_str_printf(&out, ":%zu", issue->line);
        pr_str_puts(&out, ": ");
        put_text(x, issue->text, &out);
    }
    if (!out.len && x->n_too_long)
        pr_str_printf(&out, "a line is longer than %zu bytes", PR_POOL_MAX_LINE);
    if (out.len)
        return pr_str_take(&out);
    pr_str_done(&out);
    return NULL;
}
