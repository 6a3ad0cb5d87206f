/* What is to be deployed, and what it takes the place of.  See deploy.h. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "deploy/deploy.h"

/* ---- a plan ---- */

/* A name for what TARGET is, where it is a folder of the user's own. */
static char *own_name(const struct pr_deploy_work *w)
{
    char fingerprint[65] = "original";
    struct pr_error ignored;
    if (pr_place_fingerprint(&w->place, w->place.target, fingerprint, &ignored))
        snprintf(fingerprint, sizeof fingerprint, "original");
    return pr_version_name(w->place.name, fingerprint);
}

/* `base`, or base-2, base-3 …: no version's, and not the one's that is to be made. */
static char *free_name(const struct pr_place *p, const char *base, const char *version)
{
    struct pr_str s = PR_STR_INIT(1024);
    for (int i = 1;; i++) {
        pr_str_clear(&s);
        pr_str_puts(&s, base);
        if (i > 1)
            pr_str_printf(&s, "-%d", i);
        char *path = pr_place_version(p, pr_str_cstr(&s));
        bool taken = pr_path_exists(path) || !strcmp(pr_str_cstr(&s), version);
        pr_free(path);
        if (!taken)
            return pr_str_take(&s);
    }
}

static enum pr_code set_previous(struct pr_deploy_work *w, json_t *plan, struct pr_error *e)
{
    enum pr_target_kind kind;
    enum pr_code code = pr_place_kind(&w->place, &kind, e);
    if (code)
        return code;
    json_t *now = pr_place_current(&w->place);
    char *link = pr_place_link(&w->place), fingerprint[65];
    struct pr_error ignored;
    const char *version = pr_json_text(now, "version");
    if (kind == PR_TARGET_FOLDER) {
        char *base = version ? pr_strdup(version) : own_name(w),
             *name = free_name(&w->place, base, pr_json_text(plan, "version"));
        pr_json_set_str(plan, "previous", name);
        pr_free(base);
        pr_free(name);
    } else if (version) {
        pr_json_set_str(plan, "previous", version);
    }
    if (version) {
        json_object_set(plan, "previous_fingerprint", json_object_get(now, "fingerprint"));
    } else if (now && !pr_place_fingerprint(&w->place, w->place.target, fingerprint, &ignored)) {
        pr_json_set_str(plan, "previous_fingerprint", fingerprint);
    }
    if (link)
        pr_json_set_str(plan, "previous_link", link);
    if (!pr_json_text(plan, "link")) {
        char *path = pr_place_version(&w->place, pr_json_text(plan, "version"));
        int64_t inode = pr_place_inode(path);
        if (inode)
            pr_json_set_int(plan, "version_inode", inode);
        pr_free(path);
    }
    const struct pr_deployment *served = pr_journal_served(&w->journal);
    int old = served ? pr_deploy_slot(served->plan, "slot") : 0;
    if (w->driver->settle) {
        pr_json_set_int(plan, "slot", old == 1 ? 2 : 1);
        if (old)
            pr_json_set_int(plan, "previous_slot", old);
    }
    pr_free(link);
    json_decref(now);
    return PR_OK;
}

static enum pr_code plan_and_go(struct pr_deploy_work *w, json_t *plan, struct pr_error *e)
{
    const struct pr_deployment *last = pr_journal_last(&w->journal);
    w->id = last ? last->id + 1 : 1;
    enum pr_code code = set_previous(w, plan, e);
    if (!code)
        code = pr_deploy_note(w, PR_DEPLOY_INTENT, plan, e);
    pr_fault_point(PR_FAULT_DEPLOY_INTENT);
    if (code)
        return code;
    pr_deploy_take_plan(w, pr_journal_last(&w->journal));
    return pr_deploy_go_on(w, PR_DEPLOY_INTENT, e);
}

static json_t *plan_of(const struct pr_deploy_wanted *x, const char *version)
{
    json_t *o = json_object();
    pr_json_set_str(o, "version", version);
    pr_json_set_str(o, "checkpoint", x->checkpoint);
    pr_json_set_str(o, "fingerprint", x->fingerprint);
    if (x->from)
        pr_json_set_str(o, "from", x->from);
    if (x->more)
        json_object_update_missing(o, (json_t *)(uintptr_t)x->more);
    return o;
}

static enum pr_code set_questions(const struct pr_deploy_work *w, const struct pr_deploy_wanted *x,
    json_t *plan, struct pr_error *e)
{
    json_t *made = NULL;
    const struct pr_deploy_settings *s = w->call->settings;
    bool asked = s->probe_questions > 0 && (s->url || w->driver->settle);
    if (asked && json_array_size(x->questions)) {
        json_object_set(plan, "questions", (json_t *)(uintptr_t)x->questions);
    } else if (asked && x->ask) {
        char *there = pr_place_version(&w->place, pr_json_text(plan, "version"));
        enum pr_code code = x->ask(x->ask_ctx, x->from ? x->from : there, &made, e);
        pr_free(there);
        if (code)
            return pr_wrap(e, code, "the answers to be expected");
        pr_json_set(plan, "questions", made);
    }
    return PR_OK;
}

