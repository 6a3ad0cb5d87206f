/* The steps of a deployment.  See deploy.h. */
#include "deploy/deploy.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fault.h"
#include "deploy/probe.h"

#define PROBE_AGAIN_NS 200000000

int pr_deploy_slot(const json_t *o, const char *key)
{
    int64_t slot = json_integer_value(json_object_get(o, key));
    return slot == 1 || slot == 2 ? (int)slot : 0;
}

void pr_deploy_say(const struct pr_deploy_work *w, const char *name)
{
    if (w->call->step)
        w->call->step(w->call->ctx, name, w->ask.version);
}

enum pr_code pr_deploy_note(
    struct pr_deploy_work *w, enum pr_deploy_step s, const json_t *more, struct pr_error *e)
{
    return pr_journal_put(&w->journal, w->id, s, more, e);
}

enum pr_code pr_deploy_note_reason(
    struct pr_deploy_work *w, enum pr_deploy_step s, const char *reason, struct pr_error *e)
{
    json_t *more = json_object();
    pr_json_set_str(more, "reason", reason);
    enum pr_code code = pr_deploy_note(w, s, more, e);
    json_decref(more);
    return code;
}

enum pr_code pr_deploy_begin(
    const struct pr_deploy_call *c, struct pr_deploy_work *ret, struct pr_error *e)
{
    const struct pr_deploy_settings *s = c->settings;
    *ret = (struct pr_deploy_work){.call = c, .place = {.lock = -1}};
    if (!s->target)
        return pr_fail(e, PR_E_USAGE, "deploy.target is not set: nothing is deployed");
    enum pr_code code = pr_driver_check(s, &ret->driver, e);
    if (!code)
        code = pr_place_open(s->target, &ret->place, e);
    if (code)
        return code;
    ret->place.bases = (const char *const(*)[2])s->bases;
    ret->place.n_bases = s->n_bases;
    code = pr_place_lock(&ret->place, e);
    if (!code)
        code = pr_journal_read(ret->place.journal, &ret->journal, e);
    if (!code)
        code = pr_journal_compact(&ret->journal, e);
    ret->ask = (struct pr_ask){.settings = s,
        .path = ret->place.target,
        .name = ret->place.name,
        .url = s->url,
        .stop = c->stop};
    return code;
}

void pr_deploy_end(struct pr_deploy_work *w)
{
    if (w->journal.path)
        pr_journal_done(&w->journal);
    pr_place_done(&w->place);
}

void pr_deploy_take_plan(struct pr_deploy_work *w, const struct pr_deployment *d)
{
    w->id = d->id;
    w->plan = d->plan;
    w->ask.version = pr_json_text(d->plan, "version");
    w->ask.slot = pr_deploy_slot(d->plan, "slot");
    if (w->ask.slot && json_array_size(w->call->settings->slots) >= 2)
        w->ask.url =
            json_string_value(json_array_get(w->call->settings->slots, (size_t)(w->ask.slot - 1)));
}

static enum pr_code prepare(struct pr_deploy_work *w, struct pr_error *e)
{
    if (pr_json_text(w->plan, "link")) /* a folder of the user's own, where it lies */
        return PR_OK;
    pr_deploy_say(w, pr_json_text(w->plan, "from") ? "copying" : "verifying");
    return pr_place_prepare(&w->place, pr_json_text(w->plan, "from"), w->ask.version,
        pr_json_text(w->plan, "fingerprint"), pr_json_text(w->plan, "checkpoint"), w->call->stop,
        e);
}

static enum pr_code swap(struct pr_deploy_work *w, struct pr_error *e)
{
    const char *link = pr_json_text(w->plan, "link"); /* back to a folder that is no version */
    pr_deploy_say(w, "swapping");
    if (!link)
        return pr_place_swap(&w->place, w->ask.version, pr_json_text(w->plan, "previous"), e);
    enum pr_code code = pr_place_relink(&w->place, link, e);
    pr_fault_point(PR_FAULT_DEPLOY_SWAPPED);
    return code;
}

static enum pr_code reload(struct pr_deploy_work *w, struct pr_error *e)
{
    pr_deploy_say(w, "reloading");
    enum pr_code code = w->driver->reload ? w->driver->reload(&w->ask, e) : PR_OK;
    pr_fault_point(PR_FAULT_DEPLOY_RELOADED);
    return code;
}

static enum pr_code probe_once(struct pr_deploy_work *w, json_t **ret, struct pr_error *e)
{
    const char *fingerprint = pr_json_text(w->plan, "fingerprint");
    enum pr_code code = pr_deploy_health(&w->ask, w->driver, fingerprint, e);
    if (!code)
        code = pr_deploy_probe(
            &w->ask, w->driver, fingerprint, json_object_get(w->plan, "questions"), ret, e);
    return code;
}

