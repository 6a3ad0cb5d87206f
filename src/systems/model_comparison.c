/* Model comparison: every graded checkpoint in one ranking by a composite score, with who cannot be
 * told from whom.  docs/systems.md says what each figure means. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "exam/stats.h"
#include "systems/comparison.h"
#include "systems/pieces.h"
#include "systems/promotion.h"
#include "systems/system.h"

#define NAME "model-comparison"

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    (void)e;
    const struct pr_suite_row *s = pr_view_suite(v, PR_SUITE_MAIN);
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    for (size_t i = 0; s && i < v->n_checkpoints; i++)
        if (v->checkpoints[i].state == PR_CHECKPOINT_READY ||
            v->checkpoints[i].state == PR_CHECKPOINT_FOUND)
            pr_needs_add(ret, v->checkpoints[i].id, s->id,
                &v->checkpoints[i] == newest ? PR_PRIORITY_NEWEST : PR_PRIORITY_BACKFILL);
    if (s && v->reference)
        pr_needs_add(ret, v->reference->id, s->id, PR_PRIORITY_BACKFILL);
    return PR_OK;
}

static const char *label(const struct pr_comparison_entry *x)
{
    return x->same_name ? x->row->path : x->row->name;
}

static void append_labels(
    const struct pr_comparison *c, size_t item, const struct pr_comparison_entry *but, json_t *list)
{
    for (size_t i = c->newest_of[item]; i != SIZE_MAX; i = c->entries[i].next)
        if (&c->entries[i] != but)
            json_array_append_new(list, json_string(label(&c->entries[i])));
}

/* The newest of the best content that may be the best; NULL: none. */
static const struct pr_comparison_entry *best_of(const struct pr_comparison *c)
{
    size_t i = c->ranking.best == SIZE_MAX ? SIZE_MAX : c->newest_of[c->ranking.best];
    while (i != SIZE_MAX && c->entries[i].not_best)
        i = c->entries[i].next;
    return i == SIZE_MAX ? NULL : &c->entries[i];
}

static json_t *joint_interval(const struct pr_ranking *r, double value, double spread)
{
    return pr_interval_json(value - r->factor * spread, value + r->factor * spread);
}

static void set_figures(json_t *o, const struct pr_rank_item *x)
{
    const struct pr_score *s = &x->score;
    struct pr_estimate accuracy;
    pr_json_set_real(o, "score", s->value, s->reason);
    pr_json_set(o, "score_ci95",
        isnan(s->value) ? json_null()
                        : pr_interval_json(fmax(0, s->value - 1.959964 * x->spread),
                              fmin(1, s->value + 1.959964 * x->spread)));
    pr_json_set_real(o, "accuracy", s->part[PR_SCORE_ACCURACY], "no verdict on any example");
    bool none = !x->sheet.n_decided || pr_stats_wilson(x->sheet.n_right, x->sheet.n_decided,
                                           PR_STATS_LEVEL, &accuracy, NULL);
    pr_json_set(
        o, "accuracy_ci95", none ? json_null() : pr_interval_json(accuracy.lo, accuracy.hi));
    if (x->sheet.n_bad) /* the mean of those that survived would flatter it */
        pr_json_set_null(o, "loss", s->reason);
    else
        pr_json_set_real(o, "loss", s->part[PR_SCORE_LOSS], "no example has a finite loss");
    pr_json_set_real(o, "ece", s->part[PR_SCORE_CALIBRATION], "no confidence on any verdict");
    pr_json_set_real(o, "format_ok", s->part[PR_SCORE_FORMAT], "nothing was generated");
    pr_json_set_int(o, "n", (int64_t)x->sheet.n_graded);
    pr_json_set_int(o, "n_accuracy", (int64_t)x->sheet.n_decided);
    pr_json_set_int(o, "n_ungraded", (int64_t)(x->sheet.n - x->sheet.n_graded));
}

