/* Linear layers with their low-rank parts, forward and back: those that read the same x together. A
 * weight that is not trained costs nothing but its products. */
#include "train/net_internal.h"

static enum pr_code lora_forward(struct pr_net *n, const struct pr_net_branch *v, size_t rows,
    const float *x, size_t ldx, struct pr_error *e)
{
    const struct pr_net_linear *l = v->l;
    struct pr_matmul *mm = &n->matmul;
    enum pr_code code = pr_matmul(
        mm, PR_NT, rows, l->r, l->n_in, x, ldx, pr_mat_f32(l->a, l->n_in), v->t, l->r, false, e);
    if (code)
        return code;
    n->kernels->scale(l->scale, rows * l->r, v->t);
    return pr_matmul(
        mm, PR_NT, rows, l->n_out, l->r, v->t, l->r, pr_mat_f32(l->b, l->r), v->y, v->ldy, true, e);
}

enum pr_code pr_net_linear_forward(struct pr_net *n, const struct pr_net_branch *v, size_t count,
    size_t rows, const float *x, size_t ldx, bool accumulate, struct pr_error *e)
{
    struct pr_matmul_part parts[PR_NET_BRANCHES] = {{0}};
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct pr_matmul_part){
            rows, v[i].l->n_out, v[i].l->n_in, x, ldx, v[i].l->w, v[i].y, v[i].ldy};
    enum pr_code code = pr_matmul_parts(&n->matmul, PR_NT, parts, count, accumulate, e);
    for (size_t i = 0; i < count && !code; i++)
        if (v[i].l->r)
            code = lora_forward(n, &v[i], rows, x, ldx, e);
    return code;
}

/* dB += dyᵀ·t and dA += (scale·dy·B)ᵀ·x, with t = scale·x·Aᵀ; dx += scale·dy·B·A. */
static enum pr_code lora_back(struct pr_net *n, const struct pr_net_branch *v, size_t rows,
    const float *x, size_t ldx, float *dx, size_t lddx, struct pr_error *e)
{
    const struct pr_net_linear *l = v->l;
    struct pr_matmul *mm = &n->matmul;
    float *dt = n->space.dt;
    enum pr_code code = PR_OK;
    if (l->db)
        code = pr_matmul(mm, PR_TN, l->n_out, l->r, rows, v->y, v->ldy, pr_mat_f32(v->t, l->r),
            l->db, l->r, true, e);
    if (!code)
        code = pr_matmul(mm, PR_NN, rows, l->r, l->n_out, v->y, v->ldy, pr_mat_f32(l->b, l->r), dt,
            l->r, false, e);
    if (code)
        return code;
    n->kernels->scale(l->scale, rows * l->r, dt);
    if (l->da)
        code = pr_matmul(
            mm, PR_TN, l->r, l->n_in, rows, dt, l->r, pr_mat_f32(x, ldx), l->da, l->n_in, true, e);
    if (!code && dx)
        code = pr_matmul(
            mm, PR_NN, rows, l->n_in, l->r, dt, l->r, pr_mat_f32(l->a, l->n_in), dx, lddx, true, e);
    return code;
}

/* dW += dyᵀ·x of those that are trained. */
static enum pr_code weights_back(struct pr_net *n, const struct pr_net_branch *v, size_t count,
    size_t rows, const float *x, size_t ldx, struct pr_error *e)
{
    struct pr_matmul_part parts[PR_NET_BRANCHES] = {{0}};
    size_t n_parts = 0;
    for (size_t i = 0; i < count; i++) {
        const struct pr_net_linear *l = v[i].l;
        if (l->dw)
            parts[n_parts++] = (struct pr_matmul_part){
                l->n_out, l->n_in, rows, v[i].y, v[i].ldy, pr_mat_f32(x, ldx), l->dw, l->n_in};
    }
    return pr_matmul_parts(&n->matmul, PR_TN, parts, n_parts, true, e);
}

/* dx = Σ dy·W. */
static enum pr_code input_back(struct pr_net *n, const struct pr_net_branch *v, size_t count,
    size_t rows, float *dx, size_t lddx, struct pr_error *e)
{
    struct pr_matmul_part parts[PR_NET_BRANCHES] = {{0}};
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct pr_matmul_part){
            rows, v[i].l->n_in, v[i].l->n_out, v[i].y, v[i].ldy, v[i].l->w, dx, lddx};
    return pr_matmul_parts(&n->matmul, PR_NN, parts, count, false, e);
}

enum pr_code pr_net_linear_back(struct pr_net *n, const struct pr_net_branch *v, size_t count,
    size_t rows, const float *x, size_t ldx, float *dx, size_t lddx, struct pr_error *e)
{
    enum pr_code code = weights_back(n, v, count, rows, x, ldx, e);
    if (!code && dx)
        code = input_back(n, v, count, rows, dx, lddx, e);
    for (size_t i = 0; i < count && !code; i++) {
        const struct pr_net_linear *l = v[i].l;
        if (l->dbias)
            pr_net_add_columns(n, (uint32_t)rows, l->n_out, v[i].y, v[i].ldy, l->dbias);
        if (l->r)
            code = lora_back(n, &v[i], rows, x, ldx, dx, lddx, e);
    }
    return code;
}
