/* A linear layer with its low-rank part, forward and back.  A weight that is not trained costs
 * nothing but its products. */
#include "train/net_internal.h"

enum pr_code pr_net_linear_forward(struct pr_net *n, const struct pr_net_linear *l, size_t rows,
    const float *x, size_t ldx, float *t, float *y, size_t ldy, bool accumulate, struct pr_error *e)
{
    struct pr_matmul *mm = &n->matmul;
    enum pr_code code =
        pr_matmul(mm, PR_NT, rows, l->n_out, l->n_in, x, ldx, l->w, y, ldy, accumulate, e);
    if (code || !l->r)
        return code;
    code = pr_matmul(
        mm, PR_NT, rows, l->r, l->n_in, x, ldx, pr_mat_f32(l->a, l->n_in), t, l->r, false, e);
    if (code)
        return code;
    n->kernels->scale(l->scale, rows * l->r, t);
    return pr_matmul(
        mm, PR_NT, rows, l->n_out, l->r, t, l->r, pr_mat_f32(l->b, l->r), y, ldy, true, e);
}

/* dB += dyᵀ·t and dA += (scale·dy·B)ᵀ·x, with t = scale·x·Aᵀ; dx += scale·dy·B·A. */
static enum pr_code lora_back(struct pr_net *n, const struct pr_net_linear *l, size_t rows,
    const float *x, size_t ldx, const float *t, const float *dy, size_t ldy, float *dx, size_t lddx,
    struct pr_error *e)
{
    struct pr_matmul *mm = &n->matmul;
    float *dt = n->space.dt;
    enum pr_code code = PR_OK;
    if (l->db)
        code = pr_matmul(
            mm, PR_TN, l->n_out, l->r, rows, dy, ldy, pr_mat_f32(t, l->r), l->db, l->r, true, e);
    if (!code)
        code = pr_matmul(
            mm, PR_NN, rows, l->r, l->n_out, dy, ldy, pr_mat_f32(l->b, l->r), dt, l->r, false, e);
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

enum pr_code pr_net_linear_back(struct pr_net *n, const struct pr_net_linear *l, size_t rows,
    const float *x, size_t ldx, const float *t, const float *dy, size_t ldy, float *dx, size_t lddx,
    bool accumulate, struct pr_error *e)
{
    struct pr_matmul *mm = &n->matmul;
    enum pr_code code = PR_OK;
    if (l->dw)
        code = pr_matmul(mm, PR_TN, l->n_out, l->n_in, rows, dy, ldy, pr_mat_f32(x, ldx), l->dw,
            l->n_in, true, e);
    if (!code && dx)
        code =
            pr_matmul(mm, PR_NN, rows, l->n_in, l->n_out, dy, ldy, l->w, dx, lddx, accumulate, e);
    if (!code && l->dbias)
        pr_net_add_columns(n, (uint32_t)rows, l->n_out, dy, ldy, l->dbias);
    if (!code && l->r)
        code = lora_back(n, l, rows, x, ldx, t, dy, ldy, dx, lddx, e);
    return code;
}
