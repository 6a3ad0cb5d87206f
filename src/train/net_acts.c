/* The activations of a pass: one allocation that tensors are carved out of, made when a pass needs
 * more room than there is.
 *
 * Layers below the first that is trained keep nothing and share one set of tensors with it.  With
 * recomputation all layers share one set and only their inputs are kept.
 */
#include <limits.h>
#include <unistd.h>

#include "train/net_internal.h"

/* Rows × vocabulary of logits that exist at a time. */
#define LOGIT_BYTES ((size_t)128 << 20)

struct carver {
    char *block; /* NULL: only counts */
    size_t used; /* SIZE_MAX: past what can be addressed */
};

static void *carve(struct carver *c, size_t rows, size_t cols, size_t elem)
{
    size_t n;
    void *p = c->block ? c->block + c->used : NULL;
    if (c->used == SIZE_MAX || !pr_mul(rows, cols, &n) || !pr_mul(n, elem, &n) ||
        n > SIZE_MAX / 2 || !pr_add(c->used, (n + 63) / 64 * 64, &c->used))
        c->used = SIZE_MAX;
    return p;
}

static float *floats(struct carver *c, size_t rows, size_t cols)
{
    return carve(c, rows, cols, sizeof(float));
}

static void carve_layer(
    struct carver *c, const struct pr_net *n, uint32_t rows, uint32_t l, struct pr_net_acts *a)
{
    const struct pr_model_config *m = &n->config;
    size_t q = (size_t)m->n_heads * m->head_dim, k = (size_t)m->n_kv_heads * m->head_dim;
    a->norm1 = floats(c, rows, m->hidden);
    a->raw = m->qk_norm ? floats(c, rows, q + k) : NULL;
    a->qkv = floats(c, rows, q + 2 * k);
    a->att = floats(c, rows, q);
    a->lse = floats(c, rows, m->n_heads);
    a->mid = floats(c, rows, m->hidden);
    a->norm2 = floats(c, rows, m->hidden);
    a->gate = floats(c, rows, m->intermediate);
    a->up = floats(c, rows, m->intermediate);
    a->act = floats(c, rows, m->intermediate);
    for (int i = 0; i < NET_LINEARS; i++) {
        uint32_t r = n->layers[l].linear[i].r;
        a->t[i] = r ? floats(c, rows, r) : NULL;
    }
}

static void carve_back(struct carver *c, const struct pr_net *n, struct pr_net_space *s)
{
    const struct pr_model_config *m = &n->config;
    size_t q = (size_t)m->n_heads * m->head_dim, k = (size_t)m->n_kv_heads * m->head_dim;
    size_t sums = m->hidden > 2 * m->head_dim ? m->hidden : 2 * m->head_dim;
    size_t rank = n->max_rank > n->head.r ? n->max_rank : n->head.r;
    s->dx = floats(c, s->rows, m->hidden);
    s->dnorm = floats(c, s->rows, m->hidden);
    s->dmlp = floats(c, s->rows, m->intermediate);
    s->datt = floats(c, s->rows, q);
    s->dqkv = floats(c, s->rows, q + 2 * k);
    s->dt = floats(c, s->rows, rank);
    s->partial = floats(c, (s->rows + PR_NET_BLOCK - 1) / PR_NET_BLOCK, sums);
    s->dhn = floats(c, s->head_rows, m->hidden);
}

/* A set that all layers share must hold the largest ranks of each. */
static uint32_t widest(const struct pr_net *n, int linear)
{
    uint32_t r = 0;
    for (uint32_t l = 0; l < n->config.n_layers; l++)
        r = n->layers[l].linear[linear].r > r ? n->layers[l].linear[linear].r : r;
    return r;
}

