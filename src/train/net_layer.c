/* One layer of the transformer, forward, again, and back.
 *
 *   h = norm1(x);  q, k, v = place(h·Wqkvᵀ);  mid = x + attention(q, k, v)·Woᵀ
 *   g = norm2(mid);  out = mid + (silu(g·Wgateᵀ) · g·Wupᵀ)·Wdownᵀ
 *
 * Back follows the same lines in reverse; space.dx holds the gradient of the residual stream all
 * the way and each half adds its part.  Of the last layer only the rows that count go on from mid.
 */
#include "train/net_internal.h"

struct sizes {
    size_t q, k, qkv, hidden, f;
};

static struct sizes sizes_of(const struct pr_net *n)
{
    const struct pr_model_config *c = &n->config;
    size_t q = (size_t)c->n_heads * c->head_dim, k = (size_t)c->n_kv_heads * c->head_dim;
    return (struct sizes){q, k, q + 2 * k, c->hidden, c->intermediate};
}

static struct pr_attention *attention_of(struct pr_net *n, uint32_t l)
{
    n->attention.window = n->config.window[l];
    return &n->attention;
}

/* Rows that come out of layer l's attention. */
static uint32_t rows_after(const struct pr_net *n, uint32_t l, uint32_t rows)
{
    return l + 1 < n->config.n_layers ? rows : n->space.n_counted;
}

static enum pr_code attention_half(
    struct pr_net *n, uint32_t l, uint32_t rows, const float *x, struct pr_error *e)
{
    const struct pr_net_layer *layer = &n->layers[l];
    const struct pr_net_linear *w = layer->linear;
    struct pr_net_acts *a = pr_net_acts_of(n, l);
    struct sizes s = sizes_of(n);
    float *q = a->raw ? a->raw : a->qkv;
    size_t ld = a->raw ? s.q + s.k : s.qkv;
    bool last = l + 1 == n->config.n_layers;
    pr_net_norm_forward(
        n, &layer->attn_norm, rows, x, a->norm1, last ? NULL : a->mid, w[NET_O].bias);
    if (last)
        pr_net_gather(n, x, s.hidden, w[NET_O].bias, a->mid);
    const struct pr_net_branch qkv[] = {{&w[NET_Q], a->t[NET_Q], q, ld},
        {&w[NET_K], a->t[NET_K], q + s.q, ld}, {&w[NET_V], a->t[NET_V], a->qkv + s.q + s.k, s.qkv}},
                               out = {&w[NET_O], a->t[NET_O], a->mid, s.hidden};
    enum pr_code code = pr_net_linear_forward(n, qkv, 3, rows, a->norm1, s.hidden, false, e);
    if (code)
        return code;
    pr_net_place(n, layer, a, n->space.pos, rows);
    code = pr_attention_forward(attention_of(n, l), a->qkv, s.qkv, a->att, s.q, a->lse, e);
    if (code)
        return code;
    if (last)
        pr_net_gather(n, a->att, s.q, NULL, a->att);
    return pr_net_linear_forward(n, &out, 1, rows_after(n, l, rows), a->att, s.q, true, e);
}

/* Up to the activation; `out` NULL: no more than that. */
static enum pr_code mlp_half(
    struct pr_net *n, uint32_t l, uint32_t rows, float *out, struct pr_error *e)
{
    const struct pr_net_layer *layer = &n->layers[l];
    const struct pr_net_linear *w = layer->linear;
    struct pr_net_acts *a = pr_net_acts_of(n, l);
    struct sizes s = sizes_of(n);
    pr_net_norm_forward(n, &layer->mlp_norm, rows, a->mid, a->norm2, out, w[NET_DOWN].bias);
    const struct pr_net_branch gated[] = {{&w[NET_GATE], a->t[NET_GATE], a->gate, s.f},
        {&w[NET_UP], a->t[NET_UP], a->up, s.f}},
                               down = {&w[NET_DOWN], a->t[NET_DOWN], out, s.hidden};
    enum pr_code code = pr_net_linear_forward(n, gated, 2, rows, a->norm2, s.hidden, false, e);
    if (code)
        return code;
    pr_net_silu(n, layer, a, rows);
    return out ? pr_net_linear_forward(n, &down, 1, rows, a->act, s.f, true, e) : PR_OK;
}

enum pr_code pr_net_layer_forward(struct pr_net *n, uint32_t l, uint32_t rows, struct pr_error *e)
{
    enum pr_code code = attention_half(n, l, rows, pr_net_x(n, l), e);
    return code ? code : mlp_half(n, l, rows_after(n, l, rows), pr_net_x(n, l + 1), e);
}

