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
    if (code == PR_E_IO && check_unchanged(j, &changed) == PR_E_CHANGED) {
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

/* The hashes of the other side; asked for before the files came, again where that connection broke
 * meanwhile. */
static enum pr_code take_sums(
    struct pr_job *j, bool *ret_known, char (*sums)[PR_SHA256_HEX], struct pr_error *e)
{
    enum pr_code code = pr_store_sums_end(j->s, ret_known, sums, e);
    if (code != PR_E_IO)
        return code;
    code = pr_store_sums_begin(j->s, j->what->name, j->names, j->n, e);
    return code ? code : pr_store_sums_end(j->s, ret_known, sums, e);
}

static enum pr_code bring(struct pr_job *j, struct pr_fetched *f, struct pr_error *e)
{
    bool local = pr_store_is_local(j->s);
    char(*sums)[PR_SHA256_HEX] = pr_zalloc((j->n + 1) * sizeof *sums);
    enum pr_code code = pr_job_prepare(j, e);
    if (code)
        goto out;
    f->reused = pr_job_there(j);
    pr_follow_begin(j);
    code = pr_store_sums_begin(j->s, j->what->name, j->names, j->n, e);
    if (code)
        goto out;
    code = local ? pr_job_copy(j, e) : pr_job_rsync(j, false, e);
    if (code) {
        pr_store_hang_up(j->s); /* the hashes are not waited for */
        code = why_failed(j, code, e);
        goto out;
    }
    code = take_sums(j, &f->hashed, sums, e);
    if (!code && !f->hashed) /* an interrupted rsync may leave right size and time on wrong bytes */
        code = pr_job_rsync(j, true, e);
    if (!code)
        code = check_unchanged(j, e);
    if (!code)
        code = pr_job_verify(j, f->hashed ? sums : NULL, e);
    if (!code)
        code = check_complete(j, e);
    if (!code)
        code = pr_job_place(j, e);
out:
    pr_free(sums);
    return code;
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
