/* AdamW over a net's block of parameters; see optimizer.h. */
#include "train/optimizer.h"

#include <math.h>

#include "base/alloc.h"
#include "compute/kernels.h"
#include "compute/pool.h"

/* AdamW keeps the squares of the clipped gradient in f32, which ends at (1.8e19)². */
#define LARGEST_NORM 1e19

#define PIECE ((size_t)1 << 15) /* values that a thread takes at once; sums depend on it */

/* A part of one parameter. */
struct pr_optimizer_piece {
    float *p, *grad, *m, *v;
    size_t n;
    bool decay;
    double squares; /* of its gradient */
};

/* What the pool's threads share during a step. */
struct work {
    const struct pr_kernels *kernels;
    struct pr_optimizer_piece *pieces;
    struct pr_adamw_step plain, decayed;
};

static void cut(struct pr_optimizer *o)
{
    size_t n_params, n_values, cap = 0;
    const struct pr_param *all = pr_net_params(o->net, &n_params);
    const float *block = pr_net_values(o->net, &n_values);
    for (size_t i = 0; i < n_params; i++) {
        const struct pr_param *q = &all[i];
        size_t base = (size_t)(q->value - block);
        for (size_t at = 0; at < q->n; at += PIECE) {
            struct pr_optimizer_piece x = {.p = q->value + at,
                .grad = q->grad + at,
                .m = o->m + base + at,
                .v = o->v + base + at,
                .n = q->n - at < PIECE ? q->n - at : PIECE,
                .decay = o->options.decay_all || q->rank == 2};
            PR_PUSH(o->pieces, o->n_pieces, cap, x);
        }
    }
}

enum pr_code pr_optimizer_init(struct pr_optimizer *o, struct pr_net *net, struct pr_pool *pool,
    const struct pr_optimizer_options *options, struct pr_error *e)
{
    struct pr_optimizer x = {.options = *options, .net = net, .pool = pool};
    void *block;
    x.kernels = pr_kernels_default();
    if (!x.kernels)
        return pr_fail(e, PR_E_UNSUPPORTED, "PROCTOR_ISA names no instruction set of this CPU");
    pr_net_values(net, &x.n);
    enum pr_code code = pr_big_alloc(&block, x.n, 2 * sizeof(float), "optimizer state", e);
    if (code)
        return code;
    x.m = block;
    x.v = x.m + x.n;
    cut(&x);
    *o = x;
    return PR_OK;
}

void pr_optimizer_done(struct pr_optimizer *o)
{
    pr_big_free(o->m, o->n * 2 * sizeof(float));
    pr_free(o->pieces);
    *o = (struct pr_optimizer){0};
}

static void sum_piece(void *ctx, size_t item, int thread)
{
    struct work *w = ctx;
    struct pr_optimizer_piece *x = &w->pieces[item];
    (void)thread;
    x->squares = w->kernels->sum_squares(x->grad, x->n);
}

static void update_piece(void *ctx, size_t item, int thread)
{
    struct work *w = ctx;
    struct pr_optimizer_piece *x = &w->pieces[item];
    (void)thread;
    w->kernels->adamw(x->p, x->grad, x->m, x->v, x->n, x->decay ? &w->decayed : &w->plain);
}

enum pr_code pr_optimizer_step(
    struct pr_optimizer *o, double lr, double *ret_norm, struct pr_error *e)
{
    const struct pr_optimizer_options *k = &o->options;
    struct work w = {.kernels = o->kernels, .pieces = o->pieces};
    double squares = 0, t = (double)(o->step + 1);
    pr_pool_run(o->pool, o->n_pieces, sum_piece, &w);
    for (size_t i = 0; i < o->n_pieces; i++) /* in order, whoever summed them */
        squares += o->pieces[i].squares;
    double norm = sqrt(squares);
    *ret_norm = norm;
    if (!isfinite(norm))
        return pr_fail(e, PR_E_NUMBER, "the gradient is not finite");
    double scale = k->grad_clip > 0 ? fmin(1, k->grad_clip / (norm + 1e-6)) : 1;
    if (norm * scale > LARGEST_NORM)
        return pr_fail(e, PR_E_NUMBER,
            "the gradient's norm is %.3g%s: its squares would not be finite", norm * scale,
            scale < 1 ? " after clipping" : "");
    w.plain = (struct pr_adamw_step){
        .scale = (float)scale,
        .beta1 = (float)k->beta1,
        .beta2 = (float)k->beta2,
        .rest1 = (float)(1 - k->beta1),
        .rest2 = (float)(1 - k->beta2),
        .step = (float)(lr / (1 - pow(k->beta1, t))),
        .root = (float)(1 / sqrt(1 - pow(k->beta2, t))),
        .eps = (float)k->eps,
    };
    w.decayed = w.plain;
    w.decayed.lr_decay = (float)(lr * k->weight_decay);
    pr_pool_run(o->pool, o->n_pieces, update_piece, &w);
    o->step++;
    pr_net_changed(o->net);
    return PR_OK;
}

/* ---- is every value a number? ---- */

static void sum_values(void *ctx, size_t item, int thread)
{
    struct work *w = ctx;
    struct pr_optimizer_piece *x = &w->pieces[item];
    (void)thread;
    x->squares = w->kernels->sum_squares(x->p, x->n);
}

bool pr_optimizer_finite(struct pr_optimizer *o)
{
    struct work w = {.kernels = o->kernels, .pieces = o->pieces};
    bool finite = true;
    pr_pool_run(o->pool, o->n_pieces, sum_values, &w);
    for (size_t i = 0; i < o->n_pieces; i++)
        finite = finite && isfinite(o->pieces[i].squares);
    return finite;
}
