/* Causal attention by blocks of 64 queries whose whole rows of scores lie in a thread's scratch:
 * products by the engine's panels, softmax over the row at once.
 *
 * An item is one kv head of one sequence, with all its query heads, so that nobody else adds to the
 * gradients of its keys and values. */
#include "train/attention.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

#define BLOCK 64 /* queries, and keys of a panel */

struct job {
    const struct pr_attention *t;
    const float *qkv, *d_out, *kept_lse;
    float *out, *lse, *dqkv;
    size_t ld_qkv, ld_out;
    size_t max_rows; /* of a sequence, a multiple of BLOCK */
};

/* A thread's scratch.  dim: head_dim up to the next multiple of 16, in panels of 64 columns and a
 * last one of what is left. */
struct work {
    float *keys_q;   /* keys as columns: (max_rows / 64) panels [head_dim][64] */
    float *values_q; /* values as columns, likewise; backward */
    float *rows;     /* keys (backward) or values as rows: panels [max_rows][<= 64] over dim */
    float *s, *dp;   /* (64, max_rows): scores or probabilities; their gradients */
    float *block;    /* panels [64][<= 64] over dim: queries or d_out of a block */
    float *dk, *dv;  /* (max_rows, dim) */
    float *o;        /* (64, dim) */
};

/* Queries (or keys) of the diagonal's square that go at once and no farther than the diagonal: what
 * lies beyond is never visible.  A multiple of a tile's rows. */
