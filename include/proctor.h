/* libproctor: examine language-model checkpoints as trainers leave them.
 *
 * Open a folder, then tokenize, render its chat template, score, generate, or grade it on a suite
 * of examples.  The program `proctor` is made of these functions.  docs/libproctor.md has a whole
 * example.
 *
 *     struct proctor_model *m;
 *     struct pr_error e;
 *     if (proctor_open("models/checkpoint-100", NULL, &m, &e))
 *         fprintf(stderr, "%s\n", e.message);
 *
 * Rules.  Functions that can fail return enum pr_code (0: fine) and fill *e, which may be NULL; on
 * failure nothing is handed over.  Texts are UTF-8.  Text that a function hands over (`char **ret`)
 * is the caller's: proctor_free.  A model may be used from one thread at a time; several models
 * side by side are fine.  The library prints nothing and installs no signal handlers.
 */
#ifndef PROCTOR_H
#define PROCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proctor/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PROCTOR_API    __attribute__((visibility("default")))
#define PROCTOR_RESULT PROCTOR_API __attribute__((warn_unused_result)) enum pr_code

/* "0.1.0" */
PROCTOR_API const char *proctor_version(void);
/* A code's name, such as "format". */
PROCTOR_API const char *proctor_code_name(enum pr_code code);
/* Frees text that the library handed over; NULL is fine. */
PROCTOR_API void proctor_free(void *text);

/* ---- Opening a checkpoint ---- */

enum proctor_dtype {
    PROCTOR_AUTO,
    PROCTOR_F32,
    PROCTOR_BF16
}; /* auto: f32 below 200 M parameters */

/* How to open; zeros are the defaults, and so is a NULL pointer to it.  Only read during the call.
 */
struct proctor_options {
    const char
        *base_model; /* the base folder of a LoRA adapter; NULL: bases, then the local cache */
    const char *const (*bases)[2]; /* {name in adapter_config.json, folder} pairs */
    size_t n_bases;
    enum proctor_dtype dtype;
    int n_threads;             /* 0: one for each CPU; results do not depend on it */
    const char *template_vars; /* a JSON object: variables for every rendering; NULL: none */
    int64_t now_utc_ms;        /* what strftime_now shows in a template; 0: 2026-01-01 */
};

struct proctor_model; /* opaque */

/* Opens a checkpoint folder: a Hugging Face model (weights in one file or shards) or a LoRA
 * adapter. A folder still being written is PR_E_INCOMPLETE.  Weights are prepared at the first use
 * of them. */
PROCTOR_RESULT proctor_open(const char *dir, const struct proctor_options *options,
    struct proctor_model **ret, struct pr_error *e);
/* Opens what tokenize, detokenize and render need, and leaves the weights alone: dir may hold a
 * tokenizer.json and tokenizer_config.json without any, or a model that proctor cannot run, or be a
 * tokenizer.json file. */
PROCTOR_RESULT proctor_open_text(const char *dir, const struct proctor_options *options,
    struct proctor_model **ret, struct pr_error *e);
PROCTOR_API void proctor_close(struct proctor_model *m); /* NULL is fine */

/* Prepares the weights now (score, generate and grade do it otherwise).  PR_E_USAGE after
 * proctor_open_text. */
PROCTOR_RESULT proctor_load(struct proctor_model *m, struct pr_error *e);

/* Facts, valid until proctor_close.  dtype ("f32", "bf16"), numerics (data type, instruction set
 * and kernel family: log-probabilities are bit-identical under one) and threads are known after
 * proctor_load; before it they are "", "" and 0. */
PROCTOR_API const char *proctor_name(
    const struct proctor_model *m); /* the folder's last component */
PROCTOR_API const char *proctor_architecture(const struct proctor_model *m);
PROCTOR_API uint64_t proctor_parameters(const struct proctor_model *m);
PROCTOR_API const char *proctor_dtype_used(const struct proctor_model *m);
PROCTOR_API const char *proctor_numerics(const struct proctor_model *m);
PROCTOR_API int proctor_threads(const struct proctor_model *m);
PROCTOR_API int32_t proctor_vocabulary(const struct proctor_model *m);   /* ids are below it */
PROCTOR_API size_t proctor_max_positions(const struct proctor_model *m); /* tokens of a sequence */
PROCTOR_API bool proctor_has_template(const struct proctor_model *m);

