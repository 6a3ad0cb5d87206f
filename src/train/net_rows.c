/* What is done row by row, or column by column, forward and back, shared out over the pool.
 *
 * A gradient that is a sum over rows (norms, biases, embedding) is added up in an order that the
 * rows alone decide: either one item adds all rows of some columns, or each block of rows has a
 * partial sum of its own and the blocks are added in turn.
 */
#include <string.h>

#include "train/net_internal.h"

#define ROWS    16 /* rows an item takes */
#define BLOCK   PR_NET_BLOCK
#define COLUMNS 64 /* columns an item takes */

struct work {
    struct pr_net *n;
    const struct pr_net_layer *layer;
    const struct pr_net_norm *norm, *norm2;
    struct pr_net_acts *acts;
    const int32_t *ids;
    const uint32_t *pos;
    uint32_t rows, cols;
    size_t ld;
    const float *x, *dy, *bias;
    float *y, *dx, *copy;
};

static uint32_t upto(size_t first, uint32_t step, uint32_t n)
{
    return n - first < step ? n : (uint32_t)first + step;
}

static void run(
    struct work *w, uint32_t n, uint32_t step, void (*fn)(void *ctx, size_t item, int thread))
{
    pr_pool_run(w->n->pool, (n + step - 1) / step, fn, w);
}

static float *tmp_of(const struct pr_net *n, int thread)
{
    return n->space.tmp + (size_t)thread * n->space.tmp_size;
}

/* ---- embedding ---- */

static void embed_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct work *w = ctx;
    size_t hidden = w->n->config.hidden, bytes = hidden * pr_dtype_size(w->n->embed_dtype);
    for (size_t r = item * ROWS; r < upto(item * ROWS, ROWS, w->rows); r++)
        pr_to_f32(w->n->embed_dtype,
            (const char *)w->n->embed_data + (size_t)(uint32_t)w->ids[r] * bytes, hidden,
            w->y + r * hidden);
}

void pr_net_embed(struct pr_net *n, const int32_t *ids, uint32_t rows, float *x)
{
    struct work w = {.n = n, .ids = ids, .rows = rows, .y = x};
    run(&w, rows, ROWS, embed_item);
}

static void embed_back_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct work *w = ctx;
    size_t hidden = w->n->config.hidden, first = item * COLUMNS;
    size_t cols = upto(first, COLUMNS, (uint32_t)hidden) - first;
    for (size_t r = 0; r < w->rows; r++)
        w->n->kernels->add(w->dy + r * hidden + first, cols,
            w->n->d_embed + (size_t)(uint32_t)w->ids[r] * hidden + first);
}

void pr_net_embed_back(struct pr_net *n, const int32_t *ids, uint32_t rows, const float *dx)
{
    struct work w = {.n = n, .ids = ids, .rows = rows, .dy = dx};
    run(&w, n->config.hidden, COLUMNS, embed_back_item);
}

/* ---- sums over rows ---- */

static void columns_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct work *w = ctx;
    size_t first = item * COLUMNS, cols = upto(first, COLUMNS, w->cols) - first;
    for (size_t r = 0; r < w->rows; r++)
        w->n->kernels->add(w->dy + r * w->ld + first, cols, w->y + first);
}

void pr_net_add_columns(
    struct pr_net *n, uint32_t rows, uint32_t cols, const float *dy, size_t ldy, float *db)
{
    struct work w = {.n = n, .rows = rows, .cols = cols, .dy = dy, .ld = ldy, .y = db};
    run(&w, cols, COLUMNS, columns_item);
}

/* dw += the partial sums of all blocks of `rows`, `ld` floats from one to the next. */
static void add_partials(
    struct pr_net *n, uint32_t rows, uint32_t cols, const float *partial, size_t ld, float *dw)
{
    if (dw)
        pr_net_add_columns(n, (rows + BLOCK - 1) / BLOCK, cols, partial, ld, dw);
}

/* ---- RMSNorm of the residual stream ---- */

static void norm_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct work *w = ctx;
    const struct pr_kernels *k = w->n->kernels;
    size_t hidden = w->n->config.hidden;
    for (size_t r = item * ROWS; r < upto(item * ROWS, ROWS, w->rows); r++) {
        const float *x = w->x + r * hidden;
        k->rmsnorm(x, w->norm->w, hidden, w->n->config.rms_eps, w->y + r * hidden);
        if (!w->copy)
            continue;
        memcpy(w->copy + r * hidden, x, hidden * sizeof *x);
        if (w->bias)
            k->add(w->bias, hidden, w->copy + r * hidden);
    }
}

