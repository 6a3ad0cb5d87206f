/* The answer to a request: its choices as they are computed.
 *
 * What comes is told on the model's thread: pieces of text with their tokens, the end of each
 * choice, the end of all.  For pieces put together to documents see reply.h. */
#ifndef PR_SERVE_ANSWER_H
#define PR_SERVE_ANSWER_H

#include "serve/model.h"
#include "serve/request.h"
#include "serve/text.h"

struct pr_serve_token {
    int32_t id;
    float logprob;
    struct pr_top top[PR_MAX_TOP];
    size_t n_top;
};

enum pr_serve_end {
    PR_SERVE_DONE,      /* every choice has its end */
    PR_SERVE_CANCELLED, /* nobody wants it any more */
    PR_SERVE_DEADLINE,  /* the time was over */
    PR_SERVE_BAD_NUMBER /* NaN or infinity in the model's logits */,
    PR_SERVE_FAILED /* a pass could not be made; why says it */
};

struct pr_serve_calls {
    /* More of a choice: text (n bytes, may be empty) and, where log-probabilities are wanted, the
     * tokens since the last piece. */
    void (*piece)(void *ctx, size_t choice, const char *text, size_t n,
        const struct pr_serve_token *tokens, size_t n_tokens);
    /* finish: "stop" or "length". */
    void (*choice_over)(void *ctx, size_t choice, const char *finish);
    /* The last that is told, once, of each answer that was started; the answer may be freed in it.
     */
    void (*over)(void *ctx, enum pr_serve_end end, const char *why);
};

struct pr_serve_usage {
    size_t prompt, cached, completion; /* tokens; prompt: each once, however many choices */
};

/* Renders and tokenizes the request's prompts for m, which is held (pr_serve_model_hold) and stays
 * so until the answer is freed; r must outlive it.  deadline_ns: of pr_clock_monotonic_ns; 0: none.
 * false: e says why; m was released. */
bool pr_serve_answer_new(struct pr_serve_model *m, const struct pr_serve_request *r, uint64_t seed,
    int64_t deadline_ns, const struct pr_serve_calls *calls, void *ctx,
    struct pr_serve_answer **ret, struct pr_serve_error *e);
void pr_serve_answer_start(struct pr_serve_answer *a);
/* Nobody wants it any more: it ends before the next pass, as PR_SERVE_CANCELLED or as what it came
 * to before.  Never waits: a pass may take seconds, and who cancels serves others too.  Any thread,
 * until `over` was told. */
void pr_serve_answer_cancel(struct pr_serve_answer *a);
/* One that was not started, or is over; releases the model. */
void pr_serve_answer_free(struct pr_serve_answer *a);

struct pr_serve_model *pr_serve_answer_model(const struct pr_serve_answer *a);
size_t pr_serve_answer_choices(const struct pr_serve_answer *a);
void pr_serve_answer_usage(const struct pr_serve_answer *a, struct pr_serve_usage *ret);

/* ---- for model.c, on its thread ---- */

/* Adds the sequences to b. */
void pr_serve_answer_begin(struct pr_serve_answer *a, struct pr_batcher *b);
/* Takes out those that are still there, and tells the end. */
void pr_serve_answer_end(
    struct pr_serve_answer *a, struct pr_batcher *b, enum pr_serve_end end, const char *why);
int64_t pr_serve_answer_deadline(const struct pr_serve_answer *a);
/* Between two passes: is it over?  Then its end was not told yet. */
bool pr_serve_answer_is_over(const struct pr_serve_answer *a, enum pr_serve_end *ret_end);

#endif