/* The low-rank t of down_proj is the one thing that only the last product would make again. */
static enum pr_code down_again(struct pr_net *n, uint32_t l, uint32_t rows, struct pr_error *e)
{
    const struct pr_net_linear *w = &n->layers[l].linear[NET_DOWN];
    struct pr_net_acts *a = pr_net_acts_of(n, l);
    if (!w->r)
        return PR_OK;
    enum pr_code code = pr_matmul(&n->matmul, PR_NT, rows, w->r, w->n_in, a->act, w->n_in,
        pr_mat_f32(w->a, w->n_in), a->t[NET_DOWN], w->r, false, e);
    if (!code)
        n->kernels->scale(w->scale, (size_t)rows * w->r, a->t[NET_DOWN]);
    return code;
}

enum pr_code pr_net_layer_again(struct pr_net *n, uint32_t l, uint32_t rows, struct pr_error *e)
{
    enum pr_code code = attention_half(n, l, rows, pr_net_x(n, l), e);
    if (!code)
        code = mlp_half(n, l, rows, NULL, e);
    return code ? code : down_again(n, l, rows, e);
}

/* `down`: something below the MLP is trained, so that the gradient of its input is wanted. */
static enum pr_code mlp_back(
    struct pr_net *n, uint32_t l, uint32_t rows, bool down, struct pr_error *e)
{
    const struct pr_net_layer *layer = &n->layers[l];
    const struct pr_net_linear *w = layer->linear;
    struct pr_net_acts *a = pr_net_acts_of(n, l);
    struct pr_net_space *p = &n->space;
    struct sizes s = sizes_of(n);
    float *dnorm = down || layer->mlp_norm.dw ? p->dnorm : NULL;
    const struct pr_net_branch gated[] = {{&w[NET_GATE], a->t[NET_GATE], a->gate, s.f},
        {&w[NET_UP], a->t[NET_UP], a->up, s.f}},
                               out = {&w[NET_DOWN], a->t[NET_DOWN], p->dx, s.hidden};
    enum pr_code code = pr_net_linear_back(n, &out, 1, rows, a->act, s.f, p->dmlp, s.f, e);
    if (code)
        return code;
    pr_net_silu_back(n, a, rows, p->dmlp);
    code = pr_net_linear_back(n, gated, 2, rows, a->norm2, s.hidden, dnorm, s.hidden, e);
    if (!code && dnorm)
        pr_net_norm_back(n, &layer->mlp_norm, rows, a->mid, dnorm, p->dx);
    return code;
}

static enum pr_code qkv_back(
    struct pr_net *n, uint32_t l, uint32_t rows, float *dnorm, struct pr_error *e)
{
    const struct pr_net_linear *w = n->layers[l].linear;
    struct pr_net_acts *a = pr_net_acts_of(n, l);
    struct sizes s = sizes_of(n);
    float *d = n->space.dqkv;
    const struct pr_net_branch qkv[] = {{&w[NET_Q], a->t[NET_Q], d, s.qkv},
        {&w[NET_K], a->t[NET_K], d + s.q, s.qkv}, {&w[NET_V], a->t[NET_V], d + s.q + s.k, s.qkv}};
    return pr_net_linear_back(n, qkv, 3, rows, a->norm1, s.hidden, dnorm, s.hidden, e);
}

static enum pr_code attention_back(
    struct pr_net *n, uint32_t l, uint32_t rows, bool down, struct pr_error *e)
{
    const struct pr_net_layer *layer = &n->layers[l];
    struct pr_net_acts *a = pr_net_acts_of(n, l);
    struct pr_net_space *p = &n->space;
    struct sizes s = sizes_of(n);
    float *dnorm = down || layer->attn_norm.dw ? p->dnorm : NULL;
    const struct pr_net_branch out = {&layer->linear[NET_O], a->t[NET_O], p->dx, s.hidden};
    enum pr_code code =
        pr_net_linear_back(n, &out, 1, rows_after(n, l, rows), a->att, s.q, p->datt, s.q, e);
    if (code)
        return code;
    if (l + 1 == n->config.n_layers) {
        pr_net_scatter(n, rows, s.q, p->datt);
        pr_net_scatter(n, rows, s.hidden, p->dx);
    }
    code = pr_attention_back(attention_of(n, l), a->qkv, s.qkv, p->datt, s.q, a->lse, p->dqkv, e);
    if (code)
        return code;
    pr_net_place_back(n, layer, a, p->pos, rows, p->dqkv);
    code = qkv_back(n, l, rows, dnorm, e);
    if (!code && dnorm)
        pr_net_norm_back(n, &layer->attn_norm, rows, pr_net_x(n, l), dnorm, p->dx);
    return code;
}

enum pr_code pr_net_layer_back(struct pr_net *n, uint32_t l, uint32_t rows, struct pr_error *e)
{
    bool below = l > n->first || n->d_embed, attention = below || n->layers[l].attn_trained;
    enum pr_code code = mlp_back(n, l, rows_after(n, l, rows), attention, e);
    return code || !attention ? code : attention_back(n, l, rows, below, e);
}