/* ---- Text ---- */

/* The ids of n bytes of text.  Special tokens written in the text are recognised, none are added.
 * *ret_ids: proctor_free. */
PROCTOR_RESULT proctor_tokenize(struct proctor_model *m, const char *text, size_t n,
    int32_t **ret_ids, size_t *ret_n, struct pr_error *e);
/* The text of ids, NUL-terminated; without special tokens when skip_special. */
PROCTOR_RESULT proctor_detokenize(struct proctor_model *m, const int32_t *ids, size_t n,
    bool skip_special, char **ret, size_t *ret_len, struct pr_error *e);
/* Renders the chat template.  request is a JSON object: "messages", "add_generation_prompt",
 * "tools" …; further members are variables of the template.  PR_E_TEMPLATE is an error that the
 * template itself raised, with its very words as the message. */
PROCTOR_RESULT proctor_render(struct proctor_model *m, const char *request, size_t n, char **ret,
    size_t *ret_len, struct pr_error *e);

/* The prompt that a request's messages make, as ids: rendered with the generation prompt (unless
 * the request says "add_generation_prompt": false); where the model has no template, the contents
 * of the turns, a line each.  *ret_ids: proctor_free. */
PROCTOR_RESULT proctor_prompt(struct proctor_model *m, const char *request, size_t n,
    int32_t **ret_ids, size_t *ret_n, struct pr_error *e);

/* ---- Running the model ---- */

/* Called during long work, in the caller's thread; members may be NULL.  A non-zero return stops
 * the work with PR_E_CANCELLED; what was finished stays valid. */
struct proctor_watch {
    /* tokens computed so far, of the best guess of all */
    int (*progress)(void *ctx, uint64_t done, uint64_t total);
    /* item `index` of the call has its results (in any order) */
    int (*finished)(void *ctx, size_t index);
    void *ctx;
};

/* May ids be given to the model?  PR_E_USAGE names the first that is outside the vocabulary, or
 * says that there are none or more than the model has positions. */
PROCTOR_RESULT proctor_check_ids(
    struct proctor_model *m, const int32_t *ids, size_t n, struct pr_error *e);

/* A sequence to score. */
struct proctor_score {
    /* in, borrowed for the call */
    const int32_t *ids;
    size_t n;     /* at least 1 */
    size_t top_k; /* 0 to 16: also the likeliest next tokens after each id */
    /* out; proctor_score_done frees */
    float *logprobs;     /* n − 1: ln p(ids[i+1] | ids[0..i]) */
    double loss;         /* −mean of logprobs; NaN when n is 1 */
    int32_t *top_ids;    /* n · top_k, best first */
    float *top_logprobs; /* n · top_k */
    bool done;           /* finished before the call returned */
    bool bad_number;     /* NaN or infinity came up: its numbers are not to be used, loss is NaN */
};
/* Scores n_items sequences in packed passes; prefixes that they share are computed once. */
PROCTOR_RESULT proctor_score(struct proctor_model *m, struct proctor_score *items, size_t n_items,
    const struct proctor_watch *watch, struct pr_error *e);
PROCTOR_API void proctor_score_done(struct proctor_score *item);

/* A sequence to continue. */
struct proctor_generation {
    /* in, borrowed for the call */
    const int32_t *ids;
    size_t n;              /* at least 1 */
    size_t max_new_tokens; /* at least 1; cut to what the model's positions leave */
    bool ignore_eos;       /* go on past end tokens */
    double temperature;    /* 0: greedy */
    uint64_t seed;         /* of sampling */
    /* out; proctor_generation_done frees */
    int32_t *new_ids; /* the end token that stopped it is included */
    float *logprobs;  /* of each new id, at temperature 1 */
    size_t n_new;
    bool stopped; /* by an end token, else by the limit */
    bool done, bad_number;
};
PROCTOR_RESULT proctor_generate(struct proctor_model *m, struct proctor_generation *items,
    size_t n_items, const struct proctor_watch *watch, struct pr_error *e);
PROCTOR_API void proctor_generation_done(struct proctor_generation *item);

