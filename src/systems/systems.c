/* The table of systems, and what their findings are made with. */
#include "systems/system.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static const struct pr_system *const table[] = {
#define PR_X(name) &pr_system_##name,
    PR_SYSTEMS(PR_X)
#undef PR_X
};
#define N_SYSTEMS (sizeof table / sizeof *table)

const struct pr_system *const *pr_systems(size_t *ret_n)
{
    *ret_n = N_SYSTEMS;
    return table;
}

const struct pr_system *pr_system_find(const char *name)
{
    for (size_t i = 0; i < N_SYSTEMS; i++)
        if (!strcmp(table[i]->name, name))
            return table[i];
    return NULL;
}

void pr_needs_add(struct pr_needs *n, int64_t checkpoint, int64_t suite, int priority)
{
    struct pr_need x = {checkpoint, suite, priority};
    PR_PUSH(n->v, n->n, n->cap, x);
}

void pr_findings_decide(struct pr_findings *f, const char *system, const char *kind,
    int64_t checkpoint, int64_t suite, const char *verdict, int64_t against, json_t *evidence,
    int64_t now_ms)
{
    struct pr_decision d = {.system = pr_strdup(system),
        .kind = pr_strdup(kind),
        .checkpoint = checkpoint,
        .suite = suite,
        .verdict = pr_strdup(verdict),
        .against = against,
        .evidence = evidence,
        .at_ms = now_ms};
    PR_PUSH(f->decisions, f->n_decisions, f->decisions_cap, d);
}

void pr_findings_alert(struct pr_findings *f, const char *key, int64_t checkpoint,
    enum pr_alert_level level, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct pr_finding_alert a = {pr_strdup(key), checkpoint, level, pr_strdup(text)};
    PR_PUSH(f->alerts, f->n_alerts, f->alerts_cap, a);
}

void pr_findings_ask(struct pr_findings *f, json_t *line)
{
    if (!f->ask)
        f->ask = json_array();
    if (line)
        json_array_append_new(f->ask, line);
}

void pr_probe_wanted_free(struct pr_probe_wanted *p)
{
    if (!p)
        return;
    pr_free(p->question);
    pr_free(p->arm);
    json_decref(p->progress);
    json_decref(p->unasked);
    pr_free(p);
}

void pr_findings_done(struct pr_findings *f)
{
    json_decref(f->status);
    pr_free(f->waiting);
    pr_decisions_free(f->decisions, f->n_decisions);
    for (size_t i = 0; i < f->n_alerts; i++) {
        pr_free(f->alerts[i].key);
        pr_free(f->alerts[i].text);
    }
    pr_free(f->alerts);
    pr_probe_wanted_free(f->probe);
    json_decref(f->ask);
    if (f->errand_free)
        f->errand_free(f->errand);
    *f = (struct pr_findings){0};
}