/* A server that nobody tells serves the old version for a while: it has deploy.timeout_seconds. */
static enum pr_code probe(struct pr_deploy_work *w, json_t **ret, struct pr_error *e)
{
    int64_t end = pr_clock_monotonic_ns() + w->call->settings->timeout_seconds * 1000000000;
    pr_deploy_say(w, "probing");
    enum pr_code code = probe_once(w, ret, e);
    while (code && code != PR_E_CANCELLED && code != PR_E_USAGE && !w->driver->reload &&
           pr_clock_monotonic_ns() < end) {
        json_decref(*ret);
        *ret = NULL;
        nanosleep(&(struct timespec){.tv_nsec = PROBE_AGAIN_NS}, NULL);
        code = probe_once(w, ret, e);
    }
    pr_fault_point(PR_FAULT_DEPLOY_PROBED);
    return code;
}

static enum pr_code finish(struct pr_deploy_work *w, struct pr_error *e)
{
    struct pr_error ignored;
    enum pr_code code = pr_deploy_note(w, PR_DEPLOY_DONE, NULL, e);
    pr_fault_point(PR_FAULT_DEPLOY_DONE);
    if (code)
        return code;
    w->out->end = PR_DEPLOY_END_DONE;
    /* What cannot be tidied up now is next time. */
    size_t keep = (size_t)w->call->settings->keep_versions;
    (void)!pr_place_prune(&w->place, keep, pr_json_text(w->plan, "previous"), &ignored);
    return PR_OK;
}

/* A step after the swap, its line, or the way back. */
static enum pr_code after_swap(
    struct pr_deploy_work *w, enum pr_deploy_step s, bool *ret_on, struct pr_error *e)
{
    struct pr_error why;
    json_t *found = NULL, *more = json_object();
    enum pr_code code;
    *ret_on = false;
    if (s == PR_DEPLOY_RELOADED)
        code = reload(w, &why);
    else if (s == PR_DEPLOY_PROBED)
        code = probe(w, &found, &why);
    else
        code = w->driver->settle
                   ? w->driver->settle(&w->ask, pr_deploy_slot(w->plan, "previous_slot"), &why)
                   : PR_OK;
    if (code == PR_E_CANCELLED) {
        code = pr_fail(e, code, "%s", why.message);
    } else if (code) {
        if (found)
            pr_json_set(more, "probe", json_incref(found));
        pr_json_set_str(more, "reason", why.message);
        code = pr_deploy_note(w, PR_DEPLOY_ROLLING_BACK, more, e);
        if (!code)
            code = pr_deploy_roll_back(w, why.message, true, e);
    } else if (s == PR_DEPLOY_DONE) {
        code = finish(w, e);
    } else {
        if (found)
            pr_json_set(more, "probe", json_incref(found));
        code = pr_deploy_note(w, s, more, e);
        *ret_on = !code;
    }
    json_decref(found);
    json_decref(more);
    return code;
}

static enum pr_code failed(struct pr_deploy_work *w, const struct pr_error *why, struct pr_error *e)
{
    w->out->end = PR_DEPLOY_END_FAILED;
    snprintf(w->out->reason, sizeof w->out->reason, "%s", why->message);
    return pr_deploy_note_reason(w, PR_DEPLOY_FAILED, why->message, e);
}

enum pr_code pr_deploy_go_on(
    struct pr_deploy_work *w, enum pr_deploy_step after, struct pr_error *e)
{
    struct pr_error why;
    enum pr_code code = PR_OK;
    bool on = true;
    if (after == PR_DEPLOY_INTENT) {
        code = prepare(w, &why);
        if (code)
            return code == PR_E_CANCELLED ? pr_fail(e, code, "%s", why.message)
                                          : failed(w, &why, e);
        if ((code = pr_deploy_note(w, PR_DEPLOY_COPIED, NULL, e)))
            return code;
        after = PR_DEPLOY_COPIED;
    }
    if (after == PR_DEPLOY_COPIED) {
        if (swap(w, &why))
            return pr_deploy_is_swapped(w) ? pr_deploy_roll_back(w, why.message, false, e)
                                           : failed(w, &why, e);
        if ((code = pr_deploy_note(w, PR_DEPLOY_SWAPPED, NULL, e)))
            return code;
        after = PR_DEPLOY_SWAPPED;
    }
    for (int s = after + 1; s <= PR_DEPLOY_DONE && on && !code; s++)
        code = after_swap(w, (enum pr_deploy_step)s, &on, e);
    return code;
}
