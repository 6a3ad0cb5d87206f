/* A batch through the net: forward, and back. */
#include "train/net_internal.h"

static enum pr_code check(const struct pr_net *n, const struct pr_batch *b, struct pr_error *e)
{
    int32_t vocab = (int32_t)n->config.vocab;
    if (!b->n_rows || !b->n_sequences || b->starts[0] || b->starts[b->n_sequences] != b->n_rows)
        return pr_fail(e, PR_E_USAGE, "a batch's sequences do not cover its %u rows", b->n_rows);
    for (uint32_t s = 0; s < b->n_sequences; s++)
        if (b->starts[s + 1] <= b->starts[s])
            return pr_fail(e, PR_E_USAGE, "sequence %u of a batch has no rows", s);
    for (uint32_t r = 0; r < b->n_rows; r++) {
        if (b->ids[r] < 0 || b->ids[r] >= vocab)
            return pr_fail(
                e, PR_E_FORMAT, "token %d at row %u: the vocabulary has %d", b->ids[r], r, vocab);
        if (b->targets[r] != -100 && (b->targets[r] < 0 || b->targets[r] >= vocab))
            return pr_fail(e, PR_E_FORMAT, "target %d at row %u: the vocabulary has %d",
                b->targets[r], r, vocab);
    }
    return PR_OK;
}

/* cos and sin up to the longest sequence. */
static enum pr_code turn(struct pr_net *n, const struct pr_batch *b, struct pr_error *e)
{
    uint32_t longest = 0;
    for (uint32_t s = 0; s < b->n_sequences; s++)
        if (b->starts[s + 1] - b->starts[s] > longest)
            longest = b->starts[s + 1] - b->starts[s];
    if ((size_t)longest * (n->config.head_dim / 2) <= n->minus_n)
        return PR_OK;
    enum pr_code code =
        pr_rope_table_grow(&n->rope, &n->config.rope, n->config.head_dim, longest, e);
    size_t count = (size_t)n->rope.n * n->rope.half;
    void *minus = NULL;
    if (!code)
        code = pr_big_alloc(&minus, count, sizeof(float), "rotary table", e);
    if (code)
        return code;
    pr_big_free(n->minus_sin, n->minus_n * sizeof(float));
    n->minus_sin = minus;
    n->minus_n = count;
    for (size_t i = 0; i < count; i++)
        n->minus_sin[i] = -n->rope.sin[i];
    return PR_OK;
}

static void place_rows(struct pr_net *n, const struct pr_batch *b)
{
    struct pr_net_space *p = &n->space;
    p->n_counted = 0;
    for (uint32_t s = 0; s < b->n_sequences; s++)
        for (uint32_t r = b->starts[s]; r < b->starts[s + 1]; r++)
            p->pos[r] = r - b->starts[s];
    for (uint32_t r = 0; r < b->n_rows; r++)
        if (b->targets[r] != -100)
            p->counted[p->n_counted++] = r;
}

static enum pr_code backward(struct pr_net *n, const struct pr_batch *b, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (uint32_t l = n->config.n_layers; l-- > n->first && !code;) {
        /* The last layer's tensors are still there. */
        if (n->space.keep == KEEP_INPUTS && l + 1 < n->config.n_layers)
            code = pr_net_layer_again(n, l, b->n_rows, e);
        if (!code)
            code = pr_net_layer_back(n, l, b->n_rows, e);
    }
    if (!code && n->d_embed)
        pr_net_embed_back(n, b->ids, b->n_rows, n->space.dx);
    return code;
}

enum pr_code pr_net_pass(struct pr_net *n, const struct pr_batch *b, double scale,
    struct pr_pass *ret, struct pr_error *e)
{
    struct pr_pass pass = {0};
    enum pr_code code = check(n, b, e);
    for (uint32_t r = 0; !code && r < b->n_rows; r++)
        pass.counted += b->targets[r] != -100;
    if (!code && pass.counted)
        code = pr_net_room(n, b->n_rows, scale > 0, e);
    if (!code && pass.counted)
        code = turn(n, b, e);
    if (code)
        return code;
    if (!pass.counted) {
        *ret = pass;
        return PR_OK;
    }
    place_rows(n, b);
    n->attention.starts = b->starts;
    n->attention.n_sequences = b->n_sequences;
    pr_net_embed(n, b->ids, b->n_rows, pr_net_x(n, 0));
    for (uint32_t l = 0; l < n->config.n_layers && !code; l++)
        code = pr_net_layer_forward(n, l, b->n_rows, e);
    if (!code)
        code = pr_net_head(n, b, pr_net_x(n, n->config.n_layers), scale, &pass.nll, e);
    if (!code && scale > 0)
        code = backward(n, b, e);
    if (!code)
        *ret = pass;
    return code;
}
