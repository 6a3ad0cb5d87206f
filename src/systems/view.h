/* What a system sees: the gradebook at one moment, with what it asks for read once and shared. */
#ifndef PR_SYSTEMS_VIEW_H
#define PR_SYSTEMS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "exam/grade.h"
#include "gradebook/gradebook.h"
#include "systems/settings.h"

#define PR_SUITE_MAIN    "validation" /* the suite that ranks and judges */
#define PR_SUITE_TESTING "testing"    /* automated testing's own, chosen from it */

/* What the curriculum optimizer's probes train on and with, as the supervisor found it. */
struct pr_view_pool {
    const char *question; /* fingerprint of everything that a probe's outcome depends on beside its
                           * start, arm and seed; NULL: no probe can be run */
    const char *reason;   /* why none can be run; NULL */
    json_t *document;     /* what the question is made of; NULL */
    size_t n;             /* examples */
    size_t n_skipped;     /* lines beside them that could not be used */
    const char *skipped;  /* the first reason; NULL */
    int64_t changed_ms;   /* since then the files are others than what was copied; 0: not */
    struct {
        char name[32];
        size_t n;
    } levels[16]; /* of each difficulty */
    size_t n_levels;
    double probe_seconds;    /* the last probe took; NaN: none was run yet */
    double used_seconds;     /* by probes in the last hour */
    double budget_seconds;   /* that probes may take now; at most 0: none until budget_until_ms */
    int64_t budget_until_ms; /* 0: now */
};

/* What the systems of the data side work on beside the gradebook. */
struct pr_move;
struct pr_skill_source;
struct pr_view_data {
    const char *base_dir;
    const json_t *skill_weights;            /* {"arithmetic": 2, …}; empty: none is named */
    struct pr_skill_source *const *sources; /* skills.programs and skills.servers; may block */
    size_t n_sources;
    const char *correction_queue; /* "normal": where valid files of queue/unvalidated go */
    const char *generation_count; /* "normal" or "all": which waiting files count */
    int64_t interval_ms;          /* between two runs of the system that sees this */
    /* When somebody asked for it with --once, which may take several runs (grades come in between)
     * and is told what the last one says; 0: it goes on. */
    int64_t once_ms;
};

struct pr_view {
    struct pr_gradebook *g;
    const struct pr_settings *settings;
    const char *options; /* fingerprint of the grading options in force */
    int64_t now_ms;
    /* Checkpoints whose folder is there, in the order of their runs and steps; states of all kinds
     * but GONE.  The reference is apart. */
    struct pr_checkpoint_row *checkpoints;
    size_t n_checkpoints;
    struct pr_checkpoint_row *reference; /* NULL: none configured, or not opened yet */
    struct pr_run_row *runs;
    size_t n_runs;
    /* Current versions: the main suite first, then the others by name; the testing suite too. */
    struct pr_suite_row *suites;
    size_t n_suites;
    /* Current versions of what systems have asked for themselves: pr_view_own. */
    struct pr_suite_row *own;
    size_t n_own;
    const struct pr_view_pool *pool; /* borrowed, set after pr_view_open; NULL: unknown */
    const struct pr_view_data *data; /* borrowed, set after pr_view_open; NULL: unknown */
    const struct pr_move *move;      /* of a system that moves checkpoints; else NULL */
    struct pr_view_cache *cache;
};

/* Reads the tables of the view; grades are read when asked for.  A transaction must be open on g
 * for as long as the view lives, so that it stays one moment. */
PR_MUST_CHECK enum pr_code pr_view_open(struct pr_gradebook *g, const struct pr_settings *settings,
    const char *options, int64_t now_ms, struct pr_view *ret, struct pr_error *e);
void pr_view_close(struct pr_view *v);

/* The current version of a suite, or NULL. */
const struct pr_suite_row *pr_view_suite(const struct pr_view *v, const char *name);
/* The suite of what this system has asked for (pr_findings_ask), or NULL. */
const struct pr_suite_row *pr_view_own(const struct pr_view *v, const char *system);
const struct pr_checkpoint_row *pr_view_checkpoint(const struct pr_view *v, int64_t id);
/* The newest READY checkpoint: that of the last step, of the run that one came to last; NULL: none.
 */
const struct pr_checkpoint_row *pr_view_newest(const struct pr_view *v);

/* The examples of a suite (any version), borrowed from the view. */
PR_MUST_CHECK enum pr_code pr_view_examples(
    struct pr_view *v, int64_t suite, const struct pr_suite **ret, struct pr_error *e);

/* A checkpoint's grades on a suite, borrowed from the view (at most some 40 are kept at a time: the
 * last asked for stay).  done of all examples have a grade or the reason why none is possible.
 * A checkpoint that was not opened yet has none. */
struct pr_view_grades {
    const struct pr_grades *grades; /* NULL: no grade at all */
    size_t done, all;
    bool complete; /* done == all */
};
PR_MUST_CHECK enum pr_code pr_view_grades(struct pr_view *v, const struct pr_checkpoint_row *c,
    int64_t suite, struct pr_view_grades *ret, struct pr_error *e);

/* Pairs two sets of grades of one suite by example, in the order that all checkpoints share
 * (pr_gradebook_order): losses and verdicts where both sides have one. */
struct pr_pairs {
    size_t n;                /* examples with a grade on both sides */
    double *loss_a, *loss_b; /* n_loss of them */
    size_t n_loss;
    size_t both, gained, lost, neither; /* verdicts: gained = only b right */
    size_t n_verdicts;
    size_t n_bad_a, n_bad_b; /* NaN or infinity came out of the model */
    size_t prefix;           /* the first so many of the shared order are graded on both sides */
};
PR_MUST_CHECK enum pr_code pr_pairs_make(const struct pr_grades *a, const struct pr_grades *b,
    bool prefix_only, struct pr_pairs *ret, struct pr_error *e);
void pr_pairs_done(struct pr_pairs *p);

/* One set of grades summed up: the figures of `proctor eval` (same function behind both). */
struct pr_figures {
    size_t n, n_accuracy, n_ungraded, n_bad; /* n: graded; n_bad: NaN or infinity */
    double loss, loss_mean_per_example, accuracy, ece, format_ok; /* NaN: unknown */
    json_t *document; /* owned: the document of `proctor eval` */
};
PR_MUST_CHECK enum pr_code pr_figures_make(
    const struct pr_grades *g, struct pr_figures *ret, struct pr_error *e);
void pr_figures_done(struct pr_figures *f);

#endif