void pr_net_norm_forward(struct pr_net *n, const struct pr_net_norm *norm, uint32_t rows,
    const float *x, float *y, float *copy, const float *bias)
{
    struct work w = {
        .n = n, .norm = norm, .rows = rows, .x = x, .y = y, .copy = copy, .bias = bias};
    run(&w, rows, ROWS, norm_item);
}

static void norm_back_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct work *w = ctx;
    size_t hidden = w->n->config.hidden;
    float *dw = w->norm->dw ? w->n->space.partial + item * hidden : NULL;
    if (dw)
        memset(dw, 0, hidden * sizeof *dw);
    for (size_t r = item * BLOCK; r < upto(item * BLOCK, BLOCK, w->rows); r++) {
        w->n->kernels->rmsnorm_back(w->x + r * hidden, w->norm->w, w->dy + r * hidden, hidden,
            w->n->config.rms_eps, w->dx + r * hidden, dw);
    }
}

void pr_net_norm_back(struct pr_net *n, const struct pr_net_norm *norm, uint32_t rows,
    const float *x, const float *dy, float *dx)
{
    struct work w = {.n = n, .norm = norm, .rows = rows, .x = x, .dy = dy, .dx = dx};
    run(&w, rows, BLOCK, norm_back_item);
    add_partials(n, rows, n->config.hidden, n->space.partial, n->config.hidden, norm->dw);
}

/* ---- the rows that count ---- */

/* Both run in one thread: row by row in place, a small part of a pass. */
void pr_net_gather(struct pr_net *n, const float *x, size_t cols, const float *bias, float *y)
{
    const struct pr_net_space *s = &n->space;
    for (size_t i = 0; i < s->n_counted; i++) {
        if (y != x || s->counted[i] != i)
            memcpy(y + i * cols, x + s->counted[i] * cols, cols * sizeof *x);
        if (bias)
            n->kernels->add(bias, cols, y + i * cols);
    }
}

void pr_net_scatter(struct pr_net *n, uint32_t rows, size_t cols, float *x)
{
    const struct pr_net_space *s = &n->space;
    size_t end = rows; /* rows from here on are in place */
    for (size_t i = s->n_counted; i-- > 0;) {
        size_t to = s->counted[i];
        memset(x + (to + 1) * cols, 0, (end - to - 1) * cols * sizeof *x);
        if (to != i)
            memcpy(x + to * cols, x + i * cols, cols * sizeof *x);
        end = to;
    }
    memset(x, 0, end * cols * sizeof *x);
}

/* ---- q, k and v ---- */

/* QK-norm and rotation of n_heads heads of one row, from `from` (may be `to` without norm). */
static void place_heads(const struct pr_net *n, const struct pr_net_norm *norm, uint32_t n_heads,
    const float *from, float *to, const float *cos, const float *sin)
{
    size_t hd = n->config.head_dim;
    for (size_t h = 0; norm->w && h < n_heads; h++)
        n->kernels->rmsnorm(from + h * hd, norm->w, hd, n->config.rms_eps, to + h * hd);
    n->kernels->rope(to, n_heads, hd, cos, sin);
}

static void place_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct work *w = ctx;
    const struct pr_net *n = w->n;
    const struct pr_model_config *c = &n->config;
    const struct pr_net_linear *l = w->layer->linear;
    size_t nq = (size_t)c->n_heads * c->head_dim, nk = (size_t)c->n_kv_heads * c->head_dim;
    for (size_t r = item * ROWS; r < upto(item * ROWS, ROWS, w->rows); r++) {
        float *q = w->acts->qkv + r * (nq + 2 * nk);
        float *raw = w->acts->raw ? w->acts->raw + r * (nq + nk) : q;
        const float *cos = n->rope.cos + (size_t)w->pos[r] * n->rope.half,
                    *sin = n->rope.sin + (size_t)w->pos[r] * n->rope.half;
        if (l[NET_Q].bias) {
            n->kernels->add(l[NET_Q].bias, nq, raw);
            n->kernels->add(l[NET_K].bias, nk, raw + nq);
            n->kernels->add(l[NET_V].bias, nk, q + nq + nk);
        }
        place_heads(n, &w->layer->q_norm, c->n_heads, raw, q, cos, sin);
        place_heads(n, &w->layer->k_norm, c->n_kv_heads, raw + nq, q + nq, cos, sin);
    }
}

