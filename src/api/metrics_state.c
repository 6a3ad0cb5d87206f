/* What metrics are made from: the parts of /api/status that are cheap to make.
 *
 * Where the training stands is read from files that may hold the whole history of a run: it is kept
 * for a while, until one of them is another. */
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "api/answers.h"
#include "api/metrics_internal.h"
#include "base/clock.h"
#include "systems/system.h"

static const json_t *live_system(const struct pr_metrics *m, const char *name)
{
    const json_t *one;
    size_t i;
    json_array_foreach (json_object_get(m->x->live, "systems"), i, one) {
        const char *is = json_string_value(json_object_get(one, "name"));
        if (is && !strcmp(is, name))
            return one;
    }
    return NULL;
}

static enum pr_code systems(struct pr_metrics *m, json_t *list)
{
    size_t n;
    const struct pr_system *const *all = pr_systems(&n);
    for (size_t i = 0; i < n; i++) {
        json_t *finding = NULL, *o = json_object();
        int64_t at_ms = 0;
        char at[32];
        const json_t *live = live_system(m, all[i]->name);
        enum pr_code code =
            m->x->g ? pr_gradebook_finding(m->x->g, all[i]->name, &finding, &at_ms, m->e) : PR_OK;
        json_array_append_new(list, o);
        if (code)
            return code;
        pr_clock_iso8601(at_ms, at);
        pr_json_set_str(o, "name", all[i]->name);
        pr_json_set_bool(o, "active", live != NULL);
        pr_json_set_str(o, "last_run", finding ? at : NULL);
        json_object_set(o, "error", json_object_get(live, "error"));
        pr_json_set(o, "finding", finding ? finding : json_null());
    }
    return PR_OK;
}

static enum pr_code gradebook(struct pr_metrics *m)
{
    struct pr_gradebook_size x;
    if (!m->x->g)
        return PR_OK;
    enum pr_code code = pr_gradebook_size(m->x->g, &x, m->e);
    if (code)
        return code;
    json_t *o = json_object();
    pr_json_set_int(o, "bytes", (int64_t)x.bytes);
    pr_json_set_int(o, "wal_bytes", (int64_t)x.wal_bytes);
    pr_json_set_int(o, "grades", (int64_t)x.grades);
    pr_json_set(m->state, "gradebook", o);
    return PR_OK;
}

const json_t *pr_metrics_finding(const struct pr_metrics *m, const char *system)
{
    const json_t *one;
    size_t i;
    json_array_foreach (json_object_get(m->state, "systems"), i, one) {
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name && !strcmp(name, system))
            return json_object_get(one, "finding");
    }
    return NULL;
}

enum pr_code pr_metrics_state(struct pr_metrics *m)
{
    json_t *list = json_array(), *training;
    pr_json_set(m->state, "systems", list);
    if (m->x->live)
        pr_json_set(m->state, "live", json_incref((json_t *)(uintptr_t)m->x->live));
    enum pr_code code = pr_api_training(m->x, &training, m->e);
    if (code)
        return code;
    pr_json_set(m->state, "training", training);
    code = systems(m, list);
    if (!code)
        code = gradebook(m);
    return code ? code : pr_metrics_queue(m);
}