static json_t *entry_json(const struct pr_comparison *c, const struct pr_comparison_entry *x)
{
    const struct pr_ranking *r = &c->ranking;
    const struct pr_rank_item *item = &r->v[x->item];
    json_t *o = json_object(), *tied = json_array(), *same = json_array();
    if (item->rank)
        pr_json_set_int(o, "rank", (int64_t)item->rank);
    else
        pr_json_set_null(o, "rank", "it has no score");
    pr_checkpoint_json_into(x->row, o);
    set_figures(o, item);
    pr_json_set(o, "by_difficulty", json_incref(x->by_difficulty));
    if (x->level)
        pr_json_set_str(o, "level", x->level);
    else
        pr_json_set_null(o, "level", "it is not judged yet");
    pr_json_set_str(o, "not_best_because", x->not_best);
    bool known = isfinite(item->behind) && isfinite(item->behind_spread * r->factor);
    pr_json_set_real(o, "behind_best", item->behind, "there is no best one");
    pr_json_set(o, "behind_best_ci95",
        known ? joint_interval(r, item->behind, item->behind_spread) : json_null());
    pr_json_set_bool(o, "pareto", item->pareto && !x->not_best);
    append_labels(c, x->item, x, tied);
    append_labels(c, x->item, x, same);
    for (size_t i = 0; i < item->n_tied; i++)
        append_labels(c, item->tied[i], x, tied);
    pr_json_set(o, "tied_with", tied);
    pr_json_set(o, "same_content", same);
    return o;
}

static void set_rankings(const struct pr_comparison *c, json_t *o)
{
    const struct pr_ranking *r = &c->ranking;
    json_t *list = json_array(), *pareto = json_array();
    for (size_t k = 0; k < r->n; k++)
        for (size_t i = c->newest_of[r->order[k]]; i != SIZE_MAX; i = c->entries[i].next) {
            if (json_array_size(list) == PR_COMPARISON_LISTED)
                continue;
            json_array_append_new(list, entry_json(c, &c->entries[i]));
            if (r->v[r->order[k]].pareto && !c->entries[i].not_best)
                json_array_append_new(pareto, json_string(label(&c->entries[i])));
        }
    pr_json_set(o, "rankings", list);
    pr_json_set_int(o, "n_ranked", (int64_t)c->n);
    pr_json_set(o, "pareto", pareto);
}

static void set_best(const struct pr_comparison *c, json_t *o)
{
    const struct pr_comparison_entry *best = best_of(c);
    if (!best) {
        pr_json_set_null(o, "best_checkpoint",
            c->n ? "no ranked checkpoint may be the best" : "nothing is ranked yet");
        pr_json_set(o, "best", json_null());
        return;
    }
    pr_json_set_str(o, "best_checkpoint", best->row->name);
    json_t *b = pr_checkpoint_json(best->row), *tied = json_array();
    const struct pr_rank_item *item = &c->ranking.v[best->item];
    pr_json_set_real(b, "score", item->score.value, NULL);
    for (size_t i = 0; i < item->n_tied; i++)
        append_labels(c, item->tied[i], best, tied);
    pr_json_set(b, "tied_with", tied);
    pr_json_set(o, "best", b);
}

static void set_method(const struct pr_comparison *c, json_t *o)
{
    json_t *w = json_object(), *absent = json_array();
    for (size_t k = 0; k < PR_SCORE_PARTS; k++) {
        pr_json_set_real(w, pr_score_part_names[k], c->weights.w[k], NULL);
        if (!c->weights.gives[k])
            json_array_append_new(absent, json_string(pr_score_part_names[k]));
    }
    pr_json_set_str(o, "suite", c->suite->name);
    pr_json_set_str(o, "suite_fingerprint", c->suite->fingerprint);
    pr_json_set_int(o, "n_examples", (int64_t)c->examples->n);
    pr_json_set(o, "weights", w);
    pr_json_set(o, "parts_not_given_by_suite", absent);
    pr_json_set_str(o, "score_rule",
        "weights · (accuracy, exp(−loss), 1 − ece, format_ok), the weights divided by their sum; "
        "loss is loss_mean_per_example, ece that of the six bins");
    pr_json_set_int(o, "resamples", (int64_t)c->ranking.n_draws);
    pr_json_set_int(o, "pairs_compared", (int64_t)c->ranking.n_pairs);
    pr_json_set_str(o, "tie_rule",
        "tied: 0 is within the interval of the score difference, over the same examples drawn "
        "again; the intervals of all pairs compared (eight places to either side, and the best) "
        "hold together with 95 %");
}

