/* The transformer's pass: RMSNorm → attention → RMSNorm → SwiGLU, layer by layer, over packed rows.
 *
 * Work is cut into items that one thread computes alone (a panel of 64 outputs × a block of rows,
 * an attention tile of one kv head, a few rows of a norm), and each item's arithmetic does not
 * depend on which other rows are in the pass: that is what makes results independent of batching
 * and threads.
 */
#include "model/forward.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/attention.h"

#define ROW_BLOCK 256 /* rows an item of a matrix product takes at most */
#define NORM_ROWS 8   /* rows an item of a norm takes */

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Carves n bytes, aligned to 64, out of the block (block NULL: only counts). */
static void *carve(char *block, size_t *used, size_t n)
{
    void *p = block ? block + *used : NULL;
    *used += round_up(n, 64);
    return p;
}

static size_t lay_out(struct pr_forward *f, char *block)
{
    const struct pr_model_config *c = f->config;
    size_t m = f->max_rows, used = 0;
    f->x = carve(block, &used, m * c->hidden * sizeof(float));
    f->norm_out = carve(block, &used, m * f->ld_hidden * f->elem);
    f->qkv = carve(block, &used, m * f->ld_qkv * sizeof(float));
    f->q = carve(block, &used, m * c->n_heads * c->head_dim * f->elem);
    f->attn_out = carve(block, &used, m * f->ld_attn * f->elem);
    f->mlp_act = carve(block, &used, m * f->ld_mlp * f->elem);
    for (int i = 0; i < 3; i++)
        f->lora[i] = carve(block, &used, m * f->ld_rank * f->elem);
    f->scratch = carve(block, &used, f->scratch_bytes * (size_t)pr_pool_threads(f->pool));
    return used;
}

enum pr_code pr_forward_init(struct pr_forward *f, uint32_t max_rows, struct pr_error *e)
{
    const struct pr_model_config *c = f->config;
    f->elem = f->bf16 ? 2 : 4;
    f->max_rows = max_rows;
    f->ld_hidden = round_up(c->hidden, 32);
    f->ld_attn = round_up((size_t)c->n_heads * c->head_dim, 32);
    f->ld_qkv = ((size_t)c->n_heads + 2 * c->n_kv_heads) * c->head_dim;
    f->ld_mlp = round_up(c->intermediate, PR_PANEL);
    f->ld_rank = round_up(f->weights->max_rank, PR_PANEL);
    size_t matrix = 2 * ROW_BLOCK * PR_PANEL * sizeof(float), attention = pr_attention_scratch(f);
    size_t row = f->ld_hidden * sizeof(float);
    f->scratch_bytes = round_up(matrix > attention ? matrix : attention, 64);
    f->scratch_bytes = f->scratch_bytes > row ? f->scratch_bytes : round_up(row, 64);
    f->block_bytes = lay_out(f, NULL);
    enum pr_code code = pr_big_alloc(&f->block, f->block_bytes, 1, "activations", e);
    if (!code)
        lay_out(f, f->block);
    return code;
}

void pr_forward_done(struct pr_forward *f)
{
    pr_big_free(f->block, f->block_bytes);
    pr_rope_table_done(&f->rope);
    f->block = NULL;
}

void pr_linear_apply(const struct pr_forward *f, const struct pr_linear *l, size_t panel,
    size_t rows, const void *a, size_t lda, const void *t, float *c, size_t ldc)
{
    size_t u = pr_panel_unit(l->kind);
    f->kernels->gemm[l->kind](
        rows, PR_PANEL, round_up(l->k, u), a, lda, pr_linear_panel(l, panel), c, ldc, false);
    if (l->lora && t) {
        const struct pr_linear *b = &l->lora->b;
        f->kernels->gemm[b->kind](rows, PR_PANEL, round_up(b->k, u), t, f->ld_rank,
            pr_linear_panel(b, panel), c, ldc, true);
    }
    if (l->bias)
        for (size_t r = 0; r < rows; r++)
            f->kernels->add(l->bias + panel * PR_PANEL, PR_PANEL, c + r * ldc);
}

