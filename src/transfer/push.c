/* See push.h. */
#include "transfer/push.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "transfer/fetch_internal.h"

#define ASK_NS 1000000000

struct push {
    struct pr_store *from, *to;
    const struct pr_listed *what;
    const struct pr_fetch_options *o;
    const char *as;
    struct pr_job job; /* the chosen files alone */
    char *stage;       /* ".incoming/NAME.XXXXXXXX" */
    char *here;        /* the folder */
    int64_t asked_ns;  /* when it was asked how far it is; 0: it is asked no more */
};

/* The folder of that name over there, by its whole path. */
static char *far(const struct push *p, const char *name)
{
    return pr_path_join(p->to->dir, name);
}

/* ---- how far it is ---- */

static char *stage_of(const char *as, const struct pr_listed *what)
{
    struct pr_str name = PR_STR_INIT(1024);
    char content[PR_SHA256_HEX];
    pr_listed_hash(what, content);
    pr_str_printf(&name, "%s.%.8s", as, content);
    return pr_str_take(&name);
}

/* Bytes of the wanted files that lie in .incoming/STAGE there. */
static enum pr_code bytes_there(struct pr_store *to, const char *stage, const struct pr_job *j,
    uint64_t *ret, struct pr_error *e)
{
    struct pr_listing l;
    char *path = pr_path_join(to->dir, PR_INCOMING);
    enum pr_code code = pr_store_ssh_list(to, path, &l, e);
    pr_free(path);
    *ret = 0;
    if (code)
        return code;
    const struct pr_listed *folder = pr_listing_find(&l, stage);
    for (size_t i = 0; folder && i < j->n; i++) {
        const struct pr_listed_file *f = pr_listed_find(folder, j->names[i]);
        if (f)
            *ret += f->size < j->files[i]->size ? f->size : j->files[i]->size;
    }
    pr_listing_done(&l);
    return PR_OK;
}

uint64_t pr_push_there(
    struct pr_store *to, const char *as, const struct pr_listed *what, bool optimizer_state)
{
    const struct pr_fetch_options o = {.optimizer_state = optimizer_state};
    struct pr_job j = {.what = what, .o = &o};
    struct pr_error ignored;
    uint64_t sum;
    char *stage = stage_of(as, what);
    pr_job_choose(&j);
    if (bytes_there(to, stage, &j, &sum, &ignored))
        sum = 0;
    pr_free(stage);
    pr_free(j.files);
    pr_free(j.names);
    return sum;
}

uint64_t pr_push_room(struct pr_store *to)
{
    char word[16] = "", *end;
    struct pr_error ignored;
    if (pr_store_ssh_do(to, "room", to->dir, NULL, word, &ignored) ||
        !isdigit((unsigned char)*word))
        return UINT64_MAX;
    unsigned long long kb = strtoull(word, &end, 10);
    return *end || kb > UINT64_MAX / 1024 ? UINT64_MAX : (uint64_t)kb * 1024;
}

/* Over the other connection, while rsync's is busy. */
static void tick(void *ctx)
{
    struct push *p = ctx;
    struct pr_error ignored;
    uint64_t done;
    int64_t now = pr_clock_monotonic_ns();
    if (!p->o->progress || !p->asked_ns || now - p->asked_ns < ASK_NS)
        return;
    p->asked_ns = now;
    if (bytes_there(p->to, p->stage + strlen(PR_INCOMING "/"), &p->job, &done, &ignored))
        p->asked_ns = 0; /* rsync finds out by itself what is the matter */
    else
        p->o->progress(p->o->ctx, done, p->job.total);
}

/* ---- the steps ---- */

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
        .doing = pr_str_cstr(&doing),
        .tick = tick,
        .ctx = p};
    p->asked_ns = 1; /* at once: what an earlier try had brought */
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
    if (!pr_listing_is_name(p.as, strlen(p.as)) || strlen(p.as) > 240)
        return pr_fail(e, PR_E_USAGE, "'%s' is no name for a checkpoint's folder", p.as);
    if (pr_store_is_local(to) || !pr_store_is_local(from))
        return pr_fail(
            e, PR_E_USAGE, "only a folder of this machine is pushed, and only to a host");
    char *stage = stage_of(p.as, what);
    p.stage = pr_path_join(PR_INCOMING, stage);
    pr_free(stage);
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