#define STEP ((size_t)12)

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t up_to(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static size_t dim_of(const struct pr_attention *t)
{
    return up_to(t->head_dim, 16);
}

static float *carve(char *base, size_t *used, size_t n)
{
    float *p = (float *)(void *)(base + *used);
    *used += up_to(n * sizeof(float), 64);
    return p;
}

static size_t carve_work(const struct job *j, bool back, char *base, struct work *w)
{
    size_t used = 0, n = j->max_rows, dim = dim_of(j->t), b = back ? 1 : 0;
    w->keys_q = carve(base, &used, n * j->t->head_dim);
    w->rows = carve(base, &used, n * dim);
    w->s = carve(base, &used, BLOCK * n);
    w->o = carve(base, &used, BLOCK * dim);
    w->values_q = carve(base, &used, b * n * j->t->head_dim);
    w->dp = carve(base, &used, b * BLOCK * n);
    w->block = carve(base, &used, b * BLOCK * dim);
    w->dk = carve(base, &used, b * n * dim);
    w->dv = carve(base, &used, b * n * dim);
    return used;
}

static struct work work_of(const struct job *j, bool back, int thread)
{
    static char nowhere[64];
    struct work w;
    size_t bytes = carve_work(j, back, nowhere, &w);
    carve_work(j, back, j->t->scratch + (size_t)thread * bytes, &w);
    return w;
}

static enum pr_code grow_scratch(
    struct pr_attention *t, struct job *j, bool back, struct pr_error *e)
{
    static char nowhere[64];
    struct work w;
    void *scratch;
    for (uint32_t s = 0; s < t->n_sequences; s++) {
        size_t n = up_to(t->starts[s + 1] - t->starts[s], BLOCK);
        j->max_rows = n > j->max_rows ? n : j->max_rows;
    }
    size_t bytes = (size_t)pr_pool_threads(t->pool) * carve_work(j, back, nowhere, &w);
    if (bytes <= t->scratch_bytes)
        return PR_OK;
    enum pr_code code = pr_big_alloc(&scratch, bytes, 1, "attention", e);
    if (code)
        return code;
    pr_big_free(t->scratch, t->scratch_bytes);
    t->scratch = scratch;
    t->scratch_bytes = bytes;
    return PR_OK;
}

void pr_attention_done(struct pr_attention *t)
{
    pr_big_free(t->scratch, t->scratch_bytes);
    t->scratch = NULL;
    t->scratch_bytes = 0;
}

/* --- one kv head of one sequence --- */

struct item {
    const struct job *j;
    const struct pr_kernels *kn;
    struct work w;
    size_t first_row, n; /* rows of the sequence */
    uint32_t kv_head;
    size_t head_dim, dim, stride; /* stride: the sequence's padded length, rows of its panels */
};

static struct item item_of(const struct job *j, size_t number, bool back, int thread)
{
    const struct pr_attention *t = j->t;
    uint32_t s = (uint32_t)(number / t->n_kv_heads);
    struct item it = {.j = j,
        .kn = t->kernels,
        .w = work_of(j, back, thread),
        .first_row = t->starts[s],
        .n = t->starts[s + 1] - t->starts[s],
        .kv_head = (uint32_t)(number % t->n_kv_heads),
        .head_dim = t->head_dim,
        .dim = dim_of(t)};
    it.stride = up_to(it.n, 16);
    return it;
}

static size_t keys_at(const struct item *it)
{
    return it->first_row * it->j->ld_qkv + (it->j->t->n_heads + (size_t)it->kv_head) * it->head_dim;
}

static size_t values_at(const struct item *it)
{
    return keys_at(it) + (size_t)it->j->t->n_kv_heads * it->head_dim;
}

static size_t query_at(const struct item *it, size_t head, size_t row)
{
    return (it->first_row + row) * it->j->ld_qkv + head * it->head_dim;
}

/* Rows as the columns of panels, for products over head_dim. */
static void pack_columns(const struct item *it, const float *x, float *panels)
{
    for (size_t r = 0, n; r < it->n; r += BLOCK) {
        n = least(it->n - r, BLOCK);
        it->kn->pack_ld(PR_PANEL_F32_F32, PR_F32, x + r * it->j->ld_qkv, it->j->ld_qkv, n,
            it->head_dim, up_to(n, 16), panels + r * it->head_dim);
    }
}

/* n rows (padded with zeros to `stride`) as the rows of panels, for products over rows. */
static void pack_as_rows(
    const struct item *it, const float *x, size_t ld, size_t n, size_t stride, float *panels)
{
    for (size_t c = 0; c < it->head_dim; c += PR_PANEL) {
        size_t cols = least(it->dim - c, PR_PANEL);
        float *panel = panels + c * stride;
        it->kn->pack_rows(
            PR_PANEL_F32_F32, PR_F32, x + c, ld, least(it->head_dim - c, PR_PANEL), n, cols, panel);
        memset(panel + n * cols, 0, (stride - n) * cols * sizeof *panel);
    }
}

/* The queries [first, first + rows) and the keys [from, to) that any of them sees: from is a
 * multiple of BLOCK, to is one or the end of the sequence's last panel. */
struct block {
    size_t first, rows, from, to;
};

static struct block block_at(const struct item *it, size_t first)
{
    size_t window = it->j->t->window;
    struct block b = {.first = first, .rows = least(it->n - first, BLOCK)};
    b.from = window && first + 1 > window ? (first + 1 - window) / BLOCK * BLOCK : 0;
    b.to = least(up_to(first + b.rows, BLOCK), it->stride);
    return b;
}

/* The keys [lo, hi) that row r of the block sees, counted from b->from. */
static size_t visible(const struct item *it, const struct block *b, size_t r, size_t *ret_hi)
{
    size_t at = b->first + r, window = it->j->t->window;
    *ret_hi = at + 1 - b->from;
    return window && at + 1 > window ? at + 1 - window - b->from : 0;
}

/* y (rows, to − from) = x (rows, head_dim) · columnsᵀ. */
static void times_columns(const struct item *it, const struct block *b, const float *x, size_t ld,
    const float *panels, float *y)
{
    size_t keys = b->to - b->from;
    for (size_t key = b->from; key < b->to; key += PR_PANEL) {
        size_t cols = least(b->to - key, PR_PANEL);
        for (size_t r = 0, n; r < b->rows; r += n) {
            n = key < b->first ? b->rows : least(STEP, b->rows - r);
            it->kn->gemm_columns(n, least(cols, up_to(b->first + r + n - key, 16)), it->head_dim,
                x + r * ld, ld, panels + key * it->head_dim, cols, y + r * keys + (key - b->from),
                keys, false);
        }
    }
}

/* y (rows, dim) = p (rows, to − from) · rows, to y or by way of scratch where y is narrower. */
static void times_rows(
    const struct item *it, const struct block *b, const float *p, float *y, size_t ld)
{
    bool fits = it->dim == it->head_dim;
    float *c = fits ? y : it->w.o;
    size_t ldc = fits ? ld : it->dim, keys = b->to - b->from;
    for (size_t col = 0; col < it->dim; col += PR_PANEL) {
        size_t cols = least(it->dim - col, PR_PANEL);
        const float *rows = it->w.rows + col * it->stride + b->from * cols;
        for (size_t r = 0, n; r < b->rows; r += n) {
            n = least(STEP, b->rows - r);
            it->kn->gemm[PR_PANEL_F32_F32](n, cols, least(keys, b->first + r + n - b->from),
                p + r * keys, keys, rows, c + r * ldc + col, ldc, false);
        }
    }
    for (size_t r = 0; !fits && r < b->rows; r++)
        memcpy(y + r * ld, c + r * ldc, it->head_dim * sizeof *y);
}

static void forward_item(void *ctx, size_t number, int thread)
{
    const struct job *j = ctx;
    struct item it = item_of(j, number, false, thread);
    size_t group = j->t->n_heads / j->t->n_kv_heads;
    pack_columns(&it, j->qkv + keys_at(&it), it.w.keys_q);
    pack_as_rows(&it, j->qkv + values_at(&it), j->ld_qkv, it.n, it.stride, it.w.rows);
    for (size_t head = it.kv_head * group; head < (it.kv_head + 1) * group; head++) {
        for (size_t first = 0; first < it.n; first += BLOCK) {
            struct block b = block_at(&it, first);
            size_t keys = b.to - b.from, row = it.first_row + first;
            times_columns(
                &it, &b, j->qkv + query_at(&it, head, first), j->ld_qkv, it.w.keys_q, it.w.s);
            for (size_t r = 0; r < b.rows; r++) {
                size_t hi, lo = visible(&it, &b, r, &hi);
                j->lse[(row + r) * j->t->n_heads + head] =
                    it.kn->softmax_row(it.w.s + r * keys, keys, lo, hi, j->t->scale);
            }
            times_rows(&it, &b, it.w.s, j->out + row * j->ld_out + head * it.head_dim, j->ld_out);
        }
    }
}

enum pr_code pr_attention_forward(struct pr_attention *t, const float *qkv, size_t ld_qkv,
    float *out, size_t ld_out, float *lse, struct pr_error *e)
{
    struct job j = {.t = t, .qkv = qkv, .out = out, .lse = lse, .ld_qkv = ld_qkv, .ld_out = ld_out};
    enum pr_code code = grow_scratch(t, &j, false, e);
    if (code)
        return code;
    pr_pool_run(t->pool, (size_t)t->n_sequences * t->n_kv_heads, forward_item, &j);
    return PR_OK;
}

/* --- backward --- */

/* y (to − from, dim) += pᵀ · x, with p (rows, to − from) and x (rows, head_dim). */
static void add_turned(const struct item *it, const struct block *b, const float *p, const float *x,
    size_t ld, float *y)
{
    size_t keys = b->to - b->from;
    pack_as_rows(it, x, ld, b->rows, BLOCK, it->w.block);
    for (size_t col = 0; col < it->dim; col += PR_PANEL) {
        size_t cols = least(it->dim - col, PR_PANEL);
        const float *panel = it->w.block + col * BLOCK;
        for (size_t key = 0, n; key < keys; key += n) {
            size_t at = b->from + key, r = at > b->first ? at - b->first : 0;
            n = at < b->first ? least(b->first - at, keys - key) : least(STEP, keys - key);
            if (r >= b->rows)
                break;
            it->kn->gemm_at(n, cols, b->rows - r, p + r * keys + key, keys, panel + r * cols,
                y + at * it->dim + col, it->dim, true);
        }
    }
}

static void back_block(const struct item *it, size_t head, size_t first)
{
    const struct job *j = it->j;
    struct block b = block_at(it, first);
    size_t keys = b.to - b.from, row = it->first_row + first;
    const float *q = j->qkv + query_at(it, head, first);
    const float *d_out = j->d_out + row * j->ld_out + head * it->head_dim;
    times_columns(it, &b, q, j->ld_qkv, it->w.keys_q, it->w.s);
    times_columns(it, &b, d_out, j->ld_out, it->w.values_q, it->w.dp);
    for (size_t r = 0; r < b.rows; r++) {
        size_t hi, lo = visible(it, &b, r, &hi);
        it->kn->softmax_row_back(it->w.s + r * keys, it->w.dp + r * keys, keys, lo, hi, j->t->scale,
            j->kept_lse[(row + r) * j->t->n_heads + head]);
    }
    add_turned(it, &b, it->w.s, d_out, j->ld_out, it->w.dv);
    add_turned(it, &b, it->w.dp, q, j->ld_qkv, it->w.dk);
    times_rows(it, &b, it->w.dp, j->dqkv + query_at(it, head, first), j->ld_qkv);
}

static void back_item(void *ctx, size_t number, int thread)
{
    const struct job *j = ctx;
    struct item it = item_of(j, number, true, thread);
    size_t group = j->t->n_heads / j->t->n_kv_heads;
    const float *keys = j->qkv + keys_at(&it), *values = j->qkv + values_at(&it);
    pack_columns(&it, keys, it.w.keys_q);
    pack_columns(&it, values, it.w.values_q);
    pack_as_rows(&it, keys, j->ld_qkv, it.n, it.stride, it.w.rows);
    memset(it.w.dk, 0, it.stride * it.dim * sizeof(float));
    memset(it.w.dv, 0, it.stride * it.dim * sizeof(float));
    for (size_t head = it.kv_head * group; head < (it.kv_head + 1) * group; head++) {
        for (size_t first = 0; first < it.n; first += BLOCK)
            back_block(&it, head, first);
    }
    for (size_t r = 0; r < it.n; r++) {
        size_t bytes = it.head_dim * sizeof(float), at = r * j->ld_qkv;
        memcpy(j->dqkv + keys_at(&it) + at, it.w.dk + r * it.dim, bytes);
        memcpy(j->dqkv + values_at(&it) + at, it.w.dv + r * it.dim, bytes);
    }
}

enum pr_code pr_attention_back(struct pr_attention *t, const float *qkv, size_t ld_qkv,
    const float *d_out, size_t ld_out, const float *lse, float *dqkv, struct pr_error *e)
{
    struct job j = {.t = t,
        .qkv = qkv,
        .d_out = d_out,
        .kept_lse = lse,
        .dqkv = dqkv,
        .ld_qkv = ld_qkv,
        .ld_out = ld_out};
    enum pr_code code = grow_scratch(t, &j, true, e);
    if (code)
        return code;
    pr_pool_run(t->pool, (size_t)t->n_sequences * t->n_kv_heads, back_item, &j);
    return PR_OK;
}
