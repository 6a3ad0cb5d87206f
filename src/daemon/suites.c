/* Suites of a base folder: what lies in data/validation, brought into the gradebook. */
#include "daemon/suites.h"

#include <dirent.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "daemon/suites_internal.h"
#include "systems/view.h"

/* Time stamps step by some milliseconds, on some file systems by two seconds: what was touched
 * since then may be touched again and look the same. */
#define FRESH_MS 2000

static void report_done(struct pr_suite_report *x)
{
    pr_free(x->name);
    pr_free(x->path);
    pr_free(x->problem);
}

void pr_suite_reports_done(struct pr_suite_reports *r)
{
    for (size_t i = 0; i < r->n; i++)
        report_done(&r->v[i]);
    pr_free(r->v);
    *r = (struct pr_suite_reports){0};
}

const struct pr_suite_row *pr_refresh_row(const struct pr_refresh *r, const char *name)
{
    for (size_t i = 0; i < r->n_rows; i++)
        if (!strcmp(r->rows[i].name, name))
            return &r->rows[i];
    return NULL;
}

struct pr_suite_report *pr_refresh_report(struct pr_refresh *r, const char *name, const char *path)
{
    struct pr_suite_report x = {.name = pr_strdup(name), .path = pr_strdup(path)};
    PR_PUSH(r->now.v, r->now.n, r->now.cap, x);
    return &r->now.v[r->now.n - 1];
}

static const struct pr_suite_report *last_of(const struct pr_refresh *r, const char *name)
{
    for (size_t i = 0; i < r->last->n; i++)
        if (!strcmp(r->last->v[i].name, name))
            return &r->last->v[i];
    return NULL;
}

bool pr_refresh_known(struct pr_refresh *r, struct pr_suite_report *x, uint64_t seen)
{
    const struct pr_suite_report *old = last_of(r, x->name);
    const struct pr_suite_row *row = pr_refresh_row(r, x->name);
    x->seen = seen;
    if (!seen || !old || old->seen != seen || strcmp(old->path, x->path) != 0 ||
        old->id != (row ? row->id : 0))
        return false;
    char *name = x->name, *path = x->path;
    *x = *old;
    x->name = name;
    x->path = path;
    x->problem = old->problem ? pr_strdup(old->problem) : NULL;
    return true;
}

