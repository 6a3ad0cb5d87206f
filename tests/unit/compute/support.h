/* What the tests of kernels share: random numbers, buffers, the tables of this CPU. */
#ifndef TESTS_COMPUTE_SUPPORT_H
#define TESTS_COMPUTE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "compute/kernels.h"

/* 64-byte aligned, zeroed. */
static inline void *big(size_t bytes)
{
    void *p = NULL;
    assert_int_equal(pr_big_alloc(&p, bytes, 1, "test", NULL), PR_OK);
    return p;
}

static inline size_t below(struct pr_rng *r, size_t n)
{
    return (size_t)pr_rng_below(r, n);
}

static inline float normal(struct pr_rng *r)
{
    return (float)pr_rng_normal(r);
}

static inline void fill_normal(struct pr_rng *r, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = normal(r);
}

static inline enum pr_dtype panel_dtype(enum pr_panel_kind kind)
{
    return kind == PR_PANEL_F32_F32 ? PR_F32 : kind == PR_PANEL_F32_F16 ? PR_F16 : PR_BF16;
}

/* Byte offset of one element of a panel of `cols` columns. */
static inline size_t panel_at(enum pr_panel_kind kind, size_t cols, size_t k, size_t col)
{
    size_t u = pr_panel_unit(kind);
    return ((k / u * cols + col) * u + k % u) * pr_panel_elem(kind);
}

static inline double panel_get(
    enum pr_panel_kind kind, const void *panel, size_t cols, size_t k, size_t col)
{
    float f;
    pr_to_f32(panel_dtype(kind), (const char *)panel + panel_at(kind, cols, k, col), 1, &f);
    return (double)f;
}

static inline void panel_set(
    enum pr_panel_kind kind, void *panel, size_t cols, size_t k, size_t col, float value)
{
    char *at = (char *)panel + panel_at(kind, cols, k, col);
    pr_convert(PR_F32, &value, 1, panel_dtype(kind), at);
}

/* Calls body(kernels, seed) for each table of this CPU; the name is printed when a test fails. */
#define FOR_EACH_TABLE(kernels)                                                                    \
    size_t n_tables_;                                                                              \
    const struct pr_kernels *const *tables_ = pr_kernels_all(&n_tables_), *kernels;                \
    for (size_t t_ = 0; t_ < n_tables_ && (kernels = tables_[t_]); t_++)

#define CHECK(ok, ...)                                                                             \
    do {                                                                                           \
        if (!(ok)) {                                                                               \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

#endif
