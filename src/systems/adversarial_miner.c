/* The adversarial miner: problems that the newest checkpoint truly fails, found by asking it.
 *
 * A run is a function of the gradebook and of the files of hard examples: it reads what was asked
 * and graded up to now, keeps what was failed, and asks the next round, which the supervisor stores
 * as the next version of the system's own suite.  When that is graded, it runs again.  See miner.h
 * for its parts. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "systems/miner.h"
#include "systems/pieces.h"

/* ---- plan ---- */

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(v), *asked = NULL;
    const struct pr_suite_row *main = pr_view_suite(v, PR_SUITE_MAIN),
                              *own = pr_view_own(v, PR_MINER);
    for (size_t i = 0; main && i < v->n_checkpoints; i++) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        if (c == newest || c->state == PR_CHECKPOINT_FOUND) /* it may become the newest */
            pr_needs_add(ret, c->id, main->id, PR_PRIORITY_NEWEST);
    }
    if (!newest || !main)
        return PR_OK;
    /* What was made for another checkpoint is not asked of this one. */
    enum pr_code code = pr_miner_asked_of(v, own, &asked, e);
    if (!code && asked && asked == newest)
        pr_needs_add(ret, newest->id, own->id, PR_PRIORITY_OWN);
    return code;
}

/* ---- run ---- */

struct run {
    struct pr_view *v;
    const struct pr_checkpoint_row *newest;
    const struct pr_suite_row *suite;
    struct pr_grades *grades; /* of the newest on it */
    struct pr_miner_folder folder;
    struct pr_miner_asked asked;
    struct pr_miner_failures asked_failures, failures; /* of what was asked; of the suite */
    struct pr_miner_kept kept;                         /* of the newest */
    struct pr_findings *ret;
};

static void wait_for(struct run *r, const char *why)
{
    if (!r->ret->waiting)
        r->ret->waiting = pr_strdup(why);
}

static bool is_of_newest(const struct run *r)
{
    return r->asked.checkpoint && r->asked.checkpoint == r->newest;
}

/* Hard examples of whomever was asked last; a checkpoint that is not the newest any more will not
 * be asked further, so that what is graded of it is all there will be. */
static enum pr_code keep(struct run *r, struct pr_error *e)
{
    struct pr_miner_kept kept = {0};
    enum pr_code code = pr_miner_asked_read(r->v, &r->asked, e);
    if (!code && r->asked.grades) {
        pr_miner_failures_add(&r->asked_failures, r->asked.grades, PR_MINER);
        pr_miner_failures_group(&r->asked_failures);
        code = pr_miner_keep(
            r->v, &r->asked, &r->asked_failures, !is_of_newest(r), &r->folder, &kept, e);
    }
    if (code || !r->newest)
        return code;
    if (is_of_newest(r) && r->asked.grades) {
        r->kept = kept;
    } else {
        r->kept.n = pr_miner_folder_count(&r->folder, r->newest->fingerprint);
        r->kept.full = r->kept.n >= (size_t)r->v->settings->miner_kept;
    }
    return PR_OK;
}

/* ---- the next round ---- */

/* Its problems: what is left of the samples, parted among the rounds that are left. */
static size_t due(const struct run *r)
{
    const struct pr_settings *s = r->v->settings;
    size_t asked = is_of_newest(r) ? r->asked.all.asked : 0, all = (size_t)s->miner_samples;
    int rounds = is_of_newest(r) ? r->asked.n_rounds : 0;
    if (asked >= all || rounds >= s->miner_rounds || rounds >= PR_MINER_ROUNDS || r->kept.full ||
        (is_of_newest(r) && r->asked.all.pending))
        return 0;
    size_t left = (size_t)s->miner_rounds - (size_t)rounds;
    return (all - asked + left - 1) / left;
}

static enum pr_code make_round(struct run *r, size_t n, json_t *lines, struct pr_error *e)
{
    static const struct pr_miner_asked nothing;
    struct pr_miner_failures all = {0};
    struct pr_miner_arms arms;
    const struct pr_suite *examples;
    struct pr_known *known;
    enum pr_code code = pr_view_examples(r->v, r->suite->id, &examples, e);
    if (code || (code = pr_miner_known_open(r->v, &r->folder, &known, e)))
        return code;
    for (size_t i = 0; is_of_newest(r) && i < r->asked.suite->n; i++)
        pr_known_add(known, &r->asked.suite->v[i], PR_MINER, 0);
    pr_miner_failures_add(&all, r->grades, r->suite->name);
    if (is_of_newest(r))
        pr_miner_failures_add(&all, r->asked.grades, PR_MINER);
    pr_miner_failures_group(&all);
    const struct pr_miner_plan p = {.v = r->v,
        .checkpoint = r->newest,
        .examples = examples,
        .failures = &all,
        .asked = is_of_newest(r) ? &r->asked : &nothing,
        .round = is_of_newest(r) ? r->asked.n_rounds + 1 : 1,
        .n = n};
    pr_miner_arms_make(&p, &arms);
    pr_miner_make(&p, &arms, known, lines);
    pr_miner_arms_done(&arms);
    pr_miner_failures_done(&all);
    pr_known_free(known);
    return PR_OK;
}

