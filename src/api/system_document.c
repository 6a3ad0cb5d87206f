/* The documents of systems; see answers.h. */
#include <stdio.h>
#include <string.h>

#include "api/answers.h"
#include "daemon/roles.h"
#include "gradebook/browse.h"
#include "systems/system.h"

/* The item of a list of names, or of objects with a name; NULL. */
static const json_t *named(const json_t *list, const char *name)
{
    size_t i;
    const json_t *x;
    json_array_foreach (list, i, x) {
        const char *is = json_string_value(json_is_object(x) ? json_object_get(x, "name") : x);
        if (is && !strcmp(is, name))
            return x;
    }
    return NULL;
}

/* Why the configuration leaves a system out; NULL: it does not. */
static const char *left_out(const struct pr_config *c, const char *name)
{
    const struct pr_system *s = pr_system_find(name);
    if (!s)
        return "this version has no such system";
    const char *key = pr_roles_left_out(c, s);
    return !key ? NULL
           : !strcmp(key, "machine.role")
               ? "machine.role in proctor.yaml leaves it to another machine"
               : "machine.disabled in proctor.yaml names it";
}

static void nothing_found(
    const struct pr_api_context *x, const char *system, bool active, json_t *o)
{
    const char *why = left_out(x->config, system);
    const struct pr_system *s = pr_system_find(system);
    char unset[200];
    if (!why && s && s->needs && !pr_config_is_set(x->config, s->needs)) {
        snprintf(unset, sizeof unset, "%s is not set in proctor.yaml", s->needs);
        why = unset;
    }
    bool waits = active || !why;
    pr_json_set_str(o, "state", waits ? "waiting" : "not_installed");
    pr_json_set_str(o, "state_reason",
        !waits    ? why
        : active  ? "it has not run yet"
        : x->live ? "it has not run yet, and nobody runs it now"
                  : "it has not run yet, and no proctor runs in this base folder");
}

enum pr_code pr_api_system_document(
    const struct pr_api_context *x, const char *system, json_t **ret, struct pr_error *e)
{
    json_t *found;
    const json_t *live = named(json_object_get(x->live, "systems"), system);
    json_t *last = json_object_get(live, "last_run");
    enum pr_code code = pr_api_finding(x, system, &found, e);
    if (code)
        return code;
    json_t *o = json_object();
    pr_json_set_str(o, "system", system);
    if (found)
        json_object_update(o, found);
    else
        nothing_found(x, system, live != NULL, o);
    if (!json_object_get(o, "state"))
        pr_json_set_str(o, "state", "ok");
    if (!json_object_get(o, "state_reason"))
        pr_json_set(o, "state_reason", json_null());
    if (found && json_is_string(last)) /* what it finds again is not stored again */
        json_object_set(o, "last_run", last);
    pr_json_set_bool(o, "active", live != NULL);
    json_decref(found);
    *ret = o;
    return PR_OK;
}

bool pr_api_system_found(const struct pr_api_context *x, const char *system)
{
    bool has = false;
    return x->g && !pr_gradebook_has_finding(x->g, system, &has, NULL) && has;
}
