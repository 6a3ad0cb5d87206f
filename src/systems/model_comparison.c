/* Model comparison: every graded checkpoint in one ranking by a composite score, with who cannot be
 * told from whom.  docs/systems.md says what each figure means. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "exam/stats.h"
#include "exam/suiteset.h"
#include "systems/baseline.h"
#include "systems/pieces.h"
#include "systems/ranking.h"
#include "systems/system.h"

#define NAME "model-comparison"

/* Entries of each list in the document: of more, the best are listed and the newest unranked ones.
 * All of them count. */
#define MAX_LISTED 1000

/* A checkpoint in the ranking; several share an item when their content is the same. */
struct entry {
    const struct pr_checkpoint_row *row;
    size_t item;
    size_t next;          /* entry of the same item, SIZE_MAX: none */
    const char *level;    /* by the monitor's rule; NULL: not judged */
    const char *not_best; /* why it may not be the best, or NULL */
    bool same_name;       /* another entry has its name: told by its path */
};

struct comparison {
    struct pr_view *view;
    const struct pr_suite_row *suite;
    const struct pr_suite *examples;
    int64_t settings; /* the row that all ranked grades share; 0: none yet */
    struct pr_score_weights weights;
    struct entry *entries;
    size_t n, cap;
    size_t
        *newest_of; /* for each item of the ranking its newest entry, which leads to the others */
    size_t newest_cap;
    struct pr_ranking ranking;
    struct verdict {
        int64_t checkpoint;
        const char *level;
    } * verdicts;
    size_t n_verdicts, verdicts_cap;
    json_t *unranked;
    size_t n_unranked;
};

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

/* The settings under which the newest checkpoint is graded now: only its like is ranked. */
static enum pr_code find_settings(struct comparison *c, struct pr_error *e)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(c->view);
    enum pr_code code = PR_OK;
    if (newest)
        code = pr_gradebook_settings(c->view->g, newest->model, c->view->options, &c->settings, e);
    const struct pr_view *v = c->view;
    for (size_t i = v->n_checkpoints; !code && !c->settings && i--;)
        if (v->checkpoints[i].model)
            code =
                pr_gradebook_settings(v->g, v->checkpoints[i].model, v->options, &c->settings, e);
    return code;
}

/* The verdicts of the regression monitor's rule, judged here where it has not stored them yet: what
 * may be the best does not depend on which system ran first. */
static enum pr_code judge(struct comparison *c, struct pr_error *e)
{
    for (size_t i = 0; i < c->view->n_runs; i++) {
        struct pr_judgement *v;
        size_t n;
        enum pr_code code = pr_baseline_walk(
            c->view, c->view->runs[i].id, c->suite->id, "regression-monitor", NULL, &v, &n, e);
        if (code)
            return code;
        for (size_t k = 0; k < n; k++) {
            struct verdict x = {v[k].checkpoint->id, pr_verdict_level_name(v[k].level)};
            if (v[k].judged)
                PR_PUSH(c->verdicts, c->n_verdicts, c->verdicts_cap, x);
        }
        pr_judgements_free(v, n);
    }
    return PR_OK;
}

static const char *level_of(const struct comparison *c, int64_t checkpoint)
{
    for (size_t i = c->n_verdicts; i--;)
        if (c->verdicts[i].checkpoint == checkpoint)
            return c->verdicts[i].level;
    return NULL;
}

static void leave_out(struct comparison *c, const struct pr_checkpoint_row *row,
    const struct pr_view_grades *g, const char *other)
{
    struct pr_str why = PR_STR_INIT(8192);
    const char *state = pr_checkpoint_state_name(row->state);
    if (row->state == PR_CHECKPOINT_REFUSED || row->state == PR_CHECKPOINT_QUARANTINED)
        pr_str_printf(&why, "%s: %s", state, row->reason ? row->reason : "no reason was noted");
    else if (other)
        pr_str_puts(&why, other);
    else if (row->state == PR_CHECKPOINT_FOUND)
        pr_str_puts(&why, "not opened yet");
    else
        pr_str_printf(&why, "grading: %zu of %zu examples", g->done, g->all);
    json_t *o = pr_checkpoint_json(row);
    pr_json_set_str(o, "state", state);
    pr_json_set_int(o, "graded", (int64_t)g->done);
    pr_json_set_int(o, "of", (int64_t)g->all);
    pr_json_set_str(o, "why", pr_str_cstr(&why));
    json_array_append_new(c->unranked, o);
    if (json_array_size(c->unranked) > MAX_LISTED)
        json_array_remove(c->unranked, 0);
    c->n_unranked++;
    pr_str_done(&why);
}

static const char *why_not_best(const struct pr_checkpoint_row *row, const char *level)
{
    if (row->state == PR_CHECKPOINT_QUARANTINED)
        return "quarantined: its grader died of it";
    if (row->bad_weights && json_array_size(row->bad_weights))
        return "its weights hold NaN or infinity";
    if (level && !strcmp(level, "critical"))
        return "critical by the regression monitor";
    return NULL;
}