enum pr_code pr_deploy_run(const struct pr_deploy_call *c, const struct pr_deploy_wanted *x,
    struct pr_deploy_outcome *ret, struct pr_error *e)
{
    struct pr_deploy_work w;
    bool found;
    char *version =
        x->version ? pr_strdup(x->version) : pr_version_name(x->checkpoint, x->fingerprint);
    *ret = (struct pr_deploy_outcome){.end = PR_DEPLOY_END_ALREADY, .seconds = NAN};
    enum pr_code code = pr_deploy_begin(c, &w, e);
    w.out = ret;
    if (!code)
        code = pr_deploy_resume(&w, &found, e);
    json_t *now = code ? NULL : pr_place_current(&w.place);
    const char *served = pr_json_text(now, "version");
    *ret = (struct pr_deploy_outcome){.end = PR_DEPLOY_END_ALREADY, .seconds = NAN};
    if (!code && !(served && !strcmp(served, version))) {
        json_t *plan = plan_of(x, version);
        code = set_questions(&w, x, plan, e);
        if (!code)
            code = plan_and_go(&w, plan, e);
        json_decref(plan);
    }
    json_decref(now);
    pr_deploy_end(&w);
    pr_free(version);
    return code;
}

/* ---- back by hand ---- */

const struct pr_deployment *pr_deploy_brought(const struct pr_journal *j, const char *version)
{
    for (size_t i = j->n; i-- > 0;) {
        const char *v = pr_json_text(j->v[i].plan, "version");
        if (j->v[i].step == PR_DEPLOY_DONE && v && version && !strcmp(v, version))
            return &j->v[i];
    }
    return NULL;
}

/* A version beside the target. */
static enum pr_code plan_version(
    struct pr_deploy_work *w, const char *version, json_t *plan, struct pr_error *e)
{
    char fingerprint[65];
    if (!pr_version_is_name(version))
        return pr_fail(e, PR_E_USAGE, "'%s' is no version's name", version);
    char *path = pr_place_version(&w->place, version), *mark = pr_path_join(path, PR_PLACE_MARK);
    enum pr_code code = pr_path_is_dir(path)
                            ? pr_place_fingerprint(&w->place, path, fingerprint, e)
                            : pr_fail(e, PR_E_NOT_FOUND,
                                  "%s is not there: `proctor deploy --list` shows what is", path);
    if (!code) {
        json_t *known = NULL;
        struct pr_error ignored;
        pr_json_set_str(plan, "version", version);
        pr_json_set_str(plan, "checkpoint", version);
        pr_json_set_str(plan, "fingerprint", fingerprint);
        if (!pr_json_read(AT_FDCWD, mark, 65536, PR_JSON_STRICT, &known, &ignored) &&
            pr_json_text(known, "checkpoint"))
            json_object_set(plan, "checkpoint", json_object_get(known, "checkpoint"));
        json_decref(known);
    }
    pr_free(path);
    pr_free(mark);
    return code;
}

/* A folder of the user's own that the target was a link to. */
static enum pr_code plan_link(
    struct pr_deploy_work *w, const char *link, json_t *plan, struct pr_error *e)
{
    char fingerprint[65],
        *path = link[0] == '/' ? pr_strdup(link) : pr_path_join(w->place.parent, link);
    enum pr_code code = pr_place_fingerprint(&w->place, path, fingerprint, e);
    if (!code) {
        char *base = pr_path_base(path), *version = pr_version_name(base, fingerprint);
        pr_json_set_str(plan, "version", version);
        pr_json_set_str(plan, "checkpoint", base);
        pr_json_set_str(plan, "fingerprint", fingerprint);
        pr_json_set_str(plan, "link", link);
        pr_free(base);
        pr_free(version);
    }
    pr_free(path);
    return code;
}

static enum pr_code back_to(
    struct pr_deploy_work *w, const char *version, const char *link, struct pr_error *e)
{
    json_t *plan = json_object();
    enum pr_code code = version ? plan_version(w, version, plan, e)
                        : link  ? plan_link(w, link, plan, e)
                                : pr_fail(e, PR_E_NOT_FOUND,
                                      "what was served before is not known: `proctor deploy "
                                       "--list` shows the versions");
    if (!code) {
        pr_json_set_str(plan, "by", "rollback");
        code = plan_and_go(w, plan, e);
    }
    json_decref(plan);
    return code;
}

enum pr_code pr_deploy_back(const struct pr_deploy_call *c, const char *version,
    struct pr_deploy_outcome *ret, struct pr_error *e)
{
    struct pr_deploy_work w;
    bool found = false;
    *ret = (struct pr_deploy_outcome){.end = PR_DEPLOY_END_ALREADY, .seconds = NAN};
    enum pr_code code = pr_deploy_begin(c, &w, e);
    w.out = ret;
    if (!code)
        code = pr_deploy_resume(&w, &found, e);
    json_t *now = code ? NULL : pr_place_current(&w.place);
    const char *served = pr_json_text(now, "version");
    *ret = (struct pr_deploy_outcome){.end = PR_DEPLOY_END_ALREADY, .seconds = NAN};
    if (!code && !(version && served && !strcmp(served, version))) {
        const struct pr_deployment *d = pr_deploy_brought(&w.journal, served);
        const char *link = d ? pr_json_text(d->plan, "previous_link") : NULL;
        code = back_to(&w,
            version ? version
            : d     ? pr_json_text(d->plan, "previous")
                    : NULL,
            link, e);
    }
    json_decref(now);
    pr_deploy_end(&w);
    return code;
}
