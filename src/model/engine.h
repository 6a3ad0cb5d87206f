/* The engine: a checkpoint's weights packed for this CPU, and a scheduler that runs many requests
 * in packed passes.
 *
 * Requests of one call are laid out as a tree of shared prefixes: tokens that several requests
 * begin with are computed once.  Passes mix prefill of any lengths with decoding of the sequences
 * that generate; a sequence that finishes makes room for the next.  Under one numerics id a
 * request's numbers are bit-identical whatever else runs beside it, at any thread count, scored or
 * decoded.
 */
#ifndef PR_MODEL_ENGINE_H
#define PR_MODEL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "compute/kernels.h"
#include "model/checkpoint.h"

enum pr_math { PR_MATH_AUTO, PR_MATH_F32, PR_MATH_BF16 }; /* auto: f32 below 200 M parameters */

struct pr_engine_options {
    enum pr_math math;
    int n_threads;                    /* 0: all CPUs */
    const struct pr_kernels *kernels; /* NULL: pr_kernels_default() */
    size_t pass_tokens;               /* tokens a pass; 0: 512 */
    size_t kv_bytes;     /* most memory of the KV cache; 0: the default; at least one sequence */
    bool own_weights;    /* the checkpoint's files are not read once it is made: they may be written
                            over */
    struct pr_stop stop; /* ends the packing: PR_E_CANCELLED; not asked later */
};

struct pr_engine;

/* The KV cache's most memory where nobody gave another: a quarter of the packed weights' size, 64
 * MiB to 4 GiB: it must not be what decides whether a model fits. */
size_t pr_engine_default_kv_bytes(size_t weight_bytes);

#define PR_NUMERICS_MAX 64
/* The math and the numerics id that an engine of these options would have; nothing is packed. */
PR_MUST_CHECK enum pr_code pr_engine_choose(const struct pr_checkpoint *c,
    const struct pr_engine_options *options, enum pr_math *ret_math,
    char ret_numerics[PR_NUMERICS_MAX], struct pr_error *e);

/* Packs the weights (mapped pages are let go tensor by tensor).  c is borrowed and must outlive it.
 */
PR_MUST_CHECK enum pr_code pr_engine_new(const struct pr_checkpoint *c,
    const struct pr_engine_options *options, struct pr_engine **ret, struct pr_error *e);
void pr_engine_free(struct pr_engine *g);
enum pr_math pr_engine_math(const struct pr_engine *g); /* never AUTO */
/* "bf16/avx512bf16/panel64.1": data type + instruction set + kernel family. */
const char *pr_engine_numerics(const struct pr_engine *g);
/* The part of it that is the machine's, "avx512bf16/panel64.1", without a model; kernels NULL: the
 * default ones. */
void pr_engine_kernels_id(const struct pr_kernels *kernels, char *ret, size_t size);
int pr_engine_threads(const struct pr_engine *g);

enum pr_finish { PR_FINISH_NONE, PR_FINISH_STOP, PR_FINISH_LENGTH };

/* One sequence to examine.  Input fields are borrowed; output arrays belong to the caller. */
struct pr_request {
    /* in */
    const int32_t *ids;
    size_t n;          /* at least 1 */
    size_t score_from; /* log-probabilities of ids[score_from..n) are wanted, >= 1; n: none */
    float *logprobs;   /* out: n − score_from of them; NULL when none */
    size_t top_k;      /* 0–20: also the top_k next tokens after each of ids[top_from..n) */
    size_t top_from;
    int32_t *top_ids;    /* out: (n − top_from)·top_k, best first; ties: the smaller id first */
    float *top_logprobs; /* out: as many */
    float *logits;       /* out: vocab values after ids[n-1]; NULL when not wanted */

    size_t max_new;      /* tokens to generate at most; 0: none */
    const int32_t *stop; /* ids that end a generation */
    size_t n_stop;
    double temperature;  /* 0: greedy (ties: the smaller id) */
    uint64_t seed;       /* of sampling; a request's own, so that batching does not change it */
    int32_t *new_ids;    /* out: max_new places; the stop id is included */
    float *new_logprobs; /* out: max_new places, of the unscaled distribution */

    void *user; /* the caller's own */
    /* out */
    size_t n_new;
    enum pr_finish finish;
    bool bad_number; /* NaN or infinity appeared in its logits: its numbers are not to be used */
};

struct pr_run {
    /* Called in the caller's thread as each request is finished (in any order); NULL: none.  A
     * non-zero return stops the run with PR_E_CANCELLED. */
    int (*done)(void *ctx, struct pr_request *r);
    /* Called about once a pass: tokens computed so far and the best guess of all; NULL: none.  A
     * non-zero return stops the run with PR_E_CANCELLED. */
    int (*progress)(void *ctx, uint64_t tokens_done, uint64_t tokens_total);
    void *ctx;
    /* out */
    uint64_t tokens_prefilled, tokens_shared, tokens_generated;
};

/* Runs n requests.  PR_E_USAGE for an id outside the vocabulary or a sequence longer than the
 * model's positions (the request is named by its index), before anything is computed. */
PR_MUST_CHECK enum pr_code pr_engine_run(struct pr_engine *g, struct pr_request *requests, size_t n,
    struct pr_run *run, struct pr_error *e);

#endif
