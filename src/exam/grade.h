/* Grading: a suite of examples on a checkpoint's engine → a grade for each, and one document.
 *
 * An example with a golden answer is scored (teacher-forced loss of its answer) and asked (greedy
 * answer, checked); both requests share the prompt's tokens, which the engine computes once.  A
 * `choice` is scored for each choice and not asked; plain text is scored alone.
 */
#ifndef PR_EXAM_GRADE_H
#define PR_EXAM_GRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "exam/prompt.h"
#include "exam/suite.h"
#include "model/checkpoint.h"
#include "model/engine.h"

#define PR_GRADE_MAX_NEW 512

enum pr_verdict { PR_VERDICT_NONE, PR_VERDICT_WRONG, PR_VERDICT_RIGHT };

/* One choice of a `choice` example. */
struct pr_choice_score {
    double log_likelihood; /* Σ ln p of its tokens, the end of turn included; NaN: unusable */
    size_t tokens;
};

/* What is known of one example.  Unknown numbers are NaN. */
struct pr_grade {
    const struct pr_example *example; /* borrowed from the suite */
    bool graded;                      /* the model was asked; else `reason` says why not */
    char *reason;                     /* why it was not graded, else NULL */
    size_t answer_tokens;             /* tokens behind the loss */
    double nll;                       /* −Σ ln p over them */
    double loss;                      /* nll / answer_tokens */
    char *loss_reason;                /* where the loss is unknown, else NULL */
    bool bad_number;                  /* NaN or infinity came out of the model */
    char *answer; /* after the think block; NULL: null (truncated, or nothing asked) */
    size_t answer_len;
    char *output; /* all that was generated, special tokens included; NULL: nothing asked */
    size_t output_len;
    enum pr_verdict correct;
    char *correct_reason; /* why there is no verdict although there is a golden answer */
    double confidence, confidence_all;
    const char *finish; /* "stop", "length", "choice"; NULL: nothing asked.  pr_grade_finish */
    bool truncated, empty, well_formed, think;
    size_t output_tokens;            /* generated, the end token included */
    struct pr_choice_score *choices; /* n_choices of them, or NULL */
    size_t n_choices;                /* example->check.n_choices where choices is not NULL */
    size_t chosen, chosen_per_length;
    enum pr_verdict correct_per_length; /* choice: by log-likelihood per character */
    bool texts_dropped; /* read from a gradebook that kept its numbers alone: answer and output are
                           NULL whatever there was */
};
/* Frees what a grade owns (all its strings but finish, and choices) and empties it. */
void pr_grade_done(struct pr_grade *g);
/* The static text of a finish, or NULL for one that there is not (and for NULL). */
const char *pr_grade_finish(const char *text);

struct pr_grade_progress {
    size_t examples_done, examples_total;
    uint64_t tokens_done, tokens_total; /* computed, and the best guess of all */
};

/* What grading cost so far. */
struct pr_grade_cost {
    size_t examples;
    uint64_t tokens_scored, tokens_generated, tokens_prefilled, tokens_shared;
    double seconds;
};

struct pr_grade_options {
    size_t max_new_tokens; /* 0: PR_GRADE_MAX_NEW */
    int n_threads;         /* for the fingerprint; 0: all CPUs */
    bool no_answers;       /* only losses are wanted: nothing is generated */
    bool no_commands;      /* a check by a command is left undecided: the verdict is NONE */
    struct pr_prompt_options prompt;
    /* Each grade as it is finished, in any order, in the caller's thread; and about once a pass.
     * NULL: not wanted.  A non-zero return stops with PR_E_CANCELLED. */
    int (*on_grade)(void *ctx, const struct pr_grade *g);
    int (*on_progress)(void *ctx, const struct pr_grade_progress *p);
    void *ctx;
    struct pr_grade_cost *ret_cost; /* filled in whether it succeeds or not; NULL: not wanted */
};