/* Asks what was asked before, and the new ones. */
static void ask(struct run *r, const json_t *lines)
{
    size_t i;
    json_t *line;
    for (i = 0; is_of_newest(r) && i < r->asked.suite->n; i++)
        pr_findings_ask(r->ret, json_deep_copy(r->asked.suite->v[i].source));
    json_array_foreach (lines, i, line)
        pr_findings_ask(r->ret, json_incref(line));
}

static enum pr_code next_round(struct run *r, struct pr_error *e)
{
    char text[200];
    size_t n = due(r);
    json_t *o = r->ret->status;
    bool exhausted = false;
    if (n) {
        json_t *lines = json_array();
        enum pr_code code = make_round(r, n, lines, e);
        size_t made = json_array_size(lines);
        if (!code && made) {
            ask(r, lines);
            snprintf(text, sizeof text, "%.100s: round %d, %zu problems, is to be asked",
                r->newest->name, is_of_newest(r) ? r->asked.n_rounds + 1 : 1, made);
            wait_for(r, text);
        }
        exhausted = !made;
        json_decref(lines);
        if (code)
            return code;
    } else if (is_of_newest(r) && r->asked.all.pending) {
        snprintf(text, sizeof text, "%.100s: round %d, %zu of %zu problems graded", r->newest->name,
            r->asked.n_rounds,
            r->asked.rounds[r->asked.n_rounds - 1].asked -
                r->asked.rounds[r->asked.n_rounds - 1].pending,
            r->asked.rounds[r->asked.n_rounds - 1].asked);
        wait_for(r, text);
    }
    pr_json_set_bool(o, "exhausted", exhausted); /* nothing new can be made */
    return PR_OK;
}

/* ---- the document ---- */

static enum pr_code report(struct run *r, struct pr_error *e)
{
    static const struct pr_miner_asked nothing;
    json_t *o = r->ret->status, *forgetting;
    const char *why;
    pr_miner_failures_add(&r->failures, r->grades, r->suite->name);
    pr_miner_failures_group(&r->failures);
    pr_json_set_str(o, "suite", r->suite->name);
    pr_miner_status_failures(o, &r->failures);
    enum pr_code code =
        pr_miner_status_asked(o, r->v->settings, is_of_newest(r) ? &r->asked : &nothing, e);
    if (!code)
        code = pr_miner_forgetting(r->v, r->newest, r->suite, r->grades, &forgetting, &why, e);
    if (code)
        return code;
    if (forgetting)
        pr_json_set(o, "forgetting", forgetting);
    else
        pr_json_set_null(o, "forgetting", why);
    return PR_OK;
}

/* NULL: all there is to begin with. */
static const char *missing(const struct run *r)
{
    return !r->v->data  ? "the base folder is not known"
           : !r->suite  ? "there is no suite of examples in data/validation yet"
           : !r->newest ? "no checkpoint has been opened yet"
                        : NULL;
}

static enum pr_code mine(struct run *r, struct pr_error *e)
{
    size_t done, all;
    char text[200];
    enum pr_code code = pr_miner_folder_read(r->v->data->base_dir, r->v->now_ms, &r->folder, e);
    if (code || (code = keep(r, e)))
        return code;
    if (missing(r)) {
        pr_miner_status_kept(r->ret->status, &r->folder, NULL);
        wait_for(r, missing(r));
        return PR_OK;
    }
    pr_checkpoint_json_into(r->newest, r->ret->status);
    pr_miner_status_kept(r->ret->status, &r->folder, &r->kept);
    if ((code = pr_miner_grades(r->v, r->newest, r->suite->id, &r->grades, &done, &all, e)))
        return code;
    if (!r->grades || done < all) {
        snprintf(
            text, sizeof text, "%.100s: %zu of %zu examples graded", r->newest->name, done, all);
        wait_for(r, text);
        return PR_OK;
    }
    return (code = report(r, e)) ? code : next_round(r, e);
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    struct run r = {
        .v = v, .newest = pr_view_newest(v), .suite = pr_view_suite(v, PR_SUITE_MAIN), .ret = ret};
    enum pr_code code = PR_OK;
    ret->status = json_object();
    if (v->data)
        code = mine(&r, e);
    else
        wait_for(&r, missing(&r));
    pr_miner_status_rest(ret->status, ret->waiting ? ret->waiting : "not known");
    pr_miner_failures_done(&r.failures);
    pr_miner_failures_done(&r.asked_failures);
    pr_miner_asked_done(&r.asked);
    pr_grades_free(r.grades);
    if (v->data)
        pr_miner_folder_done(&r.folder);
    return code;
}

static const struct pr_system_option options[] = {
    {"samples", "miner.samples", "N",
        "problems that a new checkpoint is asked, all rounds together", false},
};

const struct pr_system pr_system_adversarial_miner = {
    .name = PR_MINER,
    .status_file = "adversarial_mining.json",
    .summary = "finds problems that the newest checkpoint truly fails",
    .about =
        "Takes the newest checkpoint's failures on the validation set, tells what kind of mistake "
        "each is, makes similar problems of them and fresh ones of each skill, asks the "
        "checkpoint, "
        "and keeps what it fails in data/adversarial_examples/hard_examples_YYYYMMDD.jsonl: a line "
        "each, with where it comes from.\n\n"
        "The samples are asked in rounds, of which each goes where the one before found most. "
        "Nothing that a validation suite asks is ever kept. It also counts what an earlier "
        "checkpoint of the run solved and the newest fails.",
    .roles = PR_ROLE_INFERENCE,
    .interval_s = 300,
    .uses_data = true,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
};