/* What the items of a pass see. */
struct step {
    struct pr_forward *f;
    const struct pr_layer *layer;
    uint32_t layer_index;
    uint32_t n_rows;
    size_t block_rows, n_blocks; /* row blocks of matrix products */
    const int32_t *tokens;
    const struct pr_group *groups;
    const uint32_t *row_group; /* the group of each row */
    const float *norm_weight;
    const uint32_t *row_list; /* rows to normalise, or NULL: all in order */
    char *norm_to;
    /* of one matrix product */
    const struct pr_linear *linear;
    const char *a;
    size_t lda;
    char *t;
};

static char *scratch(const struct pr_forward *f, int thread)
{
    return f->scratch + (size_t)thread * f->scratch_bytes;
}

/* Splits item into (panel, first row, rows): panels outermost, so that a thread's consecutive items
 * use the same panel. */
static size_t split(const struct step *s, size_t item, size_t *ret_first, size_t *ret_rows)
{
    *ret_first = item % s->n_blocks * s->block_rows;
    *ret_rows = s->n_rows - *ret_first < s->block_rows ? s->n_rows - *ret_first : s->block_rows;
    return item / s->n_blocks;
}

static void to_format(const struct pr_forward *f, const float *x, size_t n, char *y)
{
    if (f->bf16)
        f->kernels->to_bf16(x, n, (uint16_t *)y);
    else
        memcpy(y, x, n * sizeof *x);
}

/* ---- embedding and norms ---- */

static void embed_rows(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct step *s = ctx;
    for (size_t r = item * NORM_ROWS; r < (item + 1) * NORM_ROWS && r < s->n_rows; r++)
        pr_packed_embed_row(
            s->f->weights, (size_t)s->tokens[r], s->f->x + r * s->f->config->hidden);
}

static void norm_rows(void *ctx, size_t item, int thread)
{
    const struct step *s = ctx;
    const struct pr_forward *f = s->f;
    size_t hidden = f->config->hidden;
    float *tmp = (float *)scratch(f, thread);
    for (size_t r = item * NORM_ROWS; r < (item + 1) * NORM_ROWS && r < s->n_rows; r++) {
        const float *x = f->x + (s->row_list ? s->row_list[r] : r) * hidden;
        f->kernels->rmsnorm(x, s->norm_weight, hidden, f->config->rms_eps, tmp);
        to_format(f, tmp, hidden, s->norm_to + r * f->ld_hidden * f->elem);
    }
}

static void norm(struct step *s, const float *weight)
{
    s->norm_weight = weight;
    s->norm_to = s->f->norm_out;
    pr_pool_run(s->f->pool, (s->n_rows + NORM_ROWS - 1) / NORM_ROWS, norm_rows, s);
}

void pr_forward_final_norm(struct pr_forward *f, const uint32_t *rows, uint32_t n, char *y)
{
    struct step s = {
        .f = f, .n_rows = n, .row_list = rows, .norm_weight = f->weights->final_norm, .norm_to = y};
    pr_pool_run(f->pool, (n + NORM_ROWS - 1) / NORM_ROWS, norm_rows, &s);
}

/* ---- low-rank parts ---- */

static void low_rank_item(void *ctx, size_t item, int thread)
{
    const struct step *s = ctx;
    const struct pr_forward *f = s->f;
    const struct pr_linear *a = &s->linear->lora->a;
    float *tmp = (float *)scratch(f, thread);
    size_t first, rows, panel = split(s, item, &first, &rows), u = pr_panel_unit(a->kind);
    f->kernels->gemm[a->kind](rows, PR_PANEL, round_up(a->k, u), s->a + first * s->lda * f->elem,
        s->lda, pr_linear_panel(a, panel), tmp, PR_PANEL, false);
    for (size_t r = 0; r < rows; r++) {
        f->kernels->scale(s->linear->lora->scale, PR_PANEL, tmp + r * PR_PANEL);
        to_format(f, tmp + r * PR_PANEL, PR_PANEL,
            s->t + ((first + r) * f->ld_rank + panel * PR_PANEL) * f->elem);
    }
}

static void cut_rows(struct step *s, size_t n)
{
    s->n_rows = (uint32_t)n;
    s->n_blocks = (n + ROW_BLOCK - 1) / ROW_BLOCK;
    s->block_rows = round_up((n + s->n_blocks - 1) / s->n_blocks, 6); /* the kernels' tile height */
    if (s->block_rows > ROW_BLOCK)
        s->block_rows = ROW_BLOCK;
    s->n_blocks = (n + s->block_rows - 1) / s->block_rows;
}