void pr_net_place(struct pr_net *n, const struct pr_net_layer *l, struct pr_net_acts *a,
    const uint32_t *pos, uint32_t rows)
{
    struct work w = {.n = n, .layer = l, .acts = a, .pos = pos, .rows = rows};
    run(&w, rows, ROWS, place_item);
}

static void place_heads_back(const struct pr_net *n, const struct pr_net_norm *norm,
    uint32_t n_heads, const float *raw, float *d, float *dw, float *tmp, const float *cos,
    const float *minus_sin)
{
    size_t hd = n->config.head_dim;
    n->kernels->rope(d, n_heads, hd, cos, minus_sin);
    for (size_t h = 0; norm->w && h < n_heads; h++, d += hd, raw += hd) {
        memcpy(tmp, d, hd * sizeof *d);
        memset(d, 0, hd * sizeof *d);
        n->kernels->rmsnorm_back(raw, norm->w, tmp, hd, n->config.rms_eps, d, dw);
    }
}

static void place_back_item(void *ctx, size_t item, int thread)
{
    const struct work *w = ctx;
    const struct pr_net *n = w->n;
    const struct pr_model_config *c = &n->config;
    size_t hd = c->head_dim, nq = c->n_heads * hd, nk = c->n_kv_heads * hd;
    bool dw = w->layer->q_norm.dw || w->layer->k_norm.dw;
    float *dwq = dw ? n->space.partial + item * 2 * hd : NULL, *dwk = dw ? dwq + hd : NULL;
    if (dw)
        memset(dwq, 0, 2 * hd * sizeof *dwq);
    for (size_t r = item * BLOCK; r < upto(item * BLOCK, BLOCK, w->rows); r++) {
        const float *cos = n->rope.cos + (size_t)w->pos[r] * n->rope.half,
                    *sin = n->minus_sin + (size_t)w->pos[r] * n->rope.half;
        const float *raw = w->acts->raw ? w->acts->raw + r * (nq + nk) : w->dx;
        float *d = w->dx + r * (nq + 2 * nk), *tmp = tmp_of(n, thread);
        place_heads_back(n, &w->layer->q_norm, c->n_heads, raw, d, dwq, tmp, cos, sin);
        place_heads_back(n, &w->layer->k_norm, c->n_kv_heads, raw + nq, d + nq, dwk, tmp, cos, sin);
    }
}

void pr_net_place_back(struct pr_net *n, const struct pr_net_layer *l, const struct pr_net_acts *a,
    const uint32_t *pos, uint32_t rows, float *dqkv)
{
    struct pr_net_acts acts = *a;
    struct work w = {.n = n, .layer = l, .acts = &acts, .pos = pos, .rows = rows, .dx = dqkv};
    uint32_t hd = n->config.head_dim;
    run(&w, rows, BLOCK, place_back_item);
    add_partials(n, rows, hd, n->space.partial, 2 * (size_t)hd, l->q_norm.dw);
    add_partials(n, rows, hd, n->space.partial + hd, 2 * (size_t)hd, l->k_norm.dw);
}

/* ---- SwiGLU ---- */

static void silu_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct work *w = ctx;
    const struct pr_kernels *k = w->n->kernels;
    const struct pr_net_linear *l = w->layer->linear;
    size_t f = w->n->config.intermediate;
    for (size_t r = item * ROWS; r < upto(item * ROWS, ROWS, w->rows); r++) {
        float *gate = w->acts->gate + r * f, *up = w->acts->up + r * f;
        if (l[NET_GATE].bias) {
            k->add(l[NET_GATE].bias, f, gate);
            k->add(l[NET_UP].bias, f, up);
        }
        k->silu_mul(gate, up, f, w->acts->act + r * f);
    }
}

void pr_net_silu(
    struct pr_net *n, const struct pr_net_layer *l, struct pr_net_acts *a, uint32_t rows)
{
    struct work w = {.n = n, .layer = l, .acts = a, .rows = rows};
    run(&w, rows, ROWS, silu_item);
}

static void silu_back_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct work *w = ctx;
    size_t f = w->n->config.intermediate;
    size_t first = item * ROWS, end = upto(first, ROWS, w->rows);
    float *gate = w->acts->gate + first * f, *up = w->acts->up + first * f;
    w->n->kernels->silu_mul_back(gate, up, w->dy + first * f, (end - first) * f, gate, up);
}

void pr_net_silu_back(struct pr_net *n, struct pr_net_acts *a, uint32_t rows, const float *dact)
{
    struct work w = {.n = n, .acts = a, .rows = rows, .dy = dact};
    run(&w, rows, ROWS, silu_back_item);
}
