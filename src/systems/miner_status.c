/* adversarial_mining.json. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "exam/stats.h"
#include "systems/miner.h"
#include "systems/pieces.h"

#define TEXT       240 /* bytes of a text that is shown */
#define WITH_TEXTS 40  /* clusters whose example is shown with its texts */

enum pr_code pr_miner_rate(
    json_t *o, const char *key, size_t k, size_t n, const char *why, struct pr_error *e)
{
    struct pr_estimate x;
    char name[64];
    enum pr_code code = pr_stats_wilson(k, n, PR_STATS_LEVEL, &x, e);
    if (code)
        return code;
    pr_json_set_real(o, key, x.known ? x.value : NAN, why);
    snprintf(name, sizeof name, "%.50s_ci95", key);
    if (x.known)
        pr_json_set(o, name, pr_interval_json(x.lo, x.hi));
    else
        pr_json_set_null(o, name, why);
    return PR_OK;
}

/* ---- failures ---- */

static void set_bytes(json_t *o, const char *key, const char *s, size_t n)
{
    struct pr_str clean = PR_STR_INIT((size_t)1 << 26);
    char text[TEXT];
    if (s) {
        pr_utf8_append_lossy(&clean, s, n);
        pr_utf8_shorten(pr_str_cstr(&clean), text, sizeof text);
    }
    pr_json_set_str(o, key, s ? text : NULL);
    pr_str_done(&clean);
}

static void set_texts(json_t *o, const struct pr_grade *g)
{
    struct pr_text q = pr_example_question(g->example);
    set_bytes(o, "question", q.s, q.n);
    set_bytes(o, "golden", g->example->golden.s, g->example->golden.n);
    set_bytes(o, "model_answer", g->answer ? g->answer : g->output,
        g->answer ? g->answer_len : g->output_len);
}

static json_t *cluster_json(const struct pr_miner_failures *f, const struct pr_miner_cluster *c)
{
    const struct pr_miner_failure *x = &f->v[c->from];
    json_t *o = json_object();
    pr_json_set_str(o, "skill", x->name);
    pr_json_set_bool(o, "known", x->skill != NULL);
    if (x->level)
        pr_json_set_int(o, "level", x->level);
    else
        pr_json_set_null(o, "level",
            x->skill ? "not a question that the skill makes" : "no skill knows the question");
    pr_json_set_str(o, "difficulty", x->difficulty);
    pr_json_set_str(o, "pattern", pr_mistake_name(x->pattern));
    pr_json_set_str(o, "about", pr_mistake_about(x->pattern));
    pr_json_set_int(o, "count", (int64_t)c->n);
    pr_json_set_int(o, "confident", (int64_t)c->n_confident);
    pr_json_set_str(o, "example", x->grade->example->id);
    pr_json_set_str(o, "why", x->why);
    return o;
}

static void set_unknown(json_t *o, const struct pr_miner_failures *f)
{
    json_t *u = json_object();
    pr_json_set_int(u, "count", (int64_t)f->n_unknown);
    if (f->n_unknown)
        pr_json_set_str(u, "hint",
            "no skill knows these questions, so that nothing similar can be made of them: a skill "
            "of one's own can be added (docs/skills.md)");
    else
        pr_json_set(u, "hint", json_null());
    pr_json_set(o, "unknown_skill", u);
}

void pr_miner_status_failures(json_t *o, const struct pr_miner_failures *f)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < f->n_clusters; i++) {
        json_t *row = cluster_json(f, &f->clusters[i]);
        if (i < WITH_TEXTS)
            set_texts(row, f->v[f->clusters[i].from].grade);
        json_array_append_new(rows, row);
    }
    pr_json_set_int(o, "failures_total", (int64_t)f->n);
    pr_json_set_int(o, "answers_total", (int64_t)(f->n + f->n_right));
    pr_json_set_int(o, "answers_ungraded", (int64_t)f->n_ungraded);
    pr_json_set(o, "failures_by_pattern", rows);
    set_unknown(o, f);
}