static size_t lay_out(const struct pr_net *n, struct pr_net_space *s, char *block)
{
    const struct pr_model_config *m = &n->config;
    struct carver c = {.block = block};
    s->x = floats(&c, (size_t)s->n_x * s->rows, m->hidden);
    for (uint32_t i = 0; i < s->n_sets; i++)
        carve_layer(&c, n, s->rows, s->n_sets > 1 ? n->first + i : 0, &s->layer[i]);
    for (int i = 0; s->n_sets == 1 && i < NET_LINEARS; i++)
        s->layer->t[i] = floats(&c, s->rows, widest(n, i));
    s->logits = floats(&c, s->head_rows, m->vocab);
    s->hn = floats(&c, s->head_rows, m->hidden);
    s->ht = floats(&c, s->head_rows, n->head.r);
    s->nll = carve(&c, s->head_rows, 1, sizeof *s->nll);
    s->tmp_size = (m->head_dim + 15) / 16 * 16;
    s->tmp = floats(&c, (size_t)pr_pool_threads(n->pool), s->tmp_size);
    s->pos = carve(&c, s->rows, 1, sizeof *s->pos);
    s->counted = carve(&c, s->rows, 1, sizeof *s->counted);
    if (s->backward)
        carve_back(&c, n, s);
    return c.used;
}

/* Bytes of a space that keeps so much. */
static size_t plan(const struct pr_net *n, struct pr_net_space *s, enum pr_net_keep keep)
{
    uint32_t trained = n->config.n_layers - n->first;
    s->keep = keep;
    s->n_x = keep == KEEP_NOTHING ? 1 : trained + 1;
    s->n_sets = keep == KEEP_ALL && trained ? trained : 1;
    pr_free(s->layer);
    s->layer = pr_zalloc(s->n_sets * sizeof *s->layer);
    return lay_out(n, s, NULL);
}

static uint64_t memory_limit(const struct pr_net *n)
{
    if (n->options.memory_bytes)
        return n->options.memory_bytes;
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 2 : UINT64_MAX;
}

static size_t choose(const struct pr_net *n, struct pr_net_space *s)
{
    enum pr_recompute want = n->options.recompute;
    if (!s->backward)
        return plan(n, s, KEEP_NOTHING);
    if (want == PR_RECOMPUTE_ON)
        return plan(n, s, KEEP_INPUTS);
    size_t bytes = plan(n, s, KEEP_ALL);
    uint64_t held = 2 * (uint64_t)n->n_values * sizeof(float) + n->frozen_bytes,
             limit = memory_limit(n);
    if (want == PR_RECOMPUTE_AUTO && (held > limit || bytes > limit - held))
        bytes = plan(n, s, KEEP_INPUTS);
    return bytes;
}

static uint32_t most_head_rows(const struct pr_net *n)
{
    size_t most = LOGIT_BYTES / sizeof(float) / n->config.vocab;
    return most < 16 ? 16 : most > UINT32_MAX ? UINT32_MAX : (uint32_t)most;
}

uint32_t pr_net_head_rows(const struct pr_net *n, uint32_t counted)
{
    uint32_t most = most_head_rows(n), chunks = counted / most + (counted % most != 0);
    return chunks ? counted / chunks + (counted % chunks != 0) : 1;
}

enum pr_code pr_net_room(struct pr_net *n, uint32_t rows, bool backward, struct pr_error *e)
{
    struct pr_net_space *s = &n->space;
    if (rows <= s->rows && (s->backward || !backward))
        return PR_OK;
    uint32_t most = most_head_rows(n);
    struct pr_net_space new = {
        .backward = backward || s->backward, .rows = rows > s->rows ? rows : s->rows};
    new.head_rows = new.rows < most ? new.rows : most;
    pr_net_room_done(n);
    new.bytes = choose(n, &new);
    enum pr_code code = pr_big_alloc(&new.block, new.bytes, 1, "activations", e);
    if (code) {
        pr_free(new.layer);
        return code;
    }
    lay_out(n, &new, new.block);
    *s = new;
    return PR_OK;
}

void pr_net_room_done(struct pr_net *n)
{
    pr_big_free(n->space.block, n->space.bytes);
    pr_free(n->space.layer);
    n->space = (struct pr_net_space){0};
}

float *pr_net_x(const struct pr_net *n, uint32_t l)
{
    const struct pr_net_space *s = &n->space;
    size_t i = s->n_x == 1 || l <= n->first ? 0 : l - n->first;
    return s->x + i * s->rows * n->config.hidden;
}

struct pr_net_acts *pr_net_acts_of(const struct pr_net *n, uint32_t l)
{
    const struct pr_net_space *s = &n->space;
    return &s->layer[s->n_sets == 1 || l <= n->first ? 0 : l - n->first];
}
