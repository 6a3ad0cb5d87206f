/* Which examples of a suite are taken, which suites a folder holds, and how a suite is told. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/utf8.h"
#include "exam/suite.h"

const char *pr_suite_file_difficulty(const char *path)
{
    static const char *const known[] = {"easy", "medium", "hard"};
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(known[i]);
        if (!strncasecmp(base, known[i], n) && (!base[n] || strchr("._-", base[n])))
            return known[i];
    }
    return NULL;
}

struct drawn {
    uint8_t hash[PR_SHA256_LEN];
    size_t index, group;
};

struct group {
    const char *difficulty;
    size_t n, quota;
    size_t remainder; /* of n·samples / all, for the largest-remainder rule */
};

static int by_hash(const void *a, const void *b)
{
    const struct drawn *x = a, *y = b;
    int c = memcmp(x->hash, y->hash, PR_SHA256_LEN);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

static size_t group_of(struct group **groups, size_t *n, size_t *cap, const char *difficulty)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp((*groups)[i].difficulty, difficulty))
            return i;
    struct group g = {.difficulty = difficulty};
    PR_PUSH(*groups, *n, *cap, g);
    return *n - 1;
}

/* Largest remainder first; then the larger group, then by name, so that no file order matters. */
static bool goes_before(const struct group *a, const struct group *b)
{
    if (a->remainder != b->remainder)
        return a->remainder > b->remainder;
    if (a->n != b->n)
        return a->n > b->n;
    return strcmp(a->difficulty, b->difficulty) < 0;
}

static void set_quotas(struct group *g, size_t n_groups, size_t all, size_t samples)
{
    size_t given = 0;
    for (size_t i = 0; i < n_groups; i++) {
        unsigned __int128 share = (unsigned __int128)g[i].n * samples;
        g[i].quota = (size_t)(share / all);
        g[i].remainder = (size_t)(share % all);
        given += g[i].quota;
    }
    while (given < samples) {
        struct group *best = NULL;
        for (size_t i = 0; i < n_groups; i++)
            if (g[i].quota < g[i].n && g[i].remainder && (!best || goes_before(&g[i], best)))
                best = &g[i];
        if (!best)
            break;
        best->quota++;
        best->remainder = 0;
        given++;
    }
    /* Nobody is left out where there is room for all: the largest quota gives one. */
    for (size_t i = 0; samples >= n_groups && i < n_groups; i++) {
        struct group *rich = &g[0];
        for (size_t k = 1; k < n_groups; k++)
            if (g[k].quota > rich->quota ||
                (g[k].quota == rich->quota && strcmp(g[k].difficulty, rich->difficulty) < 0))
                rich = &g[k];
        if (!g[i].quota && rich->quota > 1) {
            g[i].quota++;
            rich->quota--;
        }
    }
}

void pr_suite_select(struct pr_suite *s, size_t n)
{
    if (!n || n >= s->n)
        return;
    struct drawn *d = pr_zalloc(s->n * sizeof *d);
    struct group *groups = NULL;
    size_t n_groups = 0, cap = 0, kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        pr_sha256(s->v[i].id, strlen(s->v[i].id), d[i].hash);
        d[i].index = i;
        d[i].group = group_of(&groups, &n_groups, &cap, s->v[i].difficulty);
        groups[d[i].group].n++;
    }
    set_quotas(groups, n_groups, s->n, n);
    qsort(d, s->n, sizeof *d, by_hash);
    bool *keep = pr_zalloc(s->n * sizeof *keep);
    for (size_t i = 0; i < s->n; i++) {
        struct group *g = &groups[d[i].group];
        keep[d[i].index] = g->quota > 0;
        g->quota -= g->quota > 0;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (keep[i])
            s->v[kept++] = s->v[i];
        else
            pr_example_done(&s->v[i]);
    }
    s->n = kept;
    pr_free(keep);
    pr_free(groups);
    pr_free(d);
}