/* Enters a checkpoint beside those of the same content, or with an item of its own. */
static void enter(
    struct comparison *c, const struct pr_checkpoint_row *row, const struct pr_view_grades *g)
{
    struct entry x = {.row = row, .next = SIZE_MAX, .level = level_of(c, row->id)};
    x.not_best = why_not_best(row, x.level);
    size_t i = 0;
    while (i < c->n && c->entries[i].row->model != row->model)
        i++;
    if (i < c->n) {
        x.item = c->entries[i].item;
        x.next = c->newest_of[x.item];
        c->newest_of[x.item] = c->n;
    } else {
        struct pr_rank_item item = {.excluded = true};
        size_t n = x.item = c->ranking.n;
        pr_score_sheet_make(g->grades, &item.sheet);
        pr_score_make(&item.sheet, &c->weights, &item.score);
        PR_PUSH(c->ranking.v, c->ranking.n, c->ranking.cap, item);
        PR_PUSH(c->newest_of, n, c->newest_cap, c->n);
    }
    if (!x.not_best)
        c->ranking.v[x.item].excluded = false;
    PR_PUSH(c->entries, c->n, c->cap, x);
}

/* Into the ranking, or into the list of those that are not in it. */
static enum pr_code consider(
    struct comparison *c, const struct pr_checkpoint_row *row, struct pr_error *e)
{
    struct pr_view_grades g = {.all = c->examples->n};
    int64_t settings = 0;
    const char *other = NULL;
    enum pr_code code = PR_OK;
    if (row->model)
        code = pr_gradebook_settings(c->view->g, row->model, c->view->options, &settings, e);
    if (!code && settings == c->settings)
        code = pr_view_grades(c->view, row, c->suite->id, &g, e);
    if (code)
        return code;
    if (row->model && !settings)
        other = "not opened yet under the present settings";
    else if (settings && settings != c->settings)
        other = "graded under other settings (arithmetic, template or limits) than the newest one";
    bool usable = row->state == PR_CHECKPOINT_READY || row->state == PR_CHECKPOINT_QUARANTINED;
    if (!usable || other || !g.complete || !g.grades) {
        leave_out(c, row, &g, other);
        return PR_OK;
    }
    enter(c, row, &g);
    return PR_OK;
}

static void mark_same_names(struct comparison *c)
{
    struct pr_idset names = {0};
    for (size_t i = 0; i < c->n; i++) {
        size_t first = pr_idset_add(&names, c->entries[i].row->name, i);
        c->entries[i].same_name = first != i;
        c->entries[first].same_name |= first != i;
    }
    pr_idset_done(&names);
}

static enum pr_code gather(struct comparison *c, struct pr_error *e)
{
    enum pr_code code = pr_view_examples(c->view, c->suite->id, &c->examples, e);
    if (code || (code = find_settings(c, e)) || (code = judge(c, e)))
        return code;
    pr_score_weigh(c->view->settings, c->examples, &c->weights);
    for (size_t i = 0; i < c->view->n_checkpoints && !code; i++)
        code = consider(c, &c->view->checkpoints[i], e);
    mark_same_names(c);
    return code;
}

static const char *label(const struct entry *x)
{
    return x->same_name ? x->row->path : x->row->name;
}

static void append_labels(
    const struct comparison *c, size_t item, const struct entry *but, json_t *list)
{
    for (size_t i = c->newest_of[item]; i != SIZE_MAX; i = c->entries[i].next)
        if (&c->entries[i] != but)
            json_array_append_new(list, json_string(label(&c->entries[i])));
}

/* The newest of the best content that may be the best; NULL: none. */
static const struct entry *best_of(const struct comparison *c)
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

static json_t *entry_json(const struct comparison *c, const struct entry *x)
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

static void set_rankings(const struct comparison *c, json_t *o)
{
    const struct pr_ranking *r = &c->ranking;
    json_t *list = json_array(), *pareto = json_array();
    for (size_t k = 0; k < r->n; k++)
        for (size_t i = c->newest_of[r->order[k]]; i != SIZE_MAX; i = c->entries[i].next) {
            if (json_array_size(list) == MAX_LISTED)
                continue;
            json_array_append_new(list, entry_json(c, &c->entries[i]));
            if (r->v[r->order[k]].pareto && !c->entries[i].not_best)
                json_array_append_new(pareto, json_string(label(&c->entries[i])));
        }
    pr_json_set(o, "rankings", list);
    pr_json_set_int(o, "n_ranked", (int64_t)c->n);
    pr_json_set(o, "pareto", pareto);
}

static void set_best(const struct comparison *c, json_t *o)
{
    const struct entry *best = best_of(c);
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

static void set_method(const struct comparison *c, json_t *o)
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

static enum pr_code set_reference(struct comparison *c, json_t *o, struct pr_error *e)
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

static json_t *runner_up(const struct comparison *c)
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
    struct comparison *c, const json_t *status, struct pr_findings *f, struct pr_error *e)
{
    const struct entry *best = best_of(c);
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

/* It waits for the newest: older ones may be left ungraded on purpose. */
static void set_waiting(const struct comparison *c, struct pr_findings *f)
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
    struct comparison c = {.view = v, .suite = pr_view_suite(v, PR_SUITE_MAIN)};
    if (!c.suite)
        return no_suite(ret);
    c.unranked = json_array();
    json_t *o = json_object();
    enum pr_code code = gather(&c, e);
    if (code)
        goto out;
    pr_ranking_make(&c.ranking, &c.weights, c.examples->n);
    set_rankings(&c, o);
    set_best(&c, o);
    pr_json_set(o, "unranked", json_incref(c.unranked));
    pr_json_set_int(o, "n_unranked", (int64_t)c.n_unranked);
    set_method(&c, o);
    if ((code = set_reference(&c, o, e)) || (code = decide(&c, o, ret, e)))
        goto out;
    set_waiting(&c, ret);
    ret->status = json_incref(o);
out:
    json_decref(o);
    json_decref(c.unranked);
    pr_ranking_done(&c.ranking);
    pr_free(c.newest_of);
    pr_free(c.entries);
    pr_free(c.verdicts);
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
