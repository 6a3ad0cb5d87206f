/* See fetch.h: the order of the steps. */
#include "transfer/fetch.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "model/checkpoint.h"
#include "transfer/fetch_internal.h"

/* Is what lies there still what was found ready? */
static enum pr_code check_unchanged(const struct pr_job *j, struct pr_error *e)
{
    struct pr_listing l;
    enum pr_code code = pr_store_list(j->s, &l, e);
    if (code == PR_E_IO) /* the connection was idle for as long as the files came */
        code = pr_store_list(j->s, &l, e);
    if (code && code != PR_E_NOT_FOUND)
        return code;
    const struct pr_listed *now = code ? NULL : pr_listing_find(&l, j->what->name);
    const char *name = pr_store_name(j->s);
    code = PR_OK;
    if (!now)
        code = pr_fail(e, PR_E_CHANGED,
            "%s: %s was removed there while it was being fetched; it is not put in place", name,
            j->what->name);
    else if (!pr_listed_same(now, j->what))
        code = pr_fail(e, PR_E_CHANGED,
            "%s: %s was written to there while it was being fetched; it is not put in place, and "
            "fetched again once it rests",
            name, j->what->name);
    pr_listing_done(&l);
    return code;
}

/* A transfer that failed because the source changed under it says so, and no connection's end. */
static enum pr_code why_failed(struct pr_job *j, enum pr_code code, struct pr_error *e)
{
    struct pr_error changed;
    if ((code == PR_E_IO || code == PR_E_CHANGED) && check_unchanged(j, &changed) == PR_E_CHANGED) {
        if (e)
            *e = changed;
        return PR_E_CHANGED;
    }
    return code;
}

static enum pr_code check_complete(const struct pr_job *j, struct pr_error *e)
{
    struct pr_error why;
    bool complete;
    enum pr_code code = pr_checkpoint_complete(j->incoming, &complete, &why, e);
    if (code || complete)
        return code;
    if (e)
        *e = why;
    return pr_wrap(e, why.code, "fetched from %s", pr_store_name(j->s));
}

/* The files of which rsync told no hash, or another than what lies here has: by SHA-256. */
static enum pr_code compare_rest(struct pr_job *j, struct pr_sums *ret, struct pr_error *e)
{
    const char **names = pr_alloc((j->n + 1) * sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < j->n; i++)
        if (!pr_follow_agrees(j, i))
            names[n++] = j->names[i];
    enum pr_code code = pr_sums_compare(j->s, j->what->name, j->dir, names, n, j->o->stop, ret, e);
    j->wrong = !code && ret->wrong < n ? pr_listed_find(j->what, names[ret->wrong]) : NULL;
    pr_free(names);
    return code;
}

static enum pr_code not_the_same(
    const struct pr_job *j, const struct pr_sums *sums, struct pr_error *e)
{
    pr_job_mark_wrong(j, j->wrong);
    return pr_fail(e, PR_E_CHANGED,
        "%s: %s: %s is not what lies there (SHA-256 %.12s… there, %.12s… here); it is fetched "
        "again",
        pr_store_name(j->s), j->what->name, j->wrong->name, *sums->there ? sums->there : "none",
        sums->here);
}

static enum pr_code verify(struct pr_job *j, bool *ret_hashed, struct pr_error *e)
{
    struct pr_sums sums;
    pr_job_begin_sync(j);
    enum pr_code code = compare_rest(j, &sums, e);
    if (code)
        return code;
    *ret_hashed = sums.known;
    if (!sums.known) /* an interrupted rsync may leave right size and time on wrong bytes */
        code = pr_job_rsync(j, true, e);
    if (!code)
        code = check_unchanged(j, e);
    return !code && j->wrong ? not_the_same(j, &sums, e) : code;
}

static enum pr_code bring(struct pr_job *j, struct pr_fetched *f, struct pr_error *e)
{
    enum pr_code code = pr_job_prepare(j, e);
    if (code)
        return code;
    f->reused = pr_job_there(j);
    pr_follow_begin(j);
    code = pr_store_is_local(j->s) ? pr_job_copy(j, e) : pr_job_rsync(j, false, e);
    if (!code)
        code = pr_job_check_sizes(j, e);
    if (code)
        return why_failed(j, code, e);
    code = verify(j, &f->hashed, e);
    if (!code)
        code = check_complete(j, e);
    return code ? code : pr_job_place(j, e);
}

enum pr_code pr_fetch_checkpoint(struct pr_store *s, const struct pr_listed *what,
    const struct pr_fetch_options *o, struct pr_fetched *ret, struct pr_error *e)
{
    struct pr_job j = {.s = s, .what = what, .o = o, .as = o->as ? o->as : what->name, .dir = -1};
    struct pr_fetched f = {0};
    if (!pr_listing_is_name(j.as, strlen(j.as)))
        return pr_fail(e, PR_E_USAGE, "'%s' is no name for a checkpoint's folder", j.as);
    char *incoming = pr_path_join(o->local_dir, PR_INCOMING);
    j.incoming = pr_path_join(incoming, j.as);
    j.place = pr_path_join(o->local_dir, j.as);
    pr_job_choose(&j);
    enum pr_code code = bring(&j, &f, e);
    if (!code) {
        f.path = pr_strdup(j.place);
        f.bytes = j.total;
        f.n_files = j.n;
        *ret = f;
    }
    pr_follow_done(&j);
    if (j.dir >= 0)
        close(j.dir);
    pr_free(incoming);
    pr_free(j.incoming);
    pr_free(j.place);
    pr_free(j.files);
    pr_free(j.names);
    return code;
}

enum pr_code pr_fetch_discard(const char *local_dir, const char *name, struct pr_error *e)
{
    char *incoming = pr_path_join(local_dir, PR_INCOMING);
    char *path = name ? pr_path_join(incoming, name) : pr_strdup(incoming);
    enum pr_code code = PR_OK;
    if (name && !pr_listing_is_name(name, strlen(name)))
        code = pr_fail(e, PR_E_USAGE, "'%s' is no name for a checkpoint's folder", name);
    if (!code)
        code = pr_remove_tree(path, e);
    pr_free(path);
    pr_free(incoming);
    return code;
}