static enum pr_code set_reference(struct pr_comparison *c, json_t *o, struct pr_error *e)
{
    const struct pr_checkpoint_row *row = c->view->reference;
    if (!row) {
        pr_json_set_null(o, "reference", "none is configured (models.reference)");
        return PR_OK;
    }
    struct pr_view_grades g = {.all = c->examples->n};
    enum pr_code code = pr_view_grades(c->view, row, c->suite->id, &g, e);
    if (code)
        return code;
    json_t *r = pr_checkpoint_json(row);
    if (g.complete && g.grades) {
        struct pr_rank_item x = {.spread = NAN};
        struct pr_score_draws draws;
        pr_score_sheet_make(g.grades, &x.sheet);
        pr_score_make(&x.sheet, &c->weights, &x.score);
        pr_score_draws_make(c->examples->n, 500, PR_STATS_SEED, &draws);
        x.draws = pr_zalloc((draws.n_draws + 1) * sizeof *x.draws);
        pr_score_redraw(&x.sheet, &c->weights, &draws, x.draws);
        x.spread = pr_score_spread(x.draws, NULL, draws.n_draws);
        set_figures(r, &x);
        pr_free(x.draws);
        pr_score_draws_done(&draws);
        pr_score_sheet_done(&x.sheet);
    } else {
        char why[100];
        snprintf(why, sizeof why, "graded on %zu of %zu examples", g.done, g.all);
        pr_json_set_null(r, "score", row->reason ? row->reason : why);
    }
    pr_json_set(o, "reference", r);
    return PR_OK;
}

static json_t *runner_up(const struct pr_comparison *c)
{
    const struct pr_ranking *r = &c->ranking;
    for (size_t k = 0; k < r->n; k++) {
        const struct pr_rank_item *x = &r->v[r->order[k]];
        if (r->order[k] == r->best || x->excluded || !x->rank)
            continue;
        json_t *names = json_array(), *o = json_object();
        append_labels(c, r->order[k], NULL, names);
        pr_json_set(o, "checkpoints", names);
        pr_json_set_real(o, "score", x->score.value, NULL);
        pr_json_set_real(o, "behind_best", x->behind, NULL);
        pr_json_set(o, "behind_best_ci95", joint_interval(r, x->behind, x->behind_spread));
        return o;
    }
    return json_null();
}

/* A decision, when the best one is another than at the last decision. */
static enum pr_code decide(
    struct pr_comparison *c, const json_t *status, struct pr_findings *f, struct pr_error *e)
{
    const struct pr_comparison_entry *best = best_of(c);
    const struct pr_decision_filter mine = {
        .system = NAME, .kind = "ranking", .suite = c->suite->id};
    struct pr_decision *v = NULL;
    size_t n = 0;
    enum pr_code code = best ? pr_gradebook_decisions(c->view->g, &mine, &v, &n, e) : PR_OK;
    if (code || !best)
        return code;
    const struct pr_decision *last = n ? &v[n - 1] : NULL;
    const char *was =
        last ? json_string_value(json_object_get(last->evidence, "fingerprint")) : NULL;
    if (!was || strcmp(was, best->row->fingerprint) != 0) {
        json_t *evidence = entry_json(c, best);
        json_object_set(evidence, "weights", json_object_get(status, "weights"));
        pr_json_set_str(evidence, "suite_fingerprint", c->suite->fingerprint);
        pr_json_set(evidence, "runner_up", runner_up(c));
        if (last) {
            static const char *const keys[] = {"checkpoint", "score", "fingerprint"};
            json_t *old = json_object();
            for (size_t i = 0; i < 3; i++)
                json_object_set(old, keys[i], json_object_get(last->evidence, keys[i]));
            pr_json_set(evidence, "previous", old);
        }
        pr_findings_decide(f, NAME, "ranking", best->row->id, c->suite->id, "best",
            last ? last->checkpoint : 0, evidence, c->view->now_ms);
    }
    pr_decisions_free(v, n);
    return PR_OK;
}

/* As well, when the candidate for deployment is: once it is deployed, others are weighed against it
 * for as long as it is served, wherever its folder is by then. */
