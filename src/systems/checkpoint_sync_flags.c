/* What the gradebook says of checkpoints that lie here: which must stay, and how good they are. */
#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "gradebook/actions.h"
#include "systems/auto_deployment.h"
#include "systems/checkpoint_sync.h"
#include "systems/deploy_settings.h"

#define MAX_DEPLOYMENT ((size_t)16 << 20)

void pr_sync_flags_free(void *flags)
{
    struct pr_sync_flags *f = flags;
    for (size_t i = 0; f && i < f->n; i++) {
        pr_free(f->v[i].path);
        pr_free(f->v[i].name);
    }
    if (f) {
        pr_free(f->v);
        pr_free(f->unsure);
    }
    pr_free(f);
}

/* One for each row of the view, in its order. */
static void add_rows(const struct pr_view *v, struct pr_sync_flags *f)
{
    for (size_t i = 0; i < v->n_checkpoints; i++) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        struct pr_sync_flag x = {pr_strdup(c->path), pr_strdup(c->name), 0, NAN};
        PR_PUSH(f->v, f->n, f->cap, x);
    }
}

static void set_flag(
    const struct pr_view *v, struct pr_sync_flags *f, int64_t checkpoint, unsigned flag)
{
    for (size_t i = 0; i < v->n_checkpoints && checkpoint; i++)
        if (v->checkpoints[i].id == checkpoint)
            f->v[i].flags |= flag;
}

static enum pr_code add_pins(struct pr_view *v, struct pr_sync_flags *f, struct pr_error *e)
{
    struct pr_pin *pins = NULL;
    size_t n = 0;
    enum pr_code code = pr_gradebook_pins(v->g, &pins, &n, e);
    for (size_t i = 0; i < n && !code; i++)
        set_flag(v, f, pins[i].checkpoint, PR_HELD_PINNED);
    pr_pins_free(pins, n);
    return code;
}

static int64_t run_of(const struct pr_view *v, int64_t checkpoint)
{
    const struct pr_checkpoint_row *c = checkpoint ? pr_view_checkpoint(v, checkpoint) : NULL;
    return c ? c->run_id : 0;
}

/* Is d[i] the last of its kind: of its system and suite, and (a baseline) of its run? */
static bool is_last(const struct pr_view *v, const struct pr_decision *d, size_t n, size_t i)
{
    bool baseline = !strcmp(d[i].kind, "baseline");
    for (size_t j = i + 1; j < n; j++)
        if (d[j].suite == d[i].suite && !strcmp(d[j].system, d[i].system) &&
            !strcmp(d[j].kind, d[i].kind) &&
            (!baseline || run_of(v, d[j].checkpoint) == run_of(v, d[i].checkpoint)))
            return false;
    return true;
}

static enum pr_code add_decisions(struct pr_view *v, struct pr_sync_flags *f, struct pr_error *e)
{
    struct pr_decision *d = NULL;
    size_t n = 0;
    const struct pr_decision_filter filter = {.present_only = true};
    enum pr_code code = pr_gradebook_decisions(v->g, &filter, &d, &n, e);
    for (size_t i = 0; i < n && !code; i++) {
        if (!is_last(v, d, n, i))
            continue;
        set_flag(v, f, d[i].checkpoint,
            strcmp(d[i].kind, "baseline") != 0 ? PR_HELD_CITED : PR_HELD_BASELINE);
        set_flag(v, f, d[i].against, PR_HELD_CITED);
    }
    pr_decisions_free(d, n);
    return code;
}

static enum pr_code add_scores(struct pr_view *v, struct pr_sync_flags *f, struct pr_error *e)
{
    json_t *doc = NULL, *x;
    int64_t at;
    size_t i;
    enum pr_code code = pr_gradebook_finding(v->g, "model-comparison", &doc, &at, e);
    json_array_foreach (json_object_get(doc, "rankings"), i, x) {
        const char *path = json_string_value(json_object_get(x, "path"));
        const json_t *score = json_object_get(x, "score");
        for (size_t k = 0; path && json_is_number(score) && k < f->n; k++)
            if (f->v[k].path && !strcmp(f->v[k].path, path))
                f->v[k].score = json_number_value(score);
    }
    json_decref(doc);
    return code;
}

static const char *text_of(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

/* Why a document that names nothing does not say that nothing is deployed; NULL: it does. */
static const char *why_unsure(const struct pr_view *v, const json_t *doc)
{
    const char *state = text_of(doc, "state"), *reason = text_of(doc, "checkpoint_reason");
    const char *target = v->move->deploy ? v->move->deploy->target : NULL;
    if (state && !strcmp(state, "failed"))
        return text_of(doc, "state_reason") ? text_of(doc, "state_reason") : "its last run failed";
    if (!target && !text_of(doc, "target")) /* nothing is configured */
        return NULL;
    if (text_of(doc, "target") && reason && !strcmp(reason, PR_DEPLOY_NOTHING))
        return NULL;
    return reason ? reason : "it names no checkpoint";
}

static void set_unsure(struct pr_sync_flags *f, const char *why)
{
    struct pr_str s = PR_STR_INIT(4096);
    pr_str_printf(&s, "what is deployed is not known (status/last_deployment.json: %s)", why);
    f->unsure = pr_str_take(&s);
}

/* Its `path` is the copy at the target, so what lies here is told by its content, and by name: also
 * where it is not in the gradebook. */
static void add_deployed_one(
    const struct pr_view *v, struct pr_sync_flags *f, const char *name, const char *fingerprint)
{
    for (size_t i = 0; i < v->n_checkpoints; i++)
        if (fingerprint && !strcmp(v->checkpoints[i].fingerprint, fingerprint))
            f->v[i].flags |= PR_HELD_DEPLOYED;
    if (name) {
        struct pr_sync_flag x = {NULL, pr_strdup(name), PR_HELD_DEPLOYED, NAN};
        PR_PUSH(f->v, f->n, f->cap, x);
    }
}

/* The document is another system's.  None: nothing is deployed; one that does not say: anything may
 * be. */
static void add_deployed(const struct pr_view *v, struct pr_sync_flags *f)
{
    struct pr_error why;
    json_t *doc = NULL;
    if (!v->move)
        return;
    char *file = pr_path_join(v->move->base_dir, "status/last_deployment.json");
    enum pr_code code = pr_json_read(AT_FDCWD, file, MAX_DEPLOYMENT, PR_JSON_STRICT, &doc, &why);
    const char *name = text_of(doc, "checkpoint"), *fingerprint = text_of(doc, "fingerprint");
    if (code && code != PR_E_NOT_FOUND)
        set_unsure(f, why.message);
    else if (!code && !json_is_object(doc))
        set_unsure(f, "it is no object");
    else if ((name && *name) || (fingerprint && *fingerprint))
        add_deployed_one(v, f, name, fingerprint);
    else if (!code && why_unsure(v, doc))
        set_unsure(f, why_unsure(v, doc));
    json_decref(doc);
    pr_free(file);
}

enum pr_code pr_sync_flags_read(struct pr_view *v, struct pr_sync_flags *ret, struct pr_error *e)
{
    ret->read_ns = pr_clock_monotonic_ns();
    add_rows(v, ret);
    enum pr_code code = add_pins(v, ret, e);
    if (!code)
        code = add_decisions(v, ret, e);
    if (!code)
        code = add_scores(v, ret, e);
    if (!code)
        add_deployed(v, ret);
    return code;
}
