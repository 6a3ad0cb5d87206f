/* The vocabulary head.  Each chunk's partial maximum, sum and best tokens are kept, and merged in
 * the order of the chunks: the result depends neither on threads nor on the other rows. */
#include "model/head.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

#define CHUNK_PANELS 8
#define CHUNK        (CHUNK_PANELS * PR_PANEL) /* columns an item makes */
#define BLOCK        126 /* rows at a time: chunk × block stays in the L2 cache */

enum pr_code pr_head_init(struct pr_head *h, struct pr_forward *f, struct pr_error *e)
{
    const struct pr_linear *head = &f->weights->head;
    size_t m = f->max_rows, threads = (size_t)pr_pool_threads(f->pool);
    *h = (struct pr_head){.f = f, .max_rows = f->max_rows};
    h->n_chunks = (head->n_panels + CHUNK_PANELS - 1) / CHUNK_PANELS;
    size_t rows = m * f->ld_hidden * f->elem, t = m * f->ld_rank * f->elem,
           parts = h->n_chunks * m * sizeof(float);
    size_t logits = threads * BLOCK * CHUNK * sizeof(float);
    size_t sizes[] = {
        rows, t, logits, parts, parts, m * sizeof(double), m * PR_MAX_TOP * sizeof(struct pr_top)};
    void *views[7];
    size_t at[7], used = 0;
    for (size_t i = 0; i < 7; i++) {
        at[i] = used;
        used += (sizes[i] + 63) / 64 * 64;
    }
    h->block_bytes = used;
    enum pr_code code = pr_big_alloc(&h->block, used, 1, "buffers of the vocabulary head", e);
    if (code)
        return code;
    for (size_t i = 0; i < 7; i++)
        views[i] = (char *)h->block + at[i];
    h->rows = views[0];
    h->t = views[1];
    h->scratch = views[2];
    h->part_max = views[3];
    h->part_sum = views[4];
    h->lse = views[5];
    h->top = views[6];
    return PR_OK;
}

void pr_head_done(struct pr_head *h)
{
    pr_big_free(h->block, h->block_bytes);
    pr_free(h->part_top);
    *h = (struct pr_head){0};
}

struct call {
    struct pr_head *h;
    uint32_t n, top_k;
    struct pr_target *targets;
    size_t n_targets;
    float *const *logits;
};

/* Puts (logit, id) into a list of k, best first; ids come in ascending order, so that a tie stays
 * behind the earlier one. */
static void insert(struct pr_top *list, uint32_t k, float logit, int32_t id)
{
    uint32_t i = k - 1;
    if (!(logit > list[i].logit) && list[i].id >= 0)
        return;
    while (i > 0 && (list[i - 1].id < 0 || logit > list[i - 1].logit)) {
        list[i] = list[i - 1];
        i--;
    }
    list[i] = (struct pr_top){logit, id};
}

static void top_of(
    const float *x, size_t n, int32_t first_id, uint32_t k, float max, struct pr_top *list)
{
    for (uint32_t i = 0; i < k; i++)
        list[i] = (struct pr_top){-INFINITY, -1};
    if (k == 1) { /* greedy decoding: the maximum is known already */
        for (size_t i = 0; i < n; i++)
            if (x[i] == max) {
                list[0] = (struct pr_top){max, first_id + (int32_t)i};
                return;
            }
        return; /* NaN */
    }
    for (size_t i = 0; i < n; i++)
        if ((x[i] > list[k - 1].logit || list[k - 1].id < 0) && !isnan(x[i]))
            insert(list, k, x[i], first_id + (int32_t)i);
}

