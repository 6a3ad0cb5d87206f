/* last_deployment.json: what is served, how it came to be, and why the candidate is not. */
#include <string.h>

#include "systems/auto_deployment.h"

static void copy(const json_t *from, const char *key, json_t *o, const char *as, const char *why)
{
    json_t *v = json_object_get(from, key);
    if (v && !json_is_null(v))
        json_object_set(o, as, v);
    else
        pr_json_set_null(o, as, why);
}

/* The last deployment with this key that what is served came by; NULL. */
static const json_t *served_with(const json_t *status, const char *key)
{
    const char *now = pr_json_text(json_object_get(status, "current"), "fingerprint");
    const json_t *x;
    size_t i;
    json_array_foreach (json_object_get(status, "history"), i, x) {
        const char *own = pr_json_text(x, "fingerprint"), *step = pr_json_text(x, "step");
        if (now && own && step && !strcmp(own, now) && !strcmp(step, "done") &&
            json_object_get(x, key))
            return x;
    }
    return NULL;
}

static void set_success(const json_t *status, json_t *o)
{
    const json_t *last = json_array_get(json_object_get(status, "history"), 0);
    const char *step = pr_json_text(last, "step"), *reason = pr_json_text(last, "reason");
    if (!last || json_is_object(json_object_get(status, "under_way")))
        pr_json_set_null(
            o, "success", last ? "a deployment is under way" : "nothing was deployed yet");
    else
        pr_json_set_bool(o, "success", step && !strcmp(step, "done"));
    pr_json_set_str(o, "reason", reason);
}

static void set_path(const json_t *status, json_t *o)
{
    const json_t *x;
    size_t i;
    json_array_foreach (json_object_get(status, "versions"), i, x)
        if (json_is_true(json_object_get(x, "served")))
            return copy(x, "path", o, "path", NULL);
    copy(status, "target", o, "path", NULL);
}

static void set_history(const json_t *status, json_t *o)
{
    const json_t *all = json_object_get(status, "history");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(all) && i < PR_DEPLOY_SHOWN; i++)
        json_array_append(list, json_array_get(all, i));
    pr_json_set(o, "history", list);
}

json_t *pr_deploy_document(const json_t *status, const json_t *gate)
{
    static const char nothing[] = PR_DEPLOY_NOTHING;
    const json_t *now = json_object_get(status, "current"), *by = served_with(status, "step");
    const json_t *last = json_array_get(json_object_get(status, "history"), 0);
    json_t *o = json_object();
    copy(now, "checkpoint", o, "checkpoint",
        json_is_object(now) ? "proctor did not put it there" : nothing);
    copy(by, "ended_at", o, "deployed_at", nothing);
    copy(served_with(status, "score"), "score", o, "score",
        by ? "it was not the candidate when it was deployed" : nothing);
    set_success(status, o);
    const char *unknown = pr_json_text(now, "fingerprint_reason");
    copy(now, "fingerprint", o, "fingerprint", unknown ? unknown : nothing);
    copy(now, "version", o, "version", nothing);
    set_path(status, o);
    copy(status, "target", o, "target", NULL);
    copy(by, pr_json_text(by, "previous") ? "previous" : "previous_link", o, "previous",
        "nothing was there before");
    copy(last, "probe", o, "probe", "nothing was probed yet");
    copy(gate, "candidate", o, "candidate",
        gate ? pr_json_text(gate, "why") : "it was not looked at");
    copy(gate, "verdict", o, "verdict", "it was not looked at");
    copy(gate, "why", o, "held_because", "nothing is held");
    copy(gate, "choose", o, "choose", "there is nothing to compare with");
    copy(gate, "confirm", o, "confirm", "there is nothing to compare with");
    json_t *checks = json_object_get(gate, "checks");
    pr_json_set(o, "checks", checks ? json_incref(checks) : json_array());
    copy(status, "under_way", o, "under_way", "nothing is under way");
    copy(status, "versions", o, "versions", NULL);
    set_history(status, o);
    return o;
}

json_t *pr_deploy_no_document(const char *why)
{
    static const char *const keys[] = {"checkpoint", "deployed_at", "score", "success",
        "fingerprint", "path", "target", "candidate"};
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        pr_json_set_null(o, keys[i], why);
    pr_json_set(o, "history", json_array());
    return o;
}
