/* Matrix products of training, on the thread pool: the three shapes that a linear layer y = x·Wᵀ
 * needs, from row-major matrices as they lie.  Panels are packed inside, in scratch that is kept.
 */
#ifndef PR_TRAIN_MATMUL_H
#define PR_TRAIN_MATMUL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "compute/dtype.h"
#include "compute/kernels.h"
#include "compute/pool.h"

enum pr_matmul_shape {
    PR_NT, /* c[m][n] = a[m][k] · b[n][k]ᵀ: y = x · Wᵀ */
    PR_NN, /* c[m][n] = a[m][k] · b[k][n]: dx = dy · W */
    PR_TN  /* c[m][n] = a[k][m]ᵀ · b[k][n]: dW = dyᵀ · x */
};

struct pr_matmul {
    struct pr_pool *pool;
    const struct pr_kernels *kernels;
    bool bf16; /* a and b are rounded to bf16, products exact, sums f32 */
    char *scratch;
    size_t scratch_bytes;
};

/* A matrix of any float type, row-major, ld elements from row to row. */
struct pr_mat {
    const void *data;
    enum pr_dtype dtype;
    size_t ld;
};
static inline struct pr_mat pr_mat_f32(const float *data, size_t ld)
{
    return (struct pr_mat){data, PR_F32, ld};
}

void pr_matmul_init(
    struct pr_matmul *mm, struct pr_pool *pool, const struct pr_kernels *kernels, bool bf16);
void pr_matmul_done(struct pr_matmul *mm);

/* c (f32, leading dimension ldc) = (accumulate ? c : 0) + the product.  a is f32; b is of any float
 * type.  Each element of c is a sum over k in an order that does not depend on the number of
 * threads.  PR_E_MEMORY when scratch cannot be had; c is then unchanged. */
PR_MUST_CHECK enum pr_code pr_matmul(struct pr_matmul *mm, enum pr_matmul_shape shape, size_t m,
    size_t n, size_t k, const float *a, size_t lda, struct pr_mat b, float *c, size_t ldc,
    bool accumulate, struct pr_error *e);

/* One of several products of one shape that are made together.  Either none has the c of another; a
 * b that is the part's before is packed once then.  Or all have the same c, m and n, which becomes
 * the sum of all, added in their order. */
struct pr_matmul_part {
    size_t m, n, k;
    const float *a;
    size_t lda;
    struct pr_mat b;
    float *c;
    size_t ldc;
};
#define PR_MATMUL_PARTS 3
/* As pr_matmul of each, to the bit (with one c the second and later ones accumulate); n_parts at
 * most PR_MATMUL_PARTS. */
PR_MUST_CHECK enum pr_code pr_matmul_parts(struct pr_matmul *mm, enum pr_matmul_shape shape,
    const struct pr_matmul_part *parts, size_t n_parts, bool accumulate, struct pr_error *e);

#endif
