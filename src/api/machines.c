/* The list of machines. */
#include "api/machines.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static const char *const parts[] = {"gpus", "gpu_source", "gpu_reason", "host", "host_reason"};

static json_t *entry(const char *name, bool self, const json_t *reachable, const json_t *reason,
    const json_t *at, const json_t *url)
{
    json_t *o = json_object();
    pr_json_set_str(o, "name", name);
    pr_json_set_bool(o, "self", self);
    json_object_set(o, "reachable", (json_t *)(uintptr_t)reachable);
    json_object_set(o, "reason", (json_t *)(uintptr_t)reason);
    json_object_set(o, "at", (json_t *)(uintptr_t)at);
    json_object_set(o, "url", (json_t *)(uintptr_t)url);
    return o;
}

/* What a machine says of its GPUs and host; without it, that nobody knows, and why. */
static void set_parts(json_t *o, const json_t *from, const char *reason)
{
    if (!json_is_object(from)) {
        pr_json_set(o, "gpus", json_array());
        pr_json_set_str(o, "gpu_source", NULL);
        pr_json_set_str(o, "gpu_reason", reason);
        pr_json_set_null(o, "host", reason);
        return;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_t *v = json_object_get(from, parts[i]);
        if (v)
            json_object_set(o, parts[i], v);
    }
}

static json_t *self(const struct pr_api_context *x, bool gpus)
{
    char name[256] = "this machine";
    json_t *yes = json_true(), *none = json_null();
    const json_t *at = json_object_get(x->machine, "at");
    if (gethostname(name, sizeof name - 1))
        strncpy(name, "this machine", sizeof name - 1);
    json_t *o = entry(name, true, yes, none, at && gpus ? at : none, none);
    if (gpus)
        set_parts(o, x->machine,
            x->live_reason ? x->live_reason : "the owner has not looked at the machine yet");
    return o;
}

json_t *pr_api_machines(const struct pr_api_context *x, bool gpus)
{
    static const char *const keys[] = {"reachable", "reason", "at", "url"};
    json_t *list = json_array(), *peer, *v[4];
    const char *name;
    json_array_append_new(list, self(x, gpus));
    json_object_foreach ((json_t *)(uintptr_t)x->peers, name, peer) {
        for (int i = 0; i < 4; i++) {
            v[i] = json_object_get(peer, keys[i]);
            v[i] = v[i] ? v[i] : json_null();
        }
        json_t *o = entry(name, false, v[0], v[1], v[2], v[3]);
        const char *reason = json_string_value(v[1]);
        if (gpus)
            set_parts(o, json_object_get(peer, "gpu"), reason ? reason : "it did not say");
        json_array_append_new(list, o);
    }
    return list;
}