/* Reduces the logits of one chunk for rows [first, first + rows). */
static void reduce(
    const struct call *c, size_t chunk, uint32_t first, uint32_t rows, const float *logits)
{
    struct pr_head *h = c->h;
    size_t start = chunk * CHUNK, left = h->f->weights->head.n_out - start,
           n = left < CHUNK ? left : CHUNK;
    for (uint32_t r = 0; r < rows; r++) {
        const float *x = logits + (size_t)r * CHUNK;
        size_t part = chunk * h->max_rows + first + r;
        h->f->kernels->logsumexp_part(x, n, &h->part_max[part], &h->part_sum[part]);
        if (c->top_k)
            top_of(
                x, n, (int32_t)start, c->top_k, h->part_max[part], h->part_top + part * c->top_k);
        if (c->logits && c->logits[first + r])
            memcpy(c->logits[first + r] + start, x, n * sizeof *x);
    }
    for (size_t i = 0; i < c->n_targets; i++) {
        struct pr_target *t = &c->targets[i];
        if (t->slot - first < rows && (size_t)t->id - start < n)
            t->logit = logits[(size_t)(t->slot - first) * CHUNK + ((size_t)t->id - start)];
    }
}

static void chunk_item(void *ctx, size_t chunk, int thread)
{
    const struct call *c = ctx;
    struct pr_head *h = c->h;
    const struct pr_forward *f = h->f;
    const struct pr_linear *head = &f->weights->head;
    float *logits = h->scratch + (size_t)thread * BLOCK * CHUNK;
    size_t first_panel = chunk * CHUNK_PANELS, left = head->n_panels - first_panel;
    size_t panels = left < CHUNK_PANELS ? left : CHUNK_PANELS;
    for (uint32_t first = 0; first < c->n; first += BLOCK) {
        uint32_t rows = c->n - first < BLOCK ? c->n - first : BLOCK;
        for (size_t p = 0; p < panels; p++)
            pr_linear_apply(f, head, first_panel + p, rows,
                h->rows + first * f->ld_hidden * f->elem, f->ld_hidden,
                h->t + first * f->ld_rank * f->elem, logits + p * PR_PANEL, CHUNK);
        reduce(c, chunk, first, rows, logits);
    }
}

static void merge_item(void *ctx, size_t slot, int thread)
{
    (void)thread;
    const struct call *c = ctx;
    struct pr_head *h = c->h;
    double max = -INFINITY, sum = 0;
    for (size_t i = 0; i < h->n_chunks; i++) {
        double m = h->part_max[i * h->max_rows + slot];
        max = m > max || isnan(m) ? m : max;
        if (isnan(max))
            break;
    }
    for (size_t i = 0; i < h->n_chunks && isfinite(max); i++) {
        size_t part = i * h->max_rows + slot;
        sum += h->part_sum[part] * exp(h->part_max[part] - max);
    }
    h->lse[slot] = isfinite(max) ? max + log(sum) : NAN;
    struct pr_top *top = h->top + slot * PR_MAX_TOP;
    for (uint32_t k = 0; k < c->top_k; k++)
        top[k] = (struct pr_top){-INFINITY, -1};
    for (size_t i = 0; c->top_k && i < h->n_chunks; i++) {
        const struct pr_top *list = h->part_top + (i * h->max_rows + slot) * c->top_k;
        for (uint32_t k = 0; k < c->top_k && list[k].id >= 0; k++)
            insert(top, c->top_k, list[k].logit, list[k].id);
    }
}

void pr_head_run(struct pr_head *h, const uint32_t *rows, uint32_t n, uint32_t top_k,
    struct pr_target *targets, size_t n_targets, float *const *logits)
{
    struct call c = {h, n, top_k, targets, n_targets, logits};
    struct pr_forward *f = h->f;
    if (!n)
        return;
    size_t tops = h->n_chunks * h->max_rows * top_k;
    if (tops > h->part_top_n) {
        h->part_top = pr_realloc(h->part_top, tops, sizeof *h->part_top);
        h->part_top_n = tops;
    }
    pr_forward_final_norm(f, rows, n, h->rows);
    pr_linear_low_rank(f, &f->weights->head, n, h->rows, f->ld_hidden, h->t);
    pr_pool_run(f->pool, h->n_chunks, chunk_item, &c);
    pr_pool_run(f->pool, n, merge_item, &c);
}