static enum pr_code decide_candidate(
    struct pr_comparison *c, const json_t *promotion, struct pr_findings *f, struct pr_error *e)
{
    const char *fingerprint = pr_json_text(promotion, "fingerprint"),
               *path = pr_json_text(promotion, "path");
    const struct pr_decision_filter mine = {
        .system = NAME, .kind = PR_COMPARISON_CANDIDATE, .suite = c->suite->id, .limit = 1};
    struct pr_decision *last = NULL;
    size_t n = 0, i = 0;
    while (i < c->n && (!path || strcmp(c->entries[i].row->path, path) != 0))
        i++;
    if (i == c->n || !fingerprint)
        return PR_OK;
    enum pr_code code = pr_gradebook_decisions(c->view->g, &mine, &last, &n, e);
    const char *was = n ? pr_json_text(last->evidence, "fingerprint") : NULL;
    if (!code && (!was || strcmp(was, fingerprint) != 0)) {
        json_t *evidence = json_copy((json_t *)(uintptr_t)promotion);
        json_object_del(evidence, "against");
        pr_findings_decide(f, NAME, PR_COMPARISON_CANDIDATE, c->entries[i].row->id, c->suite->id,
            "candidate", n ? last->checkpoint : 0, evidence, c->view->now_ms);
    }
    pr_decisions_free(last, n);
    return code;
}

/* It waits for the newest: older ones may be left ungraded on purpose. */
static void set_waiting(const struct pr_comparison *c, struct pr_findings *f)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(c->view);
    if (!newest) {
        f->waiting = pr_strdup(
            c->view->n_checkpoints ? "no checkpoint was opened yet" : "no checkpoint is there yet");
        return;
    }
    size_t i;
    const json_t *x;
    json_array_foreach (c->unranked, i, x) {
        const char *path = json_string_value(json_object_get(x, "path"));
        if (!path || strcmp(path, newest->path) != 0)
            continue;
        struct pr_str text = PR_STR_INIT(16384);
        pr_str_printf(&text, "%s: %s", newest->name, json_string_value(json_object_get(x, "why")));
        f->waiting = pr_str_take(&text);
        return;
    }
}

static enum pr_code no_suite(struct pr_findings *f)
{
    f->status = json_object();
    f->waiting = pr_strdup("there is no suite `" PR_SUITE_MAIN "` (data/validation)");
    pr_json_set(f->status, "rankings", json_array());
    pr_json_set_null(f->status, "best_checkpoint", f->waiting);
    return PR_OK;
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    struct pr_comparison c = {.view = v, .suite = pr_view_suite(v, PR_SUITE_MAIN)};
    if (!c.suite)
        return no_suite(ret);
    json_t *o = json_object();
    enum pr_code code = pr_comparison_gather(&c, e);
    if (code)
        goto out;
    pr_ranking_make(&c.ranking, &c.weights, c.examples->n);
    set_rankings(&c, o);
    set_best(&c, o);
    pr_json_set(o, "promotion", pr_promotion_json(&c));
    pr_json_set(o, "unranked", json_incref(c.unranked));
    pr_json_set_int(o, "n_unranked", (int64_t)c.n_unranked);
    set_method(&c, o);
    if ((code = set_reference(&c, o, e)) || (code = decide(&c, o, ret, e)) ||
        (code = decide_candidate(&c, json_object_get(o, "promotion"), ret, e)))
        goto out;
    set_waiting(&c, ret);
    ret->status = json_incref(o);
out:
    json_decref(o);
    pr_comparison_done(&c);
    return code;
}

static const struct pr_system_option options[] = {
    {"weights", "comparison.weights", "[A,L,C,F]",
        "weights of accuracy, exp(−loss), 1 − ECE and well-formed answers in the score"},
};

const struct pr_system pr_system_model_comparison = {
    .name = NAME,
    .status_file = "model_comparisons.json",
    .summary = "rank all checkpoints by one score, with who is tied with whom",
    .about =
        "Ranks every checkpoint that is graded on the whole suite `validation` by a composite "
        "score: by default 0.5·accuracy + 0.3·exp(−loss) + 0.1·(1 − ECE) + 0.1·format_ok, of each "
        "checkpoint's own figures alone.  Those whose difference could be chance are marked as "
        "tied.  A checkpoint that the regression monitor calls critical is ranked, but is not the "
        "best.  Writes status/model_comparisons.json.",
    .roles = PR_ROLE_INFERENCE,
    .interval_s = 600,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
};
