/* Attention tiles: a few query rows of one kv head against pages of keys and values.
 *
 * Pages are aligned to absolute positions and visited in ascending order, and a row's arithmetic
 * uses only its own scores: a row alone (decoding) goes through the same operations as a row of a
 * tile. */
#include "model/attention.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/forward.h"

#define TILE_ROWS 48 /* query rows (tokens × heads of the group) that a tile aims for */

struct tile {
    uint32_t group, first_row, n_rows;
};

struct attend {
    struct pr_forward *f;
    uint32_t layer, heads; /* heads: query heads a kv head */
    const struct pr_group *groups;
    struct tile *tiles;
    size_t n_tiles, cap_tiles;
};

/* Token rows of a tile. */
static uint32_t tile_tokens(uint32_t heads)
{
    return heads >= TILE_ROWS ? 1 : TILE_ROWS / heads;
}

static uint32_t heads_of(const struct pr_forward *f)
{
    return f->config->n_heads / f->config->n_kv_heads;
}

static size_t align64(size_t n)
{
    return (n + 63) / 64 * 64;
}

/* A thread's scratch, for `rows` query rows. */
struct work {
    float *s;     /* (rows, 64) scores */
    char *p;      /* (rows, 64) probabilities, in the format of a matrix product */
    float *o;     /* (rows, v_cols) output so far */
    float *m, *l; /* (rows) running maximum and sum */
};

static size_t carve_work(const struct pr_forward *f, char *base, struct work *w)
{
    size_t rows = (size_t)tile_tokens(heads_of(f)) * heads_of(f), used = 0;
    size_t v_cols = (f->config->head_dim + 15) / 16 * 16;
    w->s = (float *)(base + used);
    used += align64(rows * PR_KV_PAGE * sizeof(float));
    w->p = base + used;
    used += align64(rows * PR_KV_PAGE * f->elem);
    w->o = (float *)(base + used);
    used += align64(rows * v_cols * sizeof(float));
    w->m = (float *)(base + used);
    used += align64(rows * sizeof(float));
    w->l = (float *)(base + used);
    return used + align64(rows * sizeof(float));
}

size_t pr_attention_scratch(const struct pr_forward *f)
{
    static char nowhere[64];
    struct work w;
    return carve_work(f, nowhere, &w);
}

char *pr_attention_query(const struct pr_forward *f, uint32_t kv_head, size_t row)
{
    return f->q +
           ((size_t)kv_head * f->max_rows + row) * heads_of(f) * f->config->head_dim * f->elem;
}

/* Adds one page's keys and values to the tile's running output. */
static void one_page(const struct attend *a, const struct work *w, const struct tile *t,
    uint32_t head, uint32_t page)
{
    const struct pr_forward *f = a->f;
    const struct pr_group *g = &a->groups[t->group];
    const struct pr_kv *kv = f->kv;
    const struct pr_kv_page *p = g->kv->pages[page];
    enum pr_panel_kind kind = f->bf16 ? PR_PANEL_BF16 : PR_PANEL_F32_F32;
    size_t rows = (size_t)t->n_rows * a->heads, hd = f->config->head_dim,
           first = (size_t)page * PR_KV_PAGE;
    float scale = 1 / sqrtf((float)hd);
    f->kernels->gemm[kind](rows, PR_KV_PAGE, hd, pr_attention_query(f, head, t->first_row), hd,
        pr_kv_keys(kv, p, a->layer, head), w->s, PR_KV_PAGE, false);
    for (size_t r = 0; r < rows; r++) {
        size_t pos = g->first_pos + (t->first_row - g->first_row) + r / a->heads;
        size_t window = f->config->window[a->layer];
        size_t start = window && pos + 1 > window ? pos + 1 - window : 0;
        size_t lo = start > first ? start - first : 0, hi = pos + 1 > first ? pos + 1 - first : 0;
        lo = lo < PR_KV_PAGE ? lo : PR_KV_PAGE;
        hi = hi < PR_KV_PAGE ? hi : PR_KV_PAGE;
        char *prob = w->p + r * PR_KV_PAGE * f->elem;
        float fade = f->kernels->softmax_block(w->s + r * PR_KV_PAGE, lo, hi, scale, &w->m[r],
            &w->l[r], f->bf16 ? NULL : (float *)prob, f->bf16 ? (uint16_t *)prob : NULL);
        if (fade != 1)
            f->kernels->scale(fade, kv->v_cols, w->o + r * kv->v_cols);
    }
    const char *values = pr_kv_values(kv, p, a->layer, head);
    for (size_t c = 0; c < kv->v_cols; c += PR_PANEL) {
        size_t cols = kv->v_cols - c < PR_PANEL ? kv->v_cols - c : PR_PANEL;
        f->kernels->gemm[kind](rows, cols, PR_KV_PAGE, w->p, PR_KV_PAGE,
            values + c * PR_KV_PAGE * kv->elem, w->o + c, kv->v_cols, true);
    }
}

