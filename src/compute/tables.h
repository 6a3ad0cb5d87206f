/* The tables of operations, one a kernels_<isa>.c; only kernels.c, which knows what this CPU can
 * run, may hand them out. */
#ifndef PR_COMPUTE_TABLES_H
#define PR_COMPUTE_TABLES_H

#include "compute/kernels.h"

extern const struct pr_kernels pr_kernels_portable;
#if defined(__x86_64__)
extern const struct pr_kernels pr_kernels_avx2;
extern const struct pr_kernels pr_kernels_avx512;
extern const struct pr_kernels pr_kernels_avx512bf16;
#endif

/* Bytes from row to row of the square in which weights are turned (pack.inc.h). */
#define SQUARE_BYTES 256

/* The operations of the *.inc.h files, in a file that includes them all. */
#define PR_KERNELS_TABLE(name)                                                                     \
    {                                                                                              \
        .isa = (name),                                                                             \
        .gemm = {[PR_PANEL_F32_F32] = gemm_f32_f32,                                                \
            [PR_PANEL_F32_BF16] = gemm_f32_bf16,                                                   \
            [PR_PANEL_F32_F16] = gemm_f32_f16,                                                     \
            [PR_PANEL_BF16] = gemm_bf16},                                                          \
        .pack = op_pack, .to_bf16 = op_to_bf16, .rmsnorm = op_rmsnorm, .rope = op_rope,            \
        .silu_mul = op_silu_mul, .silu_mul_bf16 = op_silu_mul_bf16, .add = op_add,                 \
        .scale = op_scale, .softmax_block = op_softmax_block, .logsumexp_part = op_logsumexp_part, \
        .gemm_columns = gemm_columns, .gemm_at = gemm_at, .pack_ld = op_pack_ld,                   \
        .pack_rows = op_pack_rows, .softmax_row = op_softmax_row,                                  \
        .softmax_row_back = op_softmax_row_back, .rmsnorm_back = op_rmsnorm_back,                  \
        .silu_mul_back = op_silu_mul_back, .softmax_xent = op_softmax_xent, .axpy = op_axpy,       \
        .sum_squares = op_sum_squares, .adamw = op_adamw,                                          \
    }

#endif