/* ---- Looking at files ---- */

/* Is a checkpoint folder complete, or still being written?  Decided from content.  *ret_why (may be
 * NULL) says what is missing where it is not complete, else NULL; proctor_free. */
PROCTOR_RESULT proctor_complete(
    const char *dir, bool *ret_complete, char **ret_why, struct pr_error *e);

/* Says what a file or folder is and whether proctor takes it.  *ret is a JSON document {"kind",
 * "accepted", "warnings", "error", …facts}; *ret_accepted its verdict.  A path that is not there
 * gets a document too; the error return is for an empty one. */
PROCTOR_RESULT proctor_inspect(const char *path, const struct proctor_options *options, char **ret,
    bool *ret_accepted, struct pr_error *e);

/* ---- Grading ---- */

struct proctor_suite;  /* opaque: examples read from files */
struct proctor_grades; /* opaque: what a checkpoint made of a suite */

struct proctor_suite_options {
    const char *name;    /* NULL: from the paths */
    size_t samples;      /* 0: all; else that many, the same ones for every checkpoint */
    bool allow_commands; /* may an example's check start the program that it names? */
};
/* Reads examples from files, or folders of *.jsonl.  A suite of which nothing could be used is
 * PR_E_FORMAT with the first reason. */
PROCTOR_RESULT proctor_suite_open(const char *const *paths, size_t n_paths,
    const struct proctor_suite_options *options, struct proctor_suite **ret, struct pr_error *e);
PROCTOR_API void proctor_suite_close(struct proctor_suite *s);
PROCTOR_API const char *proctor_suite_name(const struct proctor_suite *s);
PROCTOR_API size_t proctor_suite_size(const struct proctor_suite *s);
/* {"files":[…],"examples","skipped","repeated_ids","warnings":[…]}: what was read and what was not.
 */
PROCTOR_RESULT proctor_suite_report(const struct proctor_suite *s, char **ret, struct pr_error *e);

struct proctor_grade_options {
    size_t max_new_tokens; /* of an answer; 0: 512 */
    /* Each example as it is finished (in any order), as a line of JSON without its newline; and the
     * progress, as in proctor_watch.  NULL: not wanted; non-zero stops with PR_E_CANCELLED. */
    int (*example)(void *ctx, const char *line);
    int (*progress)(void *ctx, uint64_t tokens_done, uint64_t tokens_total, size_t examples_done);
    void *ctx;
};
/* Grades every example of s on m; s must outlive *ret. */
PROCTOR_RESULT proctor_grade(struct proctor_model *m, const struct proctor_suite *s,
    const struct proctor_grade_options *options, struct proctor_grades **ret, struct pr_error *e);
PROCTOR_API void proctor_grades_free(struct proctor_grades *g);
PROCTOR_API size_t proctor_grades_count(const struct proctor_grades *g);
/* The document that `proctor eval` prints. */
PROCTOR_RESULT proctor_grades_document(
    const struct proctor_grades *g, char **ret, struct pr_error *e);
/* Example i in the suite's order: {"id","skill","difficulty","loss","answer_tokens","answer",
 * "correct","confidence","finish",…}; with_texts also its "prompt" and "golden". */
PROCTOR_RESULT proctor_grades_example(
    const struct proctor_grades *g, size_t i, bool with_texts, char **ret, struct pr_error *e);
/* Writes dir/<model>/results_<time>.json and samples_*.jsonl as lm-evaluation-harness lays them
 * out; m is the model that g was made with.  *ret_path (may be NULL): the results file;
 * proctor_free. */
PROCTOR_RESULT proctor_grades_write_lm_eval(const struct proctor_grades *g, struct proctor_model *m,
    const char *dir, char **ret_path, struct pr_error *e);
/* Compares two graded checkpoints, paired by example (differences are second - first): a document
 * with both sides' figures, differences with 95 % intervals and tests, the ids gained and lost, and
 * the examples whose correctness changed (all of them with all_examples) with both answers. */
PROCTOR_RESULT proctor_compare(const struct proctor_grades *first,
    const struct proctor_grades *second, bool all_examples, char **ret, struct pr_error *e);

#ifdef __cplusplus
}
#endif
#endif