void pr_linear_low_rank(
    struct pr_forward *f, const struct pr_linear *l, size_t n, const char *a, size_t lda, char *t)
{
    if (!l->lora)
        return;
    struct step s = {.f = f, .linear = l, .a = a, .lda = lda, .t = t};
    cut_rows(&s, n);
    pr_pool_run(f->pool, l->lora->a.n_panels * s.n_blocks, low_rank_item, &s);
}

/* ---- attention block ---- */

static void qkv_item(void *ctx, size_t item, int thread)
{
    const struct step *s = ctx;
    const struct pr_forward *f = s->f;
    const struct pr_linear *parts[] = {&s->layer->q, &s->layer->k, &s->layer->v};
    size_t first, rows, panel = split(s, item, &first, &rows), column = 0, i = 0;
    while (panel >= parts[i]->n_panels) {
        panel -= parts[i]->n_panels;
        column += parts[i++]->n_out;
    }
    float *tmp = (float *)scratch(f, thread);
    pr_linear_apply(f, parts[i], panel, rows, f->norm_out + first * f->ld_hidden * f->elem,
        f->ld_hidden, f->lora[i] + first * f->ld_rank * f->elem, tmp, PR_PANEL);
    size_t done = panel * PR_PANEL,
           n = parts[i]->n_out - done < PR_PANEL ? parts[i]->n_out - done : PR_PANEL;
    for (size_t r = 0; r < rows; r++)
        memcpy(
            f->qkv + (first + r) * f->ld_qkv + column + done, tmp + r * PR_PANEL, n * sizeof *tmp);
}

/* QK-norm and rotation of one row; its key and value go into the cache, its queries to f->q. */
static void place_row(const struct step *s, size_t row)
{
    struct pr_forward *f = s->f;
    const struct pr_model_config *c = f->config;
    const struct pr_group *g = &s->groups[s->row_group[row]];
    uint32_t pos = g->first_pos + (uint32_t)row - g->first_row, hd = c->head_dim;
    const float *cos = f->rope.cos + (size_t)pos * f->rope.half,
                *sin = f->rope.sin + (size_t)pos * f->rope.half;
    float *q = f->qkv + row * f->ld_qkv, *k = q + (size_t)c->n_heads * hd,
          *v = k + (size_t)c->n_kv_heads * hd;
    if (c->qk_norm) {
        for (uint32_t h = 0; h < c->n_heads; h++)
            f->kernels->rmsnorm(q + h * hd, s->layer->q_norm, hd, c->rms_eps, q + h * hd);
        for (uint32_t h = 0; h < c->n_kv_heads; h++)
            f->kernels->rmsnorm(k + h * hd, s->layer->k_norm, hd, c->rms_eps, k + h * hd);
    }
    f->kernels->rope(q, c->n_heads + c->n_kv_heads, hd, cos, sin);
    uint32_t group = c->n_heads / c->n_kv_heads;
    struct pr_kv_page *page = g->kv->pages[pos / PR_KV_PAGE];
    for (uint32_t h = 0; h < c->n_kv_heads; h++) {
        pr_kv_write(f->kv, page, s->layer_index, h, pos % PR_KV_PAGE, k + h * hd, v + h * hd);
        to_format(f, q + h * group * hd, group * hd, pr_attention_query(f, h, row));
    }
}

static void place_rows(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct step *s = ctx;
    for (size_t r = item * NORM_ROWS; r < (item + 1) * NORM_ROWS && r < s->n_rows; r++)
        place_row(s, r);
}

/* x += linear(a): o_proj and down_proj. */
static void residual_item(void *ctx, size_t item, int thread)
{
    const struct step *s = ctx;
    const struct pr_forward *f = s->f;
    float *tmp = (float *)scratch(f, thread);
    size_t first, rows, panel = split(s, item, &first, &rows), hidden = f->config->hidden;
    pr_linear_apply(f, s->linear, panel, rows, s->a + first * s->lda * f->elem, s->lda,
        s->t + first * f->ld_rank * f->elem, tmp, PR_PANEL);
    size_t column = panel * PR_PANEL, n = hidden - column < PR_PANEL ? hidden - column : PR_PANEL;
    for (size_t r = 0; r < rows; r++)
        f->kernels->add(tmp + r * PR_PANEL, n, f->x + (first + r) * hidden + column);
}

