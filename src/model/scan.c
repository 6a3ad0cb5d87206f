/* Looking through weights.  Each loop body is branchless over a small block, so that compilers turn
 * it into vector code; only a block that holds something bad is looked at value by value. */
#include "model/scan.h"

#include <string.h>

#include "base/alloc.h"

#define BLOCK 1024                /* values looked at before the verdict is read */
#define CHUNK ((uint64_t)1 << 20) /* values a work item */

/* Exponent bits all ones: NaN or infinity; nothing but the sign bit: zero. */
#define DEFINE_LOOK(name, type, exponent, magnitude)                                               \
    static void name(const unsigned char *p, size_t n, bool *ret_bad, bool *ret_any)               \
    {                                                                                              \
        type bad = 0, any = 0;                                                                     \
        for (size_t i = 0; i < n; i++) {                                                           \
            type u;                                                                                \
            memcpy(&u, p + i * sizeof u, sizeof u);                                                \
            bad |= (type) - ((u & (type)(exponent)) == (type)(exponent));                          \
            any |= u & (type)(magnitude);                                                          \
        }                                                                                          \
        *ret_bad = bad != 0;                                                                       \
        *ret_any = any != 0;                                                                       \
    }

DEFINE_LOOK(look_f64, uint64_t, 0x7ff0000000000000u, 0x7fffffffffffffffu)
DEFINE_LOOK(look_f32, uint32_t, 0x7f800000u, 0x7fffffffu)
DEFINE_LOOK(look_f16, uint16_t, 0x7c00u, 0x7fffu)
DEFINE_LOOK(look_bf16, uint16_t, 0x7f80u, 0x7fffu)

static const struct {
    void (*look)(const unsigned char *p, size_t n, bool *ret_bad, bool *ret_any);
    uint64_t exponent, mantissa;
} types[PR_DTYPE_COUNT] = {
    [PR_F64] = {look_f64, 0x7ff0000000000000u, 0x000fffffffffffffu},
    [PR_F32] = {look_f32, 0x7f800000u, 0x007fffffu},
    [PR_F16] = {look_f16, 0x7c00u, 0x03ffu},
    [PR_BF16] = {look_bf16, 0x7f80u, 0x007fu},
};

static uint64_t bits_at(enum pr_dtype t, const unsigned char *p, uint64_t i)
{
    uint64_t u = 0; /* little-endian, as the file is */
    memcpy(&u, p + i * pr_dtype_size(t), pr_dtype_size(t));
    return u;
}

/* Counts what is bad among values [from, to). */
static void count_bad(
    enum pr_dtype t, const unsigned char *p, uint64_t from, uint64_t to, struct pr_scan *ret)
{
    for (uint64_t i = from; i < to; i++) {
        uint64_t u = bits_at(t, p, i);
        if ((u & types[t].exponent) != types[t].exponent)
            continue;
        if (u & types[t].mantissa)
            ret->n_nan++;
        else
            ret->n_inf++;
        if (i < ret->first_bad)
            ret->first_bad = i;
    }
}

static void scan_range(
    enum pr_dtype t, const unsigned char *p, uint64_t from, uint64_t to, struct pr_scan *ret)
{
    for (uint64_t i = from; i < to; i += BLOCK) {
        uint64_t end = to - i < BLOCK ? to : i + BLOCK;
        bool bad, any;
        types[t].look(p + i * pr_dtype_size(t), (size_t)(end - i), &bad, &any);
        if (any)
            ret->all_zero = false;
        if (bad)
            count_bad(t, p, i, end, ret);
    }
}

struct item {
    size_t tensor;
    uint64_t from;
    struct pr_scan found;
};

struct job {
    const struct pr_tensor *const *tensors;
    struct item *items;
};

static void run_item(void *ctx, size_t i, int thread)
{
    (void)thread;
    struct job *j = ctx;
    struct item *it = &j->items[i];
    const struct pr_tensor *t = j->tensors[it->tensor];
    uint64_t to = t->n - it->from < CHUNK ? t->n : it->from + CHUNK;
    scan_range(t->dtype, t->data, it->from, to, &it->found);
}

static bool can_scan(const struct pr_tensor *t)
{
    return t->data && pr_dtype_is_float(t->dtype);
}

void pr_scan_tensors(
    const struct pr_tensor *const *tensors, size_t n, struct pr_pool *pool, struct pr_scan *ret)
{
    struct job j = {.tensors = tensors};
    size_t n_items = 0, cap = 0;
    for (size_t i = 0; i < n; i++) {
        struct pr_scan none = {
            .first_bad = tensors[i]->n, .all_zero = can_scan(tensors[i]) && tensors[i]->n > 0};
        ret[i] = none;
        for (uint64_t from = 0; can_scan(tensors[i]) && from < tensors[i]->n; from += CHUNK) {
            struct item it = {.tensor = i, .from = from, .found = none};
            PR_PUSH(j.items, n_items, cap, it);
        }
    }
    if (pool)
        pr_pool_run(pool, n_items, run_item, &j);
    for (size_t i = 0; i < n_items; i++) {
        struct item *it = &j.items[i];
        if (!pool)
            run_item(&j, i, 0);
        struct pr_scan *r = &ret[it->tensor];
        r->n_nan += it->found.n_nan;
        r->n_inf += it->found.n_inf;
        r->all_zero &= it->found.all_zero;
        if (it->found.first_bad < r->first_bad)
            r->first_bad = it->found.first_bad;
    }
    pr_free(j.items);
}
