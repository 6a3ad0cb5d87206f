/* The baseline: one rule, in one place, for the regression monitor and automated testing.
 *
 * Walks a run's graded checkpoints in the order of their steps.  The first that is `ok` is the
 * baseline; it moves to a later one only when that one is `ok` and its paired improvement in
 * loss_mean_per_example over the present baseline has p <= settings->baseline_p (one-sided).  A
 * checkpoint is judged against the baseline as it stood before it, so one that arrives late is not
 * held against its successors.  A run that branched off another begins with the baseline that its
 * parent had at the branch.
 *
 * Why 1e-5: choosing "the best so far" on the same examples makes the baseline a lucky one, and
 * every later checkpoint of the same quality looks worse: 28 % false alarms at a nominal 1 %. Under
 * this rule a stream of unchanged checkpoints moves it with probability 1e-5 each.
 */
#ifndef PR_SYSTEMS_BASELINE_H
#define PR_SYSTEMS_BASELINE_H

#include "systems/system.h"
#include "systems/view.h"

enum pr_verdict_level { PR_LEVEL_OK, PR_LEVEL_WARNING, PR_LEVEL_CRITICAL };
const char *pr_verdict_level_name(enum pr_verdict_level l);

/* A checkpoint judged on one suite. */
struct pr_judgement {
    const struct pr_checkpoint_row *checkpoint, *baseline; /* baseline NULL: it had none */
    bool judged; /* its grades (and the baseline's) are complete, or it is critical early */
    bool early;  /* by the sequential test, before all examples were graded */
    enum pr_verdict_level level;
    bool moved;       /* it became the baseline */
    char *reason;     /* "loss +25.9 % (…)", one sentence; owned; also why it is not judged */
    json_t *evidence; /* owned: every figure behind it; NULL where it is not judged */
    size_t pending;   /* earlier checkpoints of its run that are not graded yet */
    /* Of a walk's first judgement: the rows that all of them borrow, and their number. */
    struct pr_checkpoint_row *rows;
    size_t n_rows;
};
void pr_judgement_done(struct pr_judgement *j);

/* The pure test of one checkpoint against a baseline's grades (NULL: none), all examples graded:
 * level, reason, evidence; `judged` stays false, with a reason, where no example could be graded on
 * both sides.  ret->checkpoint is the caller's to set before; where it is not NULL,
 * its bad_weights count too. */
PR_MUST_CHECK enum pr_code pr_judge(const struct pr_settings *s, const struct pr_grades *baseline,
    const struct pr_grades *checkpoint, struct pr_judgement *ret, struct pr_error *e);
/* The sequential test over the graded beginning of the shared order; level is CRITICAL or
 * `judged` false. */
PR_MUST_CHECK enum pr_code pr_judge_early(const struct pr_settings *s,
    const struct pr_grades *baseline, const struct pr_grades *checkpoint, struct pr_judgement *ret,
    struct pr_error *e);
/* Does the baseline move? */
PR_MUST_CHECK enum pr_code pr_baseline_moves(const struct pr_settings *s,
    const struct pr_grades *baseline, const struct pr_grades *checkpoint, bool *ret, double *ret_p,
    struct pr_error *e);

/* The walk over a whole run (by id) on one suite: a judgement for each of its checkpoints that are
 * there, in the order of steps.  Those whose folder is gone still count for the baseline, as far as
 * they were graded: trainers delete old checkpoints.  What the gradebook's decisions (of whatever
 * system) already hold for the same baseline, suite, options and thresholds is taken from there, so
 * that a long run costs no reading of old grades; what was judged anew is added to `decide` (may be
 * NULL) as decisions of `system`: kind "verdict", and "baseline" where it moved.  A verdict that
 * another baseline or a later grade supersedes gets a new row.  pr_judgements_free. */
PR_MUST_CHECK enum pr_code pr_baseline_walk(struct pr_view *v, int64_t run_id, int64_t suite,
    const char *system, struct pr_findings *decide, struct pr_judgement **ret, size_t *ret_n,
    struct pr_error *e);
void pr_judgements_free(struct pr_judgement *v, size_t n);

/* What could have been seen: the smallest drop in accuracy (points) and the smallest increase in
 * loss (percent) that the tests find in 80 % of cases at this n, given how much pairs differ here.
 * {"accuracy_points","loss_percent","power":0.8,"n"}; new reference. */
json_t *pr_detectable_drop(const struct pr_settings *s, const struct pr_pairs *p);

#endif
