/* After a kill: what was under way is finished; and what there is to say. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "deploy/deploy.h"
#include "deploy/gate.h"
#include "deploy/weighed.h"

/* Before the swap nothing was changed; right after it the journal may not say so yet. */
static enum pr_code before_swap(struct pr_deploy_work *w, struct pr_error *e)
{
    static const char why[] = PR_DEPLOY_INTERRUPTED " before anything was changed";
    json_t *more = json_object();
    enum pr_code code;
    if (pr_deploy_is_swapped(w)) {
        code = pr_place_tidy(&w->place, w->ask.version, pr_json_text(w->plan, "previous"), e);
        if (!code)
            code = pr_deploy_note(w, PR_DEPLOY_SWAPPED, NULL, e);
        if (!code)
            code = pr_deploy_go_on(w, PR_DEPLOY_SWAPPED, e);
    } else {
        w->out->end = PR_DEPLOY_END_FAILED;
        memcpy(w->out->reason, why, sizeof why);
        pr_json_set_str(more, "reason", why);
        code = pr_deploy_note(w, PR_DEPLOY_FAILED, more, e);
    }
    json_decref(more);
    return code;
}

enum pr_code pr_deploy_resume(struct pr_deploy_work *w, bool *ret_found, struct pr_error *e)
{
    const struct pr_deployment *d = pr_journal_last(&w->journal);
    *ret_found = d && !pr_deployment_is_over(d);
    if (!*ret_found)
        return PR_OK;
    pr_deploy_take_plan(w, d);
    if (d->step == PR_DEPLOY_ROLLING_BACK)
        return pr_deploy_roll_back(w, d->reason ? d->reason : "it was interrupted", true, e);
    if (d->step < PR_DEPLOY_SWAPPED)
        return before_swap(w, e);
    return pr_deploy_go_on(w, d->step, e);
}

enum pr_code pr_deploy_recover(const struct pr_deploy_call *c, bool *ret_found,
    struct pr_deploy_outcome *ret, struct pr_error *e)
{
    struct pr_deploy_work w;
    *ret_found = false;
    *ret = (struct pr_deploy_outcome){.end = PR_DEPLOY_END_ALREADY, .seconds = NAN};
    enum pr_code code = pr_deploy_begin(c, &w, e);
    w.out = ret;
    if (!code)
        code = pr_deploy_resume(&w, ret_found, e);
    pr_deploy_end(&w);
    return code;
}

/* ---- what there is to say ---- */

static json_t *deployment_json(const struct pr_deployment *d)
{
    static const char *const keys[] = {"checkpoint", "version", "fingerprint", "score", "run_step",
        "run", "previous", "previous_link", "previous_fingerprint", "by", "gate"};
    json_t *o = json_object();
    pr_json_set_int(o, "deployment", d->id);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set(o, keys[i], json_object_get(d->plan, keys[i]));
    pr_json_set_str(o, "step", pr_deploy_step_names[d->step]);
    pr_json_set_str(o, "began_at", d->began_at);
    pr_json_set_str(o, "ended_at", d->ended_at);
    pr_json_set_str(o, "reason", d->step == PR_DEPLOY_DONE ? NULL : d->reason);
    return o;
}

/* The result of the probe of a deployment: in the line after it. */
static void set_probe(const struct pr_journal *j, const struct pr_deployment *d, json_t *o)
{
    size_t i;
    const json_t *line;
    json_array_foreach (j->lines, i, line)
        if (json_integer_value(json_object_get(line, "deployment")) == d->id) {
            json_t *probe = json_object_get(line, "probe");
            json_t *seconds = json_object_get(line, "seconds");
            if (probe)
                json_object_set(o, "probe", probe);
            if (seconds)
                json_object_set(o, "rollback_seconds", seconds);
        }
}

static void set_history(const struct pr_journal *j, json_t *o)
{
    json_t *history = json_array();
    for (size_t i = j->n; i-- > 0;) {
        json_t *x = deployment_json(&j->v[i]);
        if (json_array_size(history) < PR_DEPLOY_SHOWN)
            set_probe(j, &j->v[i], x);
        json_array_append_new(history, x);
    }
    pr_json_set(o, "history", history);
}

/* A folder that proctor did not put there is told by its content. */
static void name_unmarked(struct pr_place *p, const struct pr_deploy_settings *s, json_t *now)
{
    char fingerprint[65];
    struct pr_error e;
    p->bases = (const char *const(*)[2])s->bases;
    p->n_bases = s->n_bases;
    if (!now || pr_json_text(now, "fingerprint"))
        return;
    if (pr_place_fingerprint(p, p->target, fingerprint, &e))
        pr_json_set_null(now, "fingerprint", e.message);
    else
        pr_json_set_str(now, "fingerprint", fingerprint);
}

enum pr_code pr_deploy_status(const struct pr_deploy_settings *s, json_t **ret, struct pr_error *e)
{
    struct pr_place place;
    struct pr_journal journal;
    if (!s->target)
        return pr_fail(e, PR_E_USAGE, "deploy.target is not set: nothing is deployed");
    enum pr_code code = pr_place_open(s->target, &place, e);
    if (code)
        return code;
    code = pr_journal_read(place.journal, &journal, e);
    if (!code) {
        json_t *o = json_object(), *now = pr_place_current(&place);
        const struct pr_deployment *last = pr_journal_last(&journal);
        pr_json_set_str(o, "target", place.target);
        name_unmarked(&place, s, now);
        pr_json_set(o, "current", now ? now : json_null());
        pr_json_set(o, "versions", pr_place_list(&place));
        set_history(&journal, o);
        json_t *weighed = pr_weighed_read(place.versions);
        pr_json_set(o, "weighed", weighed ? weighed : json_null());
        pr_json_set(o, "under_way",
            last && !pr_deployment_is_over(last) ? deployment_json(last) : json_null());
        pr_journal_done(&journal);
        *ret = o;
    }
    pr_place_done(&place);
    return code;
}
