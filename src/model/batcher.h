/* Continuous batching: sequences that come and go at any time share the passes of one engine.
 *
 * Each pass takes the next token of every sequence that generates and fills up with stretches of
 * prompts, the oldest first.  Beginnings that were computed before come from a prefix cache.  When
 * the KV cache's budget is reached, cached beginnings are forgotten, then prompts wait, then the
 * youngest sequence is set back to be computed again later.  Under one numerics id a sequence's
 * tokens and numbers are the bits that pr_engine_run gives for it alone.
 *
 * Used by one thread; the engine does nothing else meanwhile. */
#ifndef PR_MODEL_BATCHER_H
#define PR_MODEL_BATCHER_H

#include "model/engine.h"
#include "model/head.h"
#include "model/sample.h"

struct pr_batcher;
struct pr_live;

struct pr_live_token {
    int32_t id;
    float logprob;            /* of the distribution before sampling's temperature and limits */
    const struct pr_top *top; /* (n_top) the likeliest, best first; logit is the log-probability */
    size_t n_top;
};

struct pr_live_calls {
    /* A token came.  false: no more is wanted; `over` follows, its finish is NONE. */
    bool (*token)(void *ctx, const struct pr_live_token *t);
    /* Nothing more will come; the batcher has forgotten it. */
    void (*over)(void *ctx, struct pr_live *l);
};

/* A sequence.  The caller's memory; what is under `in` stays as it is until it is over. */
struct pr_live {
    /* in */
    const int32_t *ids;  /* the prompt */
    size_t n;            /* at least 1 */
    size_t max_new;      /* at least 1; less where the model's positions end */
    const int32_t *stop; /* ids that end it; the one that did is its last token */
    size_t n_stop;
    struct pr_sampling sampling;
    uint32_t top; /* 0 to PR_MAX_TOP: so many of the likeliest are told with each token */
    const struct pr_live_calls *calls;
    void *ctx;
    /* out */
    enum pr_finish finish;
    bool bad_number; /* NaN or infinity in its logits: it ended there */
    size_t n_new;
    size_t n_cached; /* tokens of the prompt that came from the prefix cache */
    /* the batcher's own */
    struct pr_live *next;
    struct pr_kv_seq kv;
    int32_t *all;     /* prompt and new tokens */
    size_t cap, done; /* of `all`: room; positions computed */
};

struct pr_batcher_counts {
    size_t waiting, running; /* sequences now; running: they have keys and values in the cache */
    size_t kv_pages, kv_most, cached; /* pages in use, of at most; cached beginnings */
    uint64_t passes, tokens_prefilled, tokens_cached, tokens_generated, set_back;
};

/* g is borrowed.  most_cached: beginnings that are kept at most; 0: none. */
struct pr_batcher *pr_batcher_new(struct pr_engine *g, size_t most_cached);
void pr_batcher_free(struct pr_batcher *b); /* none may be alive */

/* Takes it in; it is over when calls->over says so.  PR_E_USAGE: no tokens, an id outside the
 * vocabulary, a prompt that leaves no position for a new token, limits out of range. */
PR_MUST_CHECK enum pr_code pr_batcher_add(
    struct pr_batcher *b, struct pr_live *l, struct pr_error *e);
/* Forgets it at once; nothing more is called.  Not within a call of the batcher's. */
void pr_batcher_cancel(struct pr_batcher *b, struct pr_live *l);
/* One pass.  *ret_busy: there is more to do.  On failure (memory) nothing of the pass counts, and
 * it may be tried again. */
PR_MUST_CHECK enum pr_code pr_batcher_pass(
    struct pr_batcher *b, bool *ret_busy, struct pr_error *e);
void pr_batcher_count(const struct pr_batcher *b, struct pr_batcher_counts *ret);

#endif