void pr_refresh_problem(struct pr_refresh *r, struct pr_suite_report *x, const char *fmt, ...)
{
    const struct pr_suite_row *row = pr_refresh_row(r, x->name);
    struct pr_error text; /* as errors do: no control characters, cut at a character */
    char buf[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    pr_fail(&text, PR_E_FORMAT, "%s", buf);
    pr_free(x->problem);
    x->problem = pr_strdup(text.message);
    x->used = false;
    if (row) {
        x->id = row->id;
        x->n = row->n;
        memcpy(x->fingerprint, row->fingerprint, sizeof x->fingerprint);
    }
}

static void first_problem(struct pr_suite_report *x, const struct pr_suite *s)
{
    for (size_t i = 0; i < s->n_issues && !x->problem; i++) {
        if (!s->issues[i].skipped)
            continue;
        struct pr_str text = PR_STR_INIT(1 << 17), clean = PR_STR_INIT(1 << 19);
        pr_suite_issue_text(s, &s->issues[i], &text);
        pr_utf8_append_lossy(&clean, pr_str_cstr(&text), text.len);
        x->problem = pr_str_take(&clean);
        pr_str_done(&text);
    }
}

enum pr_code pr_refresh_put(
    struct pr_refresh *r, struct pr_suite_report *x, const struct pr_suite *s, struct pr_error *e)
{
    enum pr_code code = pr_gradebook_put_suite(r->g, s, r->now_ms, &x->id, e);
    if (code)
        return pr_wrap(e, code, "suite '%s'", x->name);
    memcpy(x->fingerprint, s->fingerprint, sizeof x->fingerprint);
    x->n = s->n;
    x->n_skipped = s->n_skipped;
    x->n_repeated = s->n_repeated;
    x->n_warned = s->n_warned;
    x->used = true;
    first_problem(x, s);
    return PR_OK;
}

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

static int64_t ns(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t pr_refresh_seen(const struct pr_refresh *r, const char *folder, uint64_t options)
{
    uint64_t sum = mix(0xcbf29ce484222325u, &options, sizeof options);
    bool fresh = false;
    DIR *d = opendir(folder);
    if (!d)
        return 0;
    for (struct dirent *ent; (ent = readdir(d));) {
        size_t n = strlen(ent->d_name);
        struct stat st;
        if (n < 6 || (strcasecmp(ent->d_name + n - 6, ".jsonl") != 0 &&
                         strcasecmp(ent->d_name + n - 5, ".json") != 0))
            continue;
        if (fstatat(dirfd(d), ent->d_name, &st, 0))
            continue;
        const int64_t facts[] = {(int64_t)st.st_dev, (int64_t)st.st_ino, (int64_t)st.st_size,
            ns(st.st_mtim), ns(st.st_ctim)};
        sum += mix(mix(0xcbf29ce484222325u, ent->d_name, n + 1), facts, sizeof facts);
        fresh |= ns(st.st_ctim) / 1000000 + FRESH_MS > r->now_ms;
    }
    closedir(d);
    return fresh ? 0 : sum ? sum : 1;
}

static bool name_taken(const struct pr_refresh *r, const char *name)
{
    for (size_t i = 0; i + 1 < r->now.n; i++)
        if (!strcmp(r->now.v[i].name, name))
            return true;
    return false;
}

static enum pr_code refresh_one(
    struct pr_refresh *r, const struct pr_suite_dir *dir, struct pr_error *e)
{
    struct pr_suite_report *x = pr_refresh_report(r, dir->name, dir->path);
    struct pr_suite *s = NULL;
    struct pr_error why;
    struct pr_suite_options o = {.name = dir->name, .allow_commands = r->c->allow_commands};
    const char *path = dir->path;
    if (!strcmp(dir->name, PR_SUITE_TESTING) || name_taken(r, dir->name)) {
        /* Both would be one suite in the gradebook. */
        x->problem = pr_strdup("the name is taken: call the folder something else");
        return PR_OK;
    }
    if (pr_refresh_known(r, x, pr_refresh_seen(r, path, o.allow_commands)))
        return PR_OK;
    enum pr_code code = PR_OK;
    if (pr_suite_load(&path, 1, &o, &s, &why))
        pr_refresh_problem(r, x, "%s", why.message);
    else
        code = pr_refresh_put(r, x, s, e);
    if (s && !x->used) {
        x->n_skipped = s->n_skipped;
        x->n_warned = s->n_warned;
        x->n_repeated = s->n_repeated;
    }
    pr_suite_free(s);
    return code;
}

/* Current versions whose folder is gone. */
static enum pr_code retire(struct pr_refresh *r, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < r->n_rows && !code; i++) {
        const char *name = r->rows[i].name;
        bool there = !strcmp(name, PR_SUITE_TESTING);
        for (size_t k = 0; k < r->now.n && !there; k++)
            there = !strcmp(r->now.v[k].name, name);
        if (!there)
            code = pr_gradebook_retire_suite(r->g, name, e);
    }
    return code;
}

static enum pr_code refresh(struct pr_refresh *r, const char *folder, struct pr_error *e)
{
    struct pr_suite_dir *dirs = NULL;
    struct pr_error why;
    size_t n = 0;
    const char *validation = NULL;
    enum pr_code code = pr_suite_dirs(folder, &dirs, &n, &why);
    if (code && code != PR_E_NOT_FOUND) { /* nobody knows what is gone: all stays as it is */
        struct pr_suite_report *x = pr_refresh_report(r, PR_SUITE_MAIN, folder);
        pr_refresh_problem(r, x, "%s", why.message);
        return pr_refresh_testing(r, NULL, e);
    }
    code = PR_OK;
    for (size_t i = 0; i < n && !code; i++) {
        code = refresh_one(r, &dirs[i], e);
        if (!validation && !strcmp(dirs[i].name, PR_SUITE_MAIN))
            validation = dirs[i].path;
    }
    if (!code)
        code = retire(r, e);
    if (!code)
        code = pr_refresh_testing(r, validation, e);
    if (n)
        pr_suite_dirs_free(dirs, n);
    return code;
}

enum pr_code pr_suites_refresh(const struct pr_config *c, struct pr_gradebook *g, int64_t now_ms,
    struct pr_suite_reports *ret, struct pr_error *e)
{
    struct pr_refresh r = {.c = c, .g = g, .now_ms = now_ms, .last = ret};
    char *folder = pr_path_join(c->base_dir, "data/validation");
    enum pr_code code = pr_gradebook_suites(g, true, &r.rows, &r.n_rows, e);
    if (!code) {
        code = refresh(&r, folder, e);
        pr_suite_rows_free(r.rows, r.n_rows);
    }
    if (code) {
        pr_suite_reports_done(&r.now);
    } else {
        pr_suite_reports_done(ret);
        *ret = r.now;
    }
    pr_free(folder);
    return code;
}