struct pr_grades {
    const struct pr_suite *suite; /* borrowed */
    struct pr_grade *v;           /* in the suite's order */
    size_t n;
    char *checkpoint, *path; /* name and folder */
    char fingerprint[65];
    struct pr_checkpoint_origin origin;
    size_t samples; /* examples chosen of a larger suite; 0: all of it */
    size_t max_new_tokens;
    double seconds;
    uint64_t tokens_scored, tokens_generated, tokens_prefilled, tokens_shared;
    bool has_template;
    const char *dtype; /* "f32", "bf16" */
    char *numerics;
    json_t *settings; /* owned: what the grades depend on beside checkpoint and suite */
    char settings_fingerprint[PR_SHA256_HEX];
};

/* What grades depend on beside checkpoint and example, known before an engine is built: numerics
 * from pr_engine_choose.  *ret is a new reference; the fingerprint is over its canonical text. */
void pr_grade_settings(const struct pr_prompter *p, const char *numerics, size_t max_new_tokens,
    json_t **ret, char ret_fingerprint[PR_SHA256_HEX]);

/* Grades all examples of s.  The checkpoint's files must be unchanged afterwards, else the whole
 * grade is void (PR_E_CHANGED).  An example that cannot be asked (its template raises, it is longer
 * than the model's positions) is left ungraded with its reason; PR_E_FORMAT when that is so for all
 * of them. */
PR_MUST_CHECK enum pr_code pr_grade_suite(struct pr_checkpoint *c, struct pr_engine *g,
    const struct pr_suite *s, const struct pr_grade_options *options, struct pr_grades **ret,
    struct pr_error *e);
void pr_grades_free(struct pr_grades *g);

/* The document of `proctor eval`, and a line of its --examples; new references.  (summary.c) */
PR_MUST_CHECK enum pr_code pr_grades_document(
    const struct pr_grades *g, json_t **ret, struct pr_error *e);
/* The same without what only the process that graded knows: seconds, tokens, memory, the files of
 * the suite and what was skipped in them. */
PR_MUST_CHECK enum pr_code pr_grades_figures(
    const struct pr_grades *g, json_t **ret, struct pr_error *e);
/* The sums behind those figures, for who shows some of them of many checkpoints: zero-initialise,
 * add grades, take what is known (NaN: nothing is). */
struct pr_tally {
    size_t n, n_loss, n_accuracy, n_right, n_bad; /* graded; with a loss; with a verdict … */
    double nll, losses;
    size_t tokens;
    struct pr_tally_asked { /* those for which something was generated */
        size_t n, tokens, truncated, format_ok, empty, think;
        size_t think_unclosed; /* or it ended with the last token that was allowed */
    } asked;
};
void pr_tally_add(struct pr_tally *t, const struct pr_grade *g);
double pr_tally_loss(const struct pr_tally *t);      /* pooled over tokens */
double pr_tally_mean_loss(const struct pr_tally *t); /* of examples */
/* ECE and bins (pr_stats_ece) of the grades with a verdict and a confidence; *ret_n: how many. */
struct pr_bin;
PR_MUST_CHECK enum pr_code pr_grades_ece(const struct pr_grade *v, size_t n, const double *edges,
    size_t n_bins, struct pr_bin *bins, double *ret_ece, size_t *ret_n, struct pr_error *e);
/* Bins as documents show them: [{"range","accuracy","mean_confidence","count"}…]; new reference. */
json_t *pr_bins_json(const struct pr_bin *bins, size_t n);
json_t *pr_grade_line(const struct pr_grade *g);

/* Fills answer, output, truncated, think, confidences … of g from what was generated.  ids without
 * a stop token unless finish is PR_FINISH_STOP, whose last id is one.  (answer.c) */
PR_MUST_CHECK enum pr_code pr_answer_read(const struct pr_tokenizer *t, const int32_t *ids,
    const float *logprobs, size_t n, enum pr_finish finish, bool think_open, struct pr_grade *g,
    struct pr_error *e);

#endif