static void store(const struct attend *a, const struct work *w, const struct tile *t, uint32_t head)
{
    const struct pr_forward *f = a->f;
    size_t hd = f->config->head_dim, v_cols = f->kv->v_cols;
    for (size_t r = 0; r < (size_t)t->n_rows * a->heads; r++) {
        float *o = w->o + r * v_cols;
        f->kernels->scale(1 / w->l[r], v_cols, o);
        size_t row = t->first_row + r / a->heads, column = (head * a->heads + r % a->heads) * hd;
        char *y = f->attn_out + (row * f->ld_attn + column) * f->elem;
        if (f->bf16)
            f->kernels->to_bf16(o, hd, (uint16_t *)y);
        else
            memcpy(y, o, hd * sizeof *o);
    }
}

static void tile_item(void *ctx, size_t item, int thread)
{
    const struct attend *a = ctx;
    const struct pr_forward *f = a->f;
    uint32_t head = (uint32_t)(item % f->config->n_kv_heads);
    const struct tile *t = &a->tiles[item / f->config->n_kv_heads];
    const struct pr_group *g = &a->groups[t->group];
    struct work w;
    carve_work(f, f->scratch + (size_t)thread * f->scratch_bytes, &w);
    size_t rows = (size_t)t->n_rows * a->heads;
    memset(w.o, 0, rows * f->kv->v_cols * sizeof *w.o);
    for (size_t r = 0; r < rows; r++) {
        w.m[r] = -INFINITY;
        w.l[r] = 0;
    }
    uint32_t pos = g->first_pos + (t->first_row - g->first_row), last = pos + t->n_rows - 1;
    uint32_t window = f->config->window[a->layer];
    uint32_t start = window && pos + 1 > window ? pos + 1 - window : 0;
    for (uint32_t page = start / PR_KV_PAGE; page <= last / PR_KV_PAGE; page++)
        one_page(a, &w, t, head, page);
    store(a, &w, t, head);
}

void pr_attention_run(
    struct pr_forward *f, uint32_t layer, const struct pr_group *groups, uint32_t n_groups)
{
    struct attend a = {.f = f, .layer = layer, .heads = heads_of(f), .groups = groups};
    uint32_t tokens = tile_tokens(a.heads);
    for (uint32_t g = 0; g < n_groups; g++)
        for (uint32_t r = 0; r < groups[g].n_rows; r += tokens) {
            uint32_t n = groups[g].n_rows - r < tokens ? groups[g].n_rows - r : tokens;
            struct tile t = {g, groups[g].first_row + r, n};
            PR_PUSH(a.tiles, a.n_tiles, a.cap_tiles, t);
        }
    pr_pool_run(f->pool, a.n_tiles * f->config->n_kv_heads, tile_item, &a);
    pr_free(a.tiles);
}
