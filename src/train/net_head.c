/* The head: final norm, logits and cross-entropy of the rows whose target counts, some rows at a
 * time, so that rows × vocabulary never exists whole. */
#include <string.h>

#include "train/net_internal.h"

struct chunk {
    struct pr_net *n;
    const struct pr_batch *batch;
    const uint32_t *index; /* (rows) which of the batch's rows these are */
    uint32_t rows;
    const float *x; /* (rows, H) */
    float *dx;      /* (rows, H) */
    float scale;
};

/* Turns a row's logits into their gradient. */
static void loss_item(void *ctx, size_t r, int thread)
{
    (void)thread;
    const struct chunk *c = ctx;
    struct pr_net_space *s = &c->n->space;
    size_t vocab = c->n->config.vocab, target = (size_t)c->batch->targets[c->index[r]];
    s->nll[r] = c->n->kernels->softmax_xent(s->logits + r * vocab, vocab, target, c->scale);
}

static enum pr_code chunk_loss(struct chunk *c, double *nll, struct pr_error *e)
{
    struct pr_net *n = c->n;
    struct pr_net_space *s = &n->space;
    pr_net_norm_forward(n, &n->final_norm, c->rows, c->x, s->hn, NULL, NULL);
    const struct pr_net_branch head = {&n->head, s->ht, s->logits, n->config.vocab};
    enum pr_code code =
        pr_net_linear_forward(n, &head, 1, c->rows, s->hn, n->config.hidden, false, e);
    if (code)
        return code;
    pr_pool_run(n->pool, c->rows, loss_item, c);
    for (uint32_t r = 0; r < c->rows; r++)
        *nll += s->nll[r];
    return PR_OK;
}

static enum pr_code chunk_back(struct chunk *c, struct pr_error *e)
{
    struct pr_net *n = c->n;
    struct pr_net_space *s = &n->space;
    bool below = n->first < n->config.n_layers || n->d_embed || n->final_norm.dw;
    const struct pr_net_branch head = {&n->head, s->ht, s->logits, n->config.vocab};
    enum pr_code code = pr_net_linear_back(
        n, &head, 1, c->rows, s->hn, n->config.hidden, below ? s->dhn : NULL, n->config.hidden, e);
    if (!code && below)
        pr_net_norm_back(n, &n->final_norm, c->rows, c->x, s->dhn, c->dx);
    return code;
}

enum pr_code pr_net_head(struct pr_net *n, const struct pr_batch *b, const float *x, double scale,
    double *ret_nll, struct pr_error *e)
{
    struct pr_net_space *s = &n->space;
    uint32_t most = pr_net_head_rows(n, s->n_counted);
    enum pr_code code = PR_OK;
    if (scale > 0)
        memset(s->dx, 0, (size_t)s->n_counted * n->config.hidden * sizeof *s->dx);
    *ret_nll = 0;
    for (uint32_t first = 0; first < s->n_counted && !code; first += most) {
        uint32_t left = s->n_counted - first;
        size_t at = (size_t)first * n->config.hidden;
        struct chunk c = {.n = n,
            .batch = b,
            .index = s->counted + first,
            .rows = left < most ? left : most,
            .x = x + at,
            .dx = scale > 0 ? s->dx + at : NULL,
            .scale = (float)scale};
        code = chunk_loss(&c, ret_nll, e);
        if (!code && scale > 0)
            code = chunk_back(&c, e);
    }
    return code;
}
