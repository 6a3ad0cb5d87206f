/* A model that answers: a checkpoint, its engine, and the thread that runs it.
 *
 * Answers come from any thread and are computed together (model/batcher.h); what comes of them is
 * told on the model's thread.  A model is replaced by opening the next one beside it: answers that
 * have begun end on the one that they began with. */
#ifndef PR_SERVE_MODEL_H
#define PR_SERVE_MODEL_H

#include "exam/prompt.h"
#include "model/batcher.h"
#include "model/engine.h"

struct pr_serve_model;
struct pr_serve_answer; /* answer.h */

struct pr_serve_model_options {
    enum pr_math math;
    int n_threads;       /* 0: all CPUs */
    size_t kv_bytes;     /* 0: the engine's default */
    size_t most_cached;  /* beginnings in the prefix cache */
    size_t most_waiting; /* answers that may be under way at a time; 0: 1024 */
    /* Where an adapter's base is (base_model, bases and n_bases are read), what ends the opening
     * (stop: PR_E_CANCELLED), and how prompts are rendered; what they point to is borrowed for as
     * long as models are opened. */
    struct pr_checkpoint_options checkpoint;
    struct pr_prompt_options prompt;
};

/* Opens a checkpoint's folder, reads its fingerprint, packs its weights, starts the thread. */
PR_MUST_CHECK enum pr_code pr_serve_model_open(const char *dir,
    const struct pr_serve_model_options *options, struct pr_serve_model **ret, struct pr_error *e);
/* Waits until the last answer is over, then lets all go.  NULL is fine. */
void pr_serve_model_close(struct pr_serve_model *m);

const char *pr_serve_model_fingerprint(const struct pr_serve_model *m); /* 64 hex digits */
const char *pr_serve_model_name(const struct pr_serve_model *m);        /* the folder's */
const char *pr_serve_model_numerics(const struct pr_serve_model *m);
uint32_t pr_serve_model_positions(const struct pr_serve_model *m);
uint32_t pr_serve_model_vocab(const struct pr_serve_model *m);
const struct pr_prompter *pr_serve_model_prompter(const struct pr_serve_model *m);
void pr_serve_model_count(struct pr_serve_model *m, struct pr_batcher_counts *ret);

/* A place for one answer, which keeps the model from being let go; false: all are taken. */
bool pr_serve_model_hold(struct pr_serve_model *m);
void pr_serve_model_release(struct pr_serve_model *m);

/* ---- for answer.c ---- */

/* The answer's sequences are added by the thread.  It lives until it is over. */
void pr_serve_model_start(struct pr_serve_model *m, struct pr_serve_answer *a);

#endif
