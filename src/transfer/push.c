/* See push.h. */
#include "transfer/push.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "transfer/fetch_internal.h"

struct push {
    struct pr_store *from, *to;
    const struct pr_listed *what;
    const struct pr_fetch_options *o;
    const char *as;
    struct pr_job job; /* the chosen files alone */
    char *stage;       /* ".incoming/NAME.XXXXXXXX" */
    char *here;        /* the folder */
};

/* The folder of that name over there, by its whole path. */
static char *far(const struct push *p, const char *name)
{
    return pr_path_join(p->to->dir, name);
}

static enum pr_code make_stage(struct push *p, struct pr_error *e)
{
    char word[16], *path = far(p, p->stage);
    enum pr_code code = pr_store_ssh_do(p->to, "make", path, NULL, word, e);
    pr_free(path);
    if (!code && strcmp(word, "ok") != 0)
        code = pr_fail(e, PR_E_USAGE, "%s: nothing can be written there", pr_store_name(p->to));
    return code;
}

static enum pr_code send(struct push *p, bool compare, struct pr_error *e)
{
    struct pr_str to = PR_STR_INIT(65536), doing = PR_STR_INIT(1024), slash = PR_STR_INIT(65536);
    char *here = pr_rsync_here(p->here);
    pr_str_printf(&slash, "%s/", here);
    pr_rsync_from(p->to, p->stage, &to);
    pr_str_printf(&doing, "pushing %s", p->what->name);
    const struct pr_rsync r = {.s = p->to,
        .o = p->o,
        .compare = compare,
        .from = pr_str_cstr(&slash),
        .to = pr_str_cstr(&to),
        .names = p->job.names,
        .n = p->job.n,
        .doing = pr_str_cstr(&doing)};
    enum pr_code code = pr_rsync_run(&r, e);
    pr_str_done(&to);
    pr_str_done(&doing);
    pr_str_done(&slash);
    pr_free(here);
    return code;
}

static enum pr_code check_unchanged(const struct push *p, struct pr_error *e)
{
    struct pr_listing l;
    enum pr_code code = pr_store_list(p->from, &l, e);
    if (code)
        return code;
    if (!pr_listed_same(pr_listing_find(&l, p->what->name), p->what))
        code = pr_fail(e, PR_E_CHANGED,
            "%s: %s was written to or removed while it was being pushed; it is not put in place",
            pr_store_name(p->from), p->what->name);
    pr_listing_done(&l);
    return code;
}

static enum pr_code compare_sums(struct push *p, bool *ret_known, struct pr_error *e)
{
    struct pr_sums sums;
    int dir = open(p->here, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pr_code code =
        pr_sums_compare(p->to, p->stage, dir, p->job.names, p->job.n, p->o->stop, &sums, e);
    if (dir >= 0)
        close(dir);
    if (code)
        return code;
    *ret_known = sums.known;
    if (sums.wrong == p->job.n)
        return PR_OK;
    return pr_fail(e, PR_E_CHANGED,
        "%s: %s: %s is not what lies here (SHA-256 %.12s… here, %.12s… there); it is pushed again",
        pr_store_name(p->to), p->what->name, p->job.names[sums.wrong], sums.here,
        *sums.there ? sums.there : "none");
}

static enum pr_code put_in_place(struct push *p, struct pr_error *e)
{
    char word[16] = "", *stage = far(p, p->stage), *place = far(p, p->as);
    enum pr_code code = pr_store_ssh_do(p->to, "move", stage, place, word, e);
    pr_free(stage);
    pr_free(place);
    if (!code && !strcmp(word, "there"))
        code = pr_fail(e, PR_E_USAGE, "%s: %s is there already, and is not replaced",
            pr_store_name(p->to), p->as);
    else if (!code && strcmp(word, "ok") != 0)
        code = pr_fail(e, PR_E_IO, "%s: %s cannot be put in place", pr_store_name(p->to), p->as);
    return code;
}

static enum pr_code push(struct push *p, struct pr_fetched *f, struct pr_error *e)
{
    if (!p->job.n)
        return pr_fail(e, PR_E_INCOMPLETE, "%s: %s holds no file that is pushed",
            pr_store_name(p->from), p->what->name);
    enum pr_code code = make_stage(p, e);
    if (!code)
        code = send(p, false, e);
    if (!code)
        code = compare_sums(p, &f->hashed, e);
    if (code == PR_E_CHANGED) { /* right size and time on wrong bytes: an interrupted rsync's */
        code = send(p, true, e);
        if (!code)
            code = compare_sums(p, &f->hashed, e);
    } else if (!code && !f->hashed)
        code = send(p, true, e);
    struct pr_error why;
    if ((!code || code == PR_E_IO) && check_unchanged(p, &why) == PR_E_CHANGED) {
        if (e)
            *e = why;
        return PR_E_CHANGED;
    }
    return code ? code : put_in_place(p, e);
}

enum pr_code pr_push(struct pr_store *from, struct pr_store *to, const struct pr_listed *what,
    const struct pr_fetch_options *o, struct pr_fetched *ret, struct pr_error *e)
{
    struct push p = {
        .from = from, .to = to, .what = what, .o = o, .as = o->as ? o->as : what->name};
    struct pr_fetched f = {0};
    char content[PR_SHA256_HEX];
    if (!pr_listing_is_name(p.as, strlen(p.as)) || strlen(p.as) > 240)
        return pr_fail(e, PR_E_USAGE, "'%s' is no name for a checkpoint's folder", p.as);
    if (pr_store_is_local(to) || !pr_store_is_local(from))
        return pr_fail(
            e, PR_E_USAGE, "only a folder of this machine is pushed, and only to a host");
    struct pr_str stage = PR_STR_INIT(1024);
    pr_listed_hash(what, content);
    pr_str_printf(&stage, PR_INCOMING "/%s.%.8s", p.as, content);
    p.stage = pr_str_take(&stage);
    p.here = pr_path_join(from->dir, what->name);
    p.job = (struct pr_job){.what = what, .o = o, .dir = -1};
    pr_job_choose(&p.job);
    enum pr_code code = push(&p, &f, e);
    if (!code) {
        f.path = far(&p, p.as);
        f.bytes = p.job.total;
        f.n_files = p.job.n;
        *ret = f;
    }
    pr_free(p.stage);
    pr_free(p.here);
    pr_free(p.job.files);
    pr_free(p.job.names);
    return code;
}

enum pr_code pr_push_remove(struct pr_store *to, const char *name, struct pr_error *e)
{
    char word[16] = "";
    if (!pr_listing_is_name(name, strlen(name)) || strlen(name) > 240)
        return pr_fail(e, PR_E_USAGE, "'%s' is no name for a checkpoint's folder", name);
    char *path = pr_path_join(to->dir, name);
    enum pr_code code = pr_store_ssh_do(to, "drop", path, NULL, word, e);
    pr_free(path);
    if (!code && strcmp(word, "ok") != 0)
        code = pr_fail(e, PR_E_IO, "%s: %s cannot be removed", pr_store_name(to), name);
    return code;
}
