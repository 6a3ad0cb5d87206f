/* The way back: the target is what it was, and so is what the server serves.  See deploy.h. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fault.h"
#include "deploy/deploy.h"
#include "deploy/probe.h"

bool pr_deploy_is_swapped(const struct pr_deploy_work *w)
{
    const char *link = pr_json_text(w->plan, "link");
    if (!link)
        return pr_place_is(&w->place, w->ask.version,
            json_integer_value(json_object_get(w->plan, "version_inode")));
    char *text = pr_place_link(&w->place);
    bool is = text && !strcmp(text, link);
    pr_free(text);
    return is;
}

/* The target is what it was before. */
static enum pr_code restore(struct pr_deploy_work *w, struct pr_error *e)
{
    const char *previous = pr_json_text(w->plan, "previous"),
               *link = pr_json_text(w->plan, "previous_link");
    enum pr_target_kind kind;
    enum pr_code code = pr_place_kind(&w->place, &kind, e);
    if (code)
        return code;
    if (kind != PR_TARGET_FOLDER)
        code = pr_place_relink(&w->place, link, e);
    else if (previous && !link) /* it was a folder then, too */
        code = pr_deploy_is_swapped(w)
                   ? pr_place_swap_back(&w->place, w->ask.version, previous, e)
                   : pr_place_swapped_back(&w->place, w->ask.version, previous, e);
    pr_fault_point(PR_FAULT_DEPLOY_UNDONE);
    return code;
}

/* The old version is served again, or the server says why not. */
static enum pr_code serve_again(struct pr_deploy_work *w, struct pr_error *e)
{
    const char *fingerprint = pr_json_text(w->plan, "previous_fingerprint");
    bool had = pr_json_text(w->plan, "previous") || pr_json_text(w->plan, "previous_link");
    enum pr_code code = PR_OK;
    if (w->driver->undo)
        return w->driver->undo(&w->ask, pr_deploy_slot(w->plan, "previous_slot"), e);
    if (!had) /* nothing was served before */
        return PR_OK;
    if (w->driver->reload)
        code = w->driver->reload(&w->ask, e);
    return code ? code : pr_deploy_health(&w->ask, w->driver, fingerprint, e);
}

enum pr_code pr_deploy_roll_back(
    struct pr_deploy_work *w, const char *reason, bool noted, struct pr_error *e)
{
    int64_t begun = pr_clock_monotonic_ns();
    enum pr_code code = noted ? PR_OK : pr_deploy_note_reason(w, PR_DEPLOY_ROLLING_BACK, reason, e);
    pr_deploy_say(w, "rolling back");
    pr_fault_point(PR_FAULT_DEPLOY_UNDOING);
    if (!code)
        code = restore(w, e);
    if (code)
        return pr_wrap(e, code, "rolling back (%s)", reason);
    struct pr_error why;
    json_t *more = json_object();
    code = serve_again(w, &why);
    if (code == PR_E_CANCELLED) {
        json_decref(more);
        return pr_fail(e, code, "%s", why.message);
    }
    snprintf(w->out->reason, sizeof w->out->reason, "%s", reason);
    w->out->end = code ? PR_DEPLOY_END_BROKEN : PR_DEPLOY_END_ROLLED_BACK;
    w->out->seconds = (double)(pr_clock_monotonic_ns() - begun) / 1e9;
    pr_json_set_str(more, "reason", reason);
    pr_json_set_bool(more, "served", !code);
    pr_json_set_real(more, "seconds", w->out->seconds, NULL);
    if (code) {
        pr_json_set_str(more, "served_reason", why.message);
        size_t n = strlen(w->out->reason);
        snprintf(w->out->reason + n, sizeof w->out->reason - n,
            "; and the server is not healthy with what was there before: %s", why.message);
    }
    code = pr_deploy_note(w, PR_DEPLOY_ROLLED_BACK, more, e);
    json_decref(more);
    struct pr_error ignored;
    if (!code && pr_json_text(w->plan, "from") && !pr_deploy_brought(&w->journal, w->ask.version))
        (void)!pr_place_remove(&w->place, w->ask.version, &ignored);
    return code;
}