void pr_suite_issue_text(
    const struct pr_suite *s, const struct pr_suite_issue *i, struct pr_str *out)
{
    pr_str_puts(out, s->files[i->file].path);
    if (i->line)
        pr_str_printf(out, ":%zu", i->line);
    pr_str_printf(out, ": %s%s", i->skipped ? "skipped: " : "", i->text);
}

json_t *pr_suite_json(const struct pr_suite *s)
{
    json_t *o = json_object(), *files = json_array(), *issues = json_array();
    size_t n_formats;
    const struct pr_format *formats = pr_formats(&n_formats);
    for (size_t i = 0; i < s->n_files; i++) {
        const struct pr_suite_file *f = &s->files[i];
        json_t *file = json_object(), *by_format = json_object();
        for (size_t k = 0; k < n_formats; k++)
            if (f->by_format[k])
                pr_json_set_int(by_format, formats[k].name, (int64_t)f->by_format[k]);
        pr_json_set_str(file, "path", f->path);
        pr_json_set_int(file, "lines", (int64_t)f->n_lines);
        pr_json_set_int(file, "used", (int64_t)f->n_used);
        pr_json_set_int(file, "skipped", (int64_t)f->n_skipped);
        pr_json_set(file, "formats", by_format);
        json_array_append_new(files, file);
    }
    for (size_t i = 0; i < s->n_issues; i++) {
        struct pr_str text = PR_STR_INIT(1 << 16);
        pr_suite_issue_text(s, &s->issues[i], &text);
        struct pr_str clean = PR_STR_INIT(1 << 18); /* a path may be any bytes */
        pr_utf8_append_lossy(&clean, pr_str_cstr(&text), text.len);
        json_array_append_new(issues, json_stringn(pr_str_cstr(&clean), clean.len));
        pr_str_done(&clean);
        pr_str_done(&text);
    }
    size_t more = s->n_skipped + s->n_warned - s->n_issues;
    if (more) {
        struct pr_str text = PR_STR_INIT(100);
        pr_str_printf(&text, "and %zu more", more);
        json_array_append_new(issues, json_string(pr_str_cstr(&text)));
        pr_str_done(&text);
    }
    pr_json_set(o, "files", files);
    pr_json_set_int(o, "examples", (int64_t)s->n_all);
    pr_json_set_int(o, "skipped", (int64_t)s->n_skipped);
    pr_json_set_int(o, "repeated_ids", (int64_t)s->n_repeated);
    pr_json_set(o, "warnings", issues);
    return o;
}

static bool holds_lines(const char *folder)
{
    char **names;
    size_t n;
    struct pr_error e;
    bool any = false;
    if (pr_dir_list(folder, &names, &n, &e))
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);
        any |= names[i][0] != '.' && len > 6 && !strcasecmp(names[i] + len - 6, ".jsonl");
    }
    pr_names_free(names, n);
    return any;
}

enum pr_code pr_suite_dirs(
    const char *folder, struct pr_suite_dir **ret, size_t *ret_n, struct pr_error *e)
{
    char **names;
    size_t n, found = 0, cap = 0;
    struct pr_suite_dir *dirs = NULL;
    enum pr_code code = pr_dir_list(folder, &names, &n, e);
    if (code)
        return code;
    if (holds_lines(folder)) {
        struct pr_suite_dir own = {pr_path_base(folder), pr_strdup(folder)};
        PR_PUSH(dirs, found, cap, own);
    }
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(folder, names[i]);
        if (names[i][0] != '.' && pr_path_is_dir(path) && holds_lines(path)) {
            struct pr_suite_dir sub = {pr_strdup(names[i]), path};
            PR_PUSH(dirs, found, cap, sub);
        } else {
            pr_free(path);
        }
    }
    pr_names_free(names, n);
    if (!found)
        return pr_fail(e, PR_E_NOT_FOUND, "%s: no *.jsonl here or in its subfolders", folder);
    *ret = dirs;
    *ret_n = found;
    return PR_OK;
}

void pr_suite_dirs_free(struct pr_suite_dir *dirs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pr_free(dirs[i].name);
        pr_free(dirs[i].path);
    }
    pr_free(dirs);
}