/* ---- what was asked ---- */

enum pr_code pr_miner_status_asked(
    json_t *o, const struct pr_settings *s, const struct pr_miner_asked *a, struct pr_error *e)
{
    static const char *const none = "nothing that was asked has a verdict yet";
    json_t *rows = json_array();
    enum pr_code code = PR_OK;
    for (int i = 0; i < a->n_rounds && !code; i++) {
        const struct pr_miner_round *r = &a->rounds[i];
        json_t *x = json_object();
        pr_json_set_int(x, "round", r->number);
        pr_json_set_int(x, "asked", (int64_t)r->asked);
        pr_json_set_int(x, "failed", (int64_t)r->failed);
        pr_json_set_int(x, "ungraded", (int64_t)r->ungraded);
        pr_json_set_int(x, "pending", (int64_t)r->pending);
        code = pr_miner_rate(x, "yield", r->failed, r->failed + r->right, none, e);
        json_array_append_new(rows, x);
    }
    pr_json_set(o, "rounds", rows);
    pr_json_set_int(o, "asked", (int64_t)a->all.asked);
    pr_json_set_int(o, "samples", s->miner_samples);
    pr_json_set_int(o, "ungraded", (int64_t)a->all.ungraded);
    if (!code)
        code = pr_miner_rate(o, "yield", a->all.failed, a->all.failed + a->all.right, none, e);
    return code;
}

/* ---- hard examples ---- */

static void set_short(json_t *o, const char *key, const json_t *line)
{
    char text[TEXT];
    const char *s = json_string_value(json_object_get(line, key));
    if (s)
        pr_utf8_shorten(s, text, sizeof text);
    pr_json_set_str(o, key, s ? text : NULL);
}

static json_t *shown(const json_t *line)
{
    static const char *const texts[] = {"prompt", "golden", "model_answer", "why"};
    static const char *const kept[] = {
        "id", "pattern", "skill", "difficulty", "level", "confidence", "checkpoint", "round"};
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        set_short(o, texts[i], line);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        json_t *x = json_object_get(line, kept[i]);
        if (json_is_string(x))
            set_short(o, kept[i], line);
        else
            pr_json_set(o, kept[i], json_is_number(x) ? json_incref(x) : json_null());
    }
    return o;
}

void pr_miner_status_kept(json_t *o, const struct pr_miner_folder *f, const struct pr_miner_kept *k)
{
    size_t i;
    const json_t *line;
    json_t *rows = json_array();
    json_array_foreach (f->newest, i, line)
        json_array_append_new(rows, shown(line));
    if (k) {
        pr_json_set_int(o, "kept", (int64_t)k->n);
        pr_json_set_int(o, "not_kept_known", (int64_t)k->n_double);
        pr_json_set_int(o, "not_kept_validation", (int64_t)k->n_protected);
    }
    pr_json_set_int(o, "kept_total_today", (int64_t)f->n_today);
    pr_json_set_int(o, "lines_broken", (int64_t)f->n_broken);
    const char *name = strrchr(f->today, '/');
    char file[200];
    snprintf(file, sizeof file, PR_MINER_FOLDER "/%.100s", name ? name + 1 : f->today);
    if (f->n_today)
        pr_json_set_str(o, "file", file);
    else
        pr_json_set_null(o, "file", "nothing was kept today");
    pr_json_set(o, "examples", rows);
}

/* ---- what is not known ---- */

void pr_miner_status_rest(json_t *o, const char *why)
{
    static const char *const fields[] = {"checkpoint", "step", "failures_total", "answers_total",
        "answers_ungraded", "failures_by_pattern", "asked", "kept", "kept_total_today", "ungraded",
        "rounds", "yield", "yield_ci95", "forgetting", "file", "unknown_skill", "examples"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!json_object_get(o, fields[i]))
            pr_json_set_null(o, fields[i], why);
}
