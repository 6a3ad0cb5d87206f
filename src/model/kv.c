/* The KV cache: page pool, sharing, copy on write. */
#include "model/kv.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "compute/dtype.h"
#include "compute/kernels.h"

_Static_assert(PR_KV_PAGE == PR_PANEL, "a page of keys is one panel");

void pr_kv_init(struct pr_kv *kv, const struct pr_model_config *c, bool bf16, size_t budget_bytes)
{
    *kv = (struct pr_kv){.elem = bf16 ? 2 : 4,
        .unit = bf16 ? 2 : 1,
        .head_dim = c->head_dim,
        .v_cols = (c->head_dim + 15) / 16 * 16,
        .n_kv_heads = c->n_kv_heads};
    kv->k_bytes = (size_t)c->head_dim * PR_KV_PAGE * kv->elem;
    kv->v_bytes = (size_t)kv->v_cols * PR_KV_PAGE * kv->elem;
    kv->layer_bytes = (kv->k_bytes + kv->v_bytes) * c->n_kv_heads;
    kv->page_bytes = kv->layer_bytes * c->n_layers;
    kv->max_pages = budget_bytes / kv->page_bytes;
}

void pr_kv_done(struct pr_kv *kv)
{
    assert(kv->n_pages == 0);
    for (struct pr_kv_page *p = kv->free, *next; p; p = next) {
        next = p->next_free;
        pr_big_free(p->data, kv->page_bytes);
        pr_free(p);
    }
    kv->free = NULL;
}

/* A page with one reference.  Values start as zeros: slots not written yet are multiplied by
 * probabilities of 0, which would make NaN of whatever an earlier owner left. */
static enum pr_code take_page(
    struct pr_kv *kv, bool clear, struct pr_kv_page **ret, struct pr_error *e)
{
    struct pr_kv_page *p = kv->free;
    if (p) {
        kv->free = p->next_free;
        if (clear)
            memset(p->data, 0, kv->page_bytes);
    } else {
        void *data;
        enum pr_code code = pr_big_alloc(&data, kv->page_bytes, 1, "KV cache page", e);
        if (code)
            return code;
        p = pr_zalloc(sizeof *p);
        p->data = data;
    }
    p->refs = 1;
    kv->n_pages++;
    *ret = p;
    return PR_OK;
}

static void drop_page(struct pr_kv *kv, struct pr_kv_page *p)
{
    if (--p->refs)
        return;
    p->next_free = kv->free;
    kv->free = p;
    kv->n_pages--;
}

void pr_kv_fork_part(struct pr_kv_seq *dst, const struct pr_kv_seq *src, uint32_t len)
{
    uint32_t n = (len + PR_KV_PAGE - 1) / PR_KV_PAGE;
    *dst = (struct pr_kv_seq){.n_pages = n, .cap_pages = n, .len = len};
    dst->pages = pr_alloc((n + 1) * sizeof *dst->pages);
    for (uint32_t i = 0; i < n; i++) {
        dst->pages[i] = src->pages[i];
        dst->pages[i]->refs++;
    }
}

void pr_kv_fork(struct pr_kv_seq *dst, const struct pr_kv_seq *src)
{
    pr_kv_fork_part(dst, src, src->len);
}

static enum pr_code own_last_page(struct pr_kv *kv, struct pr_kv_seq *seq, struct pr_error *e)
{
    struct pr_kv_page **last = &seq->pages[seq->len / PR_KV_PAGE], *copy;
    enum pr_code code = take_page(kv, false, &copy, e);
    if (code)
        return code;
    memcpy(copy->data, (*last)->data, kv->page_bytes);
    drop_page(kv, *last);
    *last = copy;
    return PR_OK;
}

enum pr_code pr_kv_reserve(struct pr_kv *kv, struct pr_kv_seq *seq, uint32_t new_len, bool force,
    bool *ret_ok, struct pr_error *e)
{
    uint32_t want = (new_len + PR_KV_PAGE - 1) / PR_KV_PAGE;
    bool copy = seq->len % PR_KV_PAGE && seq->pages[seq->len / PR_KV_PAGE]->refs > 1;
    size_t more = (want > seq->n_pages ? want - seq->n_pages : 0) + copy;
    *ret_ok = force || kv->n_pages + more <= kv->max_pages;
    if (!*ret_ok)
        return PR_OK;
    enum pr_code code = copy ? own_last_page(kv, seq, e) : PR_OK;
    if (want > seq->cap_pages) {
        seq->cap_pages = want + want / 2;
        seq->pages = pr_realloc(seq->pages, seq->cap_pages, sizeof *seq->pages);
    }
    while (!code && seq->n_pages < want) {
        code = take_page(kv, true, &seq->pages[seq->n_pages], e);
        if (!code)
            seq->n_pages++;
    }
    return code;
}

void pr_kv_release(struct pr_kv *kv, struct pr_kv_seq *seq)
{
    for (uint32_t i = 0; i < seq->n_pages; i++)
        drop_page(kv, seq->pages[i]);
    pr_free(seq->pages);
    *seq = (struct pr_kv_seq){0};
}

/* Keys go down a column of their panel, values along a row of theirs (see kernels.h). */
static void write_bf16(const struct pr_kv *kv, uint16_t *keys, uint16_t *values, uint32_t slot,
    const float *key, const float *value)
{
    for (uint32_t d = 0; d < kv->head_dim; d += 2) {
        uint16_t *pair = keys + ((size_t)d / 2 * PR_KV_PAGE + slot) * 2;
        pair[0] = pr_f32_to_bf16(key[d]);
        pair[1] = pr_f32_to_bf16(key[d + 1]);
    }
    for (uint32_t first = 0; first < kv->head_dim; first += PR_PANEL) {
        uint32_t cols = kv->v_cols - first < PR_PANEL ? kv->v_cols - first : PR_PANEL;
        uint32_t n = kv->head_dim - first < cols ? kv->head_dim - first : cols;
        uint16_t *row =
            values + (size_t)first * PR_KV_PAGE + (size_t)slot / 2 * cols * 2 + slot % 2;
        for (uint32_t d = 0; d < n; d++)
            row[2 * d] = pr_f32_to_bf16(value[first + d]);
    }
}

static void write_f32(const struct pr_kv *kv, float *keys, float *values, uint32_t slot,
    const float *key, const float *value)
{
    for (uint32_t d = 0; d < kv->head_dim; d++)
        keys[(size_t)d * PR_KV_PAGE + slot] = key[d];
    for (uint32_t first = 0; first < kv->head_dim; first += PR_PANEL) {
        uint32_t cols = kv->v_cols - first < PR_PANEL ? kv->v_cols - first : PR_PANEL;
        uint32_t n = kv->head_dim - first < cols ? kv->head_dim - first : cols;
        memcpy(values + (size_t)first * PR_KV_PAGE + (size_t)slot * cols, value + first,
            n * sizeof *value);
    }
}

void pr_kv_write(const struct pr_kv *kv, struct pr_kv_page *p, uint32_t layer, uint32_t head,
    uint32_t slot, const float *key, const float *value)
{
    void *keys = pr_kv_keys(kv, p, layer, head), *values = pr_kv_values(kv, p, layer, head);
    if (kv->elem == 2)
        write_bf16(kv, keys, values, slot, key, value);
    else
        write_f32(kv, keys, values, slot, key, value);
}