static void add_to_residual(struct step *s, const struct pr_linear *l, const char *a, size_t lda)
{
    s->linear = l;
    s->a = a;
    s->lda = lda;
    s->t = s->f->lora[0];
    pr_linear_low_rank(s->f, l, s->n_rows, a, lda, s->t);
    pr_pool_run(s->f->pool, l->n_panels * s->n_blocks, residual_item, s);
}

static void attention_block(struct step *s, uint32_t n_groups)
{
    struct pr_forward *f = s->f;
    const struct pr_layer *l = s->layer;
    norm(s, l->attn_norm);
    pr_linear_low_rank(f, &l->q, s->n_rows, f->norm_out, f->ld_hidden, f->lora[0]);
    pr_linear_low_rank(f, &l->k, s->n_rows, f->norm_out, f->ld_hidden, f->lora[1]);
    pr_linear_low_rank(f, &l->v, s->n_rows, f->norm_out, f->ld_hidden, f->lora[2]);
    pr_pool_run(f->pool, (size_t)(l->q.n_panels + l->k.n_panels + l->v.n_panels) * s->n_blocks,
        qkv_item, s);
    pr_pool_run(f->pool, (s->n_rows + NORM_ROWS - 1) / NORM_ROWS, place_rows, s);
    pr_attention_run(f, s->layer_index, s->groups, n_groups);
    add_to_residual(s, &l->o, f->attn_out, f->ld_attn);
}

/* ---- feed-forward block ---- */

static void gate_up_item(void *ctx, size_t item, int thread)
{
    const struct step *s = ctx;
    const struct pr_forward *f = s->f;
    float *gate = (float *)scratch(f, thread), *up = gate + ROW_BLOCK * PR_PANEL;
    size_t first, rows, panel = split(s, item, &first, &rows);
    const char *a = f->norm_out + first * f->ld_hidden * f->elem;
    size_t t = first * f->ld_rank * f->elem;
    pr_linear_apply(
        f, &s->layer->gate, panel, rows, a, f->ld_hidden, f->lora[0] + t, gate, PR_PANEL);
    pr_linear_apply(f, &s->layer->up, panel, rows, a, f->ld_hidden, f->lora[1] + t, up, PR_PANEL);
    /* The panel's columns past n_out are zeros and give zeros, which the padding of mlp_act wants.
     */
    for (size_t r = 0; r < rows; r++) {
        char *y = f->mlp_act + ((first + r) * f->ld_mlp + panel * PR_PANEL) * f->elem;
        if (f->bf16)
            f->kernels->silu_mul_bf16(
                gate + r * PR_PANEL, up + r * PR_PANEL, PR_PANEL, (uint16_t *)y);
        else
            f->kernels->silu_mul(gate + r * PR_PANEL, up + r * PR_PANEL, PR_PANEL, (float *)y);
    }
}

static void mlp_block(struct step *s)
{
    struct pr_forward *f = s->f;
    const struct pr_layer *l = s->layer;
    norm(s, l->mlp_norm);
    pr_linear_low_rank(f, &l->gate, s->n_rows, f->norm_out, f->ld_hidden, f->lora[0]);
    pr_linear_low_rank(f, &l->up, s->n_rows, f->norm_out, f->ld_hidden, f->lora[1]);
    pr_pool_run(f->pool, l->gate.n_panels * s->n_blocks, gate_up_item, s);
    add_to_residual(s, &l->down, f->mlp_act, f->ld_mlp);
}

void pr_forward_run(struct pr_forward *f, const int32_t *tokens, uint32_t n_rows,
    const struct pr_group *groups, uint32_t n_groups)
{
    struct step s = {.f = f, .tokens = tokens, .groups = groups};
    uint32_t *row_group = pr_alloc(n_rows * sizeof *row_group);
    for (uint32_t g = 0; g < n_groups; g++)
        for (uint32_t r = 0; r < groups[g].n_rows; r++)
            row_group[groups[g].first_row + r] = g;
    s.row_group = row_group;
    cut_rows(&s, n_rows);
    pr_pool_run(f->pool, (n_rows + NORM_ROWS - 1) / NORM_ROWS, embed_rows, &s);
    for (uint32_t i = 0; i < f->config->n_layers; i++) {
        s.layer = &f->weights->layers[i];
        s.layer_index = i;
        attention_block(&s, n_groups);
        mlp_block(&s);
    }
    pr_free(row_group);
}
