/* Versions beside a target: made, verified, removed.  See place.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/remove.h"
#include "deploy/place.h"
#include "model/checkpoint.h"

enum pr_code pr_place_fingerprint(
    const struct pr_place *p, const char *dir, char ret[65], struct pr_error *e)
{
    const struct pr_checkpoint_options o = {
        .bases = p->bases, .n_bases = p->n_bases, .weights = true};
    struct pr_checkpoint *c;
    enum pr_code code = pr_checkpoint_open(dir, &o, &c, e);
    if (code)
        return code;
    code = pr_checkpoint_fingerprint(c, 0, ret, e);
    pr_checkpoint_free(c);
    return code;
}

static enum pr_code verify(
    const struct pr_place *p, const char *dir, const char *fingerprint, struct pr_error *e)
{
    char found[65];
    bool complete = false;
    struct pr_error reason;
    enum pr_code code = pr_checkpoint_complete(dir, &complete, &reason, e);
    if (!code && !complete) {
        if (e)
            *e = reason;
        return reason.code;
    }
    if (!code)
        code = pr_place_fingerprint(p, dir, found, e);
    if (!code && strcmp(found, fingerprint) != 0)
        code = pr_fail(e, PR_E_CHANGED,
            "%s: its fingerprint is %.12s…, and %.12s… was to be deployed: it changed meanwhile",
            dir, found, fingerprint);
    return code;
}

static enum pr_code put_mark(const char *dir, const char *version, const char *fingerprint,
    const char *checkpoint, struct pr_error *e)
{
    char *path = pr_path_join(dir, PR_PLACE_MARK);
    struct pr_str text = PR_STR_INIT(65536);
    json_t *o = json_object();
    pr_json_set_str(o, "version", version);
    pr_json_set_str(o, "fingerprint", fingerprint);
    pr_json_set_str(o, "checkpoint", checkpoint);
    pr_json_dump(o, 0, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = pr_file_write_atomic(path, pr_str_cstr(&text), text.len, e);
    json_decref(o);
    pr_str_done(&text);
    pr_free(path);
    return code;
}

static char *hidden(const struct pr_place *p, const char *kind, const char *version)
{
    struct pr_str s = PR_STR_INIT(65536);
    pr_str_printf(&s, "%s/.%s.%s", p->versions, kind, version);
    return pr_str_take(&s);
}

static enum pr_code copy(struct pr_place *p, const char *from, const char *version,
    const char *fingerprint, const char *checkpoint, const atomic_bool *stop, struct pr_error *e)
{
    char *temporary = hidden(p, "copying", version), *path = pr_place_version(p, version);
    enum pr_code code = pr_remove_tree(temporary, e);
    if (!code && mkdir(temporary, 0777))
        code = pr_fail_errno(e, errno, "%s", temporary);
    if (!code)
        code = pr_copy_checkpoint(from, temporary, stop, e);
    if (!code)
        code = verify(p, temporary, fingerprint, e);
    if (!code)
        code = put_mark(temporary, version, fingerprint, checkpoint, e);
    pr_fault_point(PR_FAULT_DEPLOY_WHOLE);
    if (!code && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE))
        code = pr_fail_errno(e, errno, "%s", path);
    if (code && code != PR_E_CANCELLED)
        (void)!pr_remove_tree(temporary, NULL);
    if (!code)
        code = pr_sync_folder(p->versions, e);
    pr_free(temporary);
    pr_free(path);
    return code;
}

enum pr_code pr_place_prepare(struct pr_place *p, const char *from, const char *version,
    const char *fingerprint, const char *checkpoint, const atomic_bool *stop, struct pr_error *e)
{
    char *path = pr_place_version(p, version);
    enum pr_code code;
    if (pr_path_is_dir(path))
        code = verify(p, path, fingerprint, e);
    else if (!from)
        code = pr_fail(e, PR_E_NOT_FOUND, "%s is not there any more", path);
    else
        code = copy(p, from, version, fingerprint, checkpoint, stop, e);
    pr_free(path);
    pr_fault_point(PR_FAULT_DEPLOY_PLACED);
    return code;
}

/* ---- removing ---- */

struct kept {
    const char *name;
    struct timespec made;
};

static int newest_first(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->made.tv_sec != y->made.tv_sec)
        return x->made.tv_sec < y->made.tv_sec ? 1 : -1;
    return (x->made.tv_nsec < y->made.tv_nsec) - (x->made.tv_nsec > y->made.tv_nsec);
}

/* Without a mark it is the user's own. */
static bool has_mark(const struct pr_place *p, const char *version, struct stat *st)
{
    char *path = pr_place_version(p, version), *mark = pr_path_join(path, PR_PLACE_MARK);
    bool has = !lstat(mark, st);
    pr_free(path);
    pr_free(mark);
    return has;
}

enum pr_code pr_place_remove(struct pr_place *p, const char *version, struct pr_error *e)
{
    struct stat st;
    if (!has_mark(p, version, &st))
        return PR_OK;
    char *path = pr_place_version(p, version), *gone = hidden(p, "gone", version);
    enum pr_code code = pr_remove_tree(gone, e);
    if (!code && rename(path, gone))
        code = pr_fail_errno(e, errno, "%s", path);
    pr_fault_point(PR_FAULT_DEPLOY_PRUNING);
    if (!code)
        code = pr_remove_tree(gone, e);
    pr_free(path);
    pr_free(gone);
    return code;
}

/* What was begun and not finished. */
static enum pr_code sweep(struct pr_place *p, struct pr_error *e)
{
    char **names;
    size_t n;
    enum pr_code code = pr_dir_list(p->versions, &names, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++)
        if (!strncmp(names[i], ".copying.", 9) || !strncmp(names[i], ".gone.", 6)) {
            char *path = pr_path_join(p->versions, names[i]);
            code = pr_remove_tree(path, e);
            pr_free(path);
        }
    pr_names_free(names, n);
    return code;
}

enum pr_code pr_place_prune(struct pr_place *p, size_t keep, const char *spare, struct pr_error *e)
{
    json_t *list = pr_place_list(p);
    struct kept *v = pr_zalloc((json_array_size(list) + 1) * sizeof *v);
    size_t n = 0, i;
    const json_t *x;
    json_array_foreach (list, i, x) {
        const char *name = json_string_value(json_object_get(x, "version"));
        struct stat st;
        if (!json_is_true(json_object_get(x, "served")) && has_mark(p, name, &st) &&
            (!spare || strcmp(spare, name) != 0))
            v[n++] = (struct kept){name, st.st_mtim};
    }
    qsort(v, n, sizeof *v, newest_first);
    size_t others = keep > (spare != NULL) ? keep - (spare != NULL) : 0;
    enum pr_code code = sweep(p, e);
    for (i = others; i < n && !code; i++)
        code = pr_place_remove(p, v[i].name, e);
    pr_free(v);
    json_decref(list);
    return code;
}
