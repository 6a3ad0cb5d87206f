/* The curriculum optimizer's inside: progress on each difficulty (curriculum_progress.c), what the
 * probes have shown and which comes next (curriculum_probes.c), its document (curriculum_status.c).
 */
#ifndef PR_SYSTEMS_CURRICULUM_H
#define PR_SYSTEMS_CURRICULUM_H

#include "curriculum/evidence.h"
#include "curriculum/strategy.h"
#include "systems/system.h"

#define PR_CURRICULUM_SYSTEM   "curriculum-optimizer"
#define PR_CURRICULUM_DECISION "strategy" /* the kind of its decisions */
#define PR_CURRICULUM_MAX_LAST 8          /* losses in struct pr_level_progress */
#define PR_CURRICULUM_FAILURES 3          /* in a row, after which a question rests */
#define PR_CURRICULUM_REST_MS  ((int64_t)24 * 3600 * 1000)

/* ---- progress ---- */

/* One checkpoint's figures on the examples of one difficulty. */
struct pr_curriculum_level {
    size_t n, n_accuracy, right;
    double accuracy, lo, hi;      /* Wilson, 95 %; NaN: unknown */
    double loss;                  /* pooled over answer tokens */
    double loss_mean_per_example; /* what progress is taken of */
};
struct pr_curriculum_progress {
    size_t n_levels, n_checkpoints;
    const char *names[PR_MAX_LEVELS]; /* borrowed from the view: easy, medium, hard, others,
                                         unspecified */
    const struct pr_checkpoint_row *checkpoints[PR_CURRICULUM_MAX_LAST]; /* oldest first */
    struct pr_curriculum_level levels[PR_CURRICULUM_MAX_LAST][PR_MAX_LEVELS];
    struct pr_level_progress progress[PR_MAX_LEVELS];
    double weights[PR_MAX_LEVELS]; /* the recommended mix */
    char reason[200];              /* why there is none; "": there is one */
};
/* Of the last settings->curriculum_last checkpoints of the newest one's run that are graded
 * completely. */
PR_MUST_CHECK enum pr_code pr_curriculum_progress(
    struct pr_view *v, struct pr_curriculum_progress *ret, struct pr_error *e);
/* {"easy": [losses, oldest first], …}; new reference. */
json_t *pr_curriculum_progress_losses(const struct pr_curriculum_progress *p);

/* ---- probes ---- */

struct pr_curriculum_probes {
    struct pr_probe_row *rows; /* of the present question, oldest first */
    size_t n;
    struct pr_evidence evidence;
    /* NULL: the question can be answered by probes; else why not. */
    char no_probes[400];
    /* What comes next; arm NULL: nothing, and why. */
    const char *arm;
    uint64_t seed;
    int64_t start;
    char nothing[400];
    bool failing; /* three probes in a row failed: the question rests */
};
/* What it trained gives NaN or infinity: an outcome of its strategy, where other failures are none.
 */
bool pr_curriculum_diverged(const struct pr_probe_row *r);
PR_MUST_CHECK enum pr_code pr_curriculum_probes(
    struct pr_view *v, struct pr_curriculum_probes *ret, struct pr_error *e);
void pr_curriculum_probes_done(struct pr_curriculum_probes *p);

/* ---- decisions ---- */

/* What stands: of the decisions in the gradebook, oldest first. */
struct pr_curriculum_standing {
    const char *best;     /* the last one decided; "random" before */
    bool decided;         /* the last decision was one */
    const char *question; /* that it was about; NULL: there is none */
    int64_t decided_ms;   /* when best was; 0: never */
};
void pr_curriculum_standing(
    const struct pr_decision *v, size_t n, struct pr_curriculum_standing *ret);

/* ---- the document ---- */

struct pr_curriculum {
    struct pr_view *v;
    struct pr_curriculum_progress progress;
    struct pr_curriculum_probes probes;
    struct pr_decision *decisions;
    size_t n_decisions;
    struct pr_curriculum_standing standing; /* with what this run decides */
};
/* Fills in ret->status; the history begins with what ret decides. */
void pr_curriculum_document(const struct pr_curriculum *c, struct pr_findings *ret);
/* What a decision is stored with; new reference. */
json_t *pr_curriculum_decision(const struct pr_curriculum *c, const char *why);

#endif
