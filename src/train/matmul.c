/* Matrix products in blocks: a block of b is packed into panels that all threads share (and a block
 * of a is rounded to bf16, and turned, where that is wanted), then groups of rows meet panels.  The
 * blocks of several products go through both together, so that threads seldom wait for each other.
 *
 * Each element of c is summed over k in ascending order whatever the blocks and the threads, as the
 * kernels promise. */
#include "train/matmul.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

/* Blocks of a and b together stay in the last-level cache; a panel over a block of k stays in the
 * second-level one.  Found by measuring. */
#define BLOCK_K    ((size_t)1024)
#define BLOCK_N    ((size_t)1024)
#define BLOCK_M    ((size_t)2048) /* where a must be rounded */
#define PACK_K     ((size_t)256)  /* of one item of packing */
#define GROUP_ROWS ((size_t)252)  /* of one item of multiplying, at most; a multiple of 6 and 4 */
#define LEAST_ROWS ((size_t)48)   /* and at least, unless there are fewer */

/* A block of one product. */
struct job {
    const struct pr_matmul *mm;
    enum pr_matmul_shape shape;
    enum pr_panel_kind kind;
    size_t elem;              /* bytes of an element of a panel, and of a as it is multiplied */
    size_t m, n, k;           /* of the block */
    const float *a;           /* the block's first element */
    struct pr_mat b;          /* likewise */
    float *c;                 /* likewise */
    size_t lda, ldc, ld_made; /* ld_made: of made_a */
    bool accumulate;
    char *panels, *made_a; /* made_a NULL: a is multiplied as it lies */
    float *edges;          /* (threads, GROUP_ROWS, 64): columns past c's edge */
    size_t panel_bytes;    /* from panel to panel */
    size_t pack_items, a_items, group_rows, groups, items;
};

/* Those of several; `sum`: all of them into one c, whose items go through all in their order. */
struct batch {
    struct job v[PR_MATMUL_PARTS];
    size_t n;
    bool sum;
};

void pr_matmul_init(
    struct pr_matmul *mm, struct pr_pool *pool, const struct pr_kernels *kernels, bool bf16)
{
    *mm = (struct pr_matmul){.pool = pool, .kernels = kernels, .bf16 = bf16};
}

void pr_matmul_done(struct pr_matmul *mm)
{
    pr_big_free(mm->scratch, mm->scratch_bytes);
    mm->scratch = NULL;
    mm->scratch_bytes = 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t up_to(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static size_t panel_columns(const struct job *j, size_t panel)
{
    return least(j->n - panel * PR_PANEL, PR_PANEL);
}

/* One panel over PACK_K of k. */
static void pack_panel(const struct job *j, size_t item)
{
    size_t pieces = (j->k + PACK_K - 1) / PACK_K;
    size_t panel = item / pieces, k0 = item % pieces * PACK_K, k = least(j->k - k0, PACK_K);
    size_t n0 = panel * PR_PANEL, n = panel_columns(j, panel), cols = up_to(n, 16);
    const struct pr_kernels *kn = j->mm->kernels;
    bool nt = j->shape == PR_NT;
    size_t at = nt ? n0 * j->b.ld + k0 : k0 * j->b.ld + n0;
    const char *b = (const char *)j->b.data + at * pr_dtype_size(j->b.dtype);
    char *out = j->panels + panel * j->panel_bytes + k0 * cols * j->elem;
    if (nt)
        kn->pack_ld(j->kind, j->b.dtype, b, j->b.ld, n, k, cols, out);
    else
        kn->pack_rows(j->kind, j->b.dtype, b, j->b.ld, n, k, cols, out);
}

/* 64 rows of a rounded to bf16, and turned where its rows are columns. */
static void make_rows(const struct job *j, size_t item)
{
    const struct pr_kernels *kn = j->mm->kernels;
    size_t r0 = item * PR_PANEL, rows = least(j->m - r0, PR_PANEL);
    char *out = j->made_a + r0 * j->ld_made * j->elem;
    if (j->shape != PR_TN) {
        for (size_t r = 0; r < rows; r++, out += j->ld_made * 2) {
            kn->to_bf16(j->a + (r0 + r) * j->lda, j->k, (uint16_t *)(void *)out);
            memset(out + 2 * j->k, 0, 2 * (j->k & 1));
        }
        return;
    }
    for (size_t i = 0; i < j->k; i += PR_PANEL)
        kn->pack_ld(PR_PANEL_F32_BF16, PR_F32, j->a + i * j->lda + r0, j->lda,
            least(j->k - i, PR_PANEL), rows, j->ld_made, out + i * j->elem);
}

static void prepare_item(void *ctx, size_t item, int thread)
{
    const struct job *j = ((const struct batch *)ctx)->v;
    (void)thread;
    for (; item >= j->pack_items + j->a_items; j++)
        item -= j->pack_items + j->a_items;
    if (item < j->pack_items)
        pack_panel(j, item);
    else
        make_rows(j, item - j->pack_items);
}

static void multiply(const struct job *j, size_t rows, size_t cols, const char *a, size_t lda,
    const char *panel, float *c, size_t ldc)
{
    const struct pr_kernels *kn = j->mm->kernels;
    if (j->shape == PR_TN && !j->made_a)
        kn->gemm_at(
            rows, cols, j->k, (const float *)(const void *)a, lda, panel, c, ldc, j->accumulate);
    else
        kn->gemm[j->kind](rows, cols, j->k, a, lda, panel, c, ldc, j->accumulate);
}

/* A panel that is wider than what is left of c goes by way of `edge` (rows, cols). */
static void multiply_edge(const struct job *j, size_t rows, size_t n, const char *a, size_t lda,
    const char *panel, float *c, float *edge)
{
    size_t cols = up_to(n, 16);
    for (size_t r = 0; j->accumulate && r < rows; r++)
        memcpy(edge + r * cols, c + r * j->ldc, n * sizeof *c);
    multiply(j, rows, cols, a, lda, panel, edge, cols);
    for (size_t r = 0; r < rows; r++)
        memcpy(c + r * j->ldc, edge + r * cols, n * sizeof *c);
}

static void multiply_one(const struct job *j, size_t item, int thread)
{
    size_t panel = item / j->groups, r0 = item % j->groups * j->group_rows;
    size_t rows = least(j->m - r0, j->group_rows), n = panel_columns(j, panel);
    size_t lda = j->made_a ? j->ld_made : j->lda;
    const float *as_it_lies = j->a + (j->shape == PR_TN ? r0 : r0 * lda);
    const char *a = j->made_a ? j->made_a + r0 * lda * j->elem : (const char *)as_it_lies;
    const char *b = j->panels + panel * j->panel_bytes;
    float *c = j->c + r0 * j->ldc + panel * PR_PANEL;
    if (n % 16)
        multiply_edge(j, rows, n, a, lda, b, c, j->edges + (size_t)thread * GROUP_ROWS * PR_PANEL);
    else
        multiply(j, rows, n, a, lda, b, c, j->ldc);
}

static void multiply_item(void *ctx, size_t item, int thread)
{
    const struct batch *b = ctx;
    const struct job *j = b->v;
    if (b->sum) {
        for (size_t i = 0; i < b->n; i++)
            multiply_one(&j[i], item, thread);
        return;
    }
    for (; item >= j->items; j++)
        item -= j->items;
    multiply_one(j, item, thread);
}

/* Groups of rows: enough items for the threads to share evenly, each long enough for the panel's
 * way into the cache to be worth it. */
static void choose_groups(struct job *j, size_t panels)
{
    size_t threads = (size_t)pr_pool_threads(j->mm->pool);
    size_t wanted = threads > 1 ? (4 * threads + panels - 1) / panels : 1;
    size_t fewest = (j->m + GROUP_ROWS - 1) / GROUP_ROWS;
    size_t most = (j->m + LEAST_ROWS - 1) / LEAST_ROWS;
    j->groups = wanted > most ? most : wanted;
    j->groups = j->groups < fewest ? fewest : j->groups;
    j->group_rows = least(up_to((j->m + j->groups - 1) / j->groups, 12), GROUP_ROWS);
    j->groups = (j->m + j->group_rows - 1) / j->group_rows;
}

static size_t panels_of(size_t n)
{
    return (n + PR_PANEL - 1) / PR_PANEL;
}

static void run_batch(struct pr_pool *pool, struct batch *b, bool b_is_packed)
{
    size_t prepare = 0, multiply_items = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct job *j = &b->v[i];
        size_t panels = panels_of(j->n);
        bool packed = b_is_packed || (i && j->panels == j[-1].panels);
        j->pack_items = packed ? 0 : panels * ((j->k + PACK_K - 1) / PACK_K);
        j->a_items = j->made_a ? panels_of(j->m) : 0;
        choose_groups(j, panels);
        j->items = panels * j->groups;
        prepare += j->pack_items + j->a_items;
        multiply_items += i && b->sum ? 0 : j->items;
    }
    if (prepare)
        pr_pool_run(pool, prepare, prepare_item, b);
    pr_pool_run(pool, multiply_items, multiply_item, b);
}

/* ---- the whole ---- */

static bool same_b(const struct pr_matmul_part *p, const struct pr_matmul_part *q)
{
    return p->b.data == q->b.data && p->b.ld == q->b.ld && p->n == q->n && p->k == q->k;
}

/* Lays out the scratch of the parts' jobs, whose m, n and k are the wholes'; grows it where needed.
 */
static enum pr_code make_scratch(
    struct pr_matmul *mm, const struct pr_matmul_part *parts, struct batch *b, struct pr_error *e)
{
    size_t panels[PR_MATMUL_PARTS], made[PR_MATMUL_PARTS], bytes = 0;
    size_t edges = (size_t)pr_pool_threads(mm->pool) * GROUP_ROWS * PR_PANEL * sizeof(float);
    for (size_t i = 0; i < b->n; i++) {
        struct job *j = &b->v[i];
        size_t k = least(j->k, BLOCK_K), n = least(j->n, BLOCK_N);
        bool shared = i && same_b(&parts[i], &parts[i - 1]);
        j->panel_bytes = up_to(pr_panel_bytes(j->kind, k, PR_PANEL), 64);
        j->ld_made = up_to(k, PR_PANEL) + 16; /* no power of two: rows must not share lines */
        panels[i] = shared ? panels[i - 1] : bytes;
        bytes += shared ? 0 : panels_of(n) * j->panel_bytes;
        made[i] = bytes;
        bytes += mm->bf16 ? up_to(least(j->m, BLOCK_M) * j->ld_made * j->elem, 64) : 0;
    }
    if (bytes + edges > mm->scratch_bytes) {
        void *scratch;
        enum pr_code code = pr_big_alloc(&scratch, bytes + edges, 1, "matrix product", e);
        if (code)
            return code;
        pr_big_free(mm->scratch, mm->scratch_bytes);
        mm->scratch = scratch;
        mm->scratch_bytes = bytes + edges;
    }
    for (size_t i = 0; i < b->n; i++) {
        struct job *j = &b->v[i];
        j->panels = mm->scratch + panels[i];
        j->made_a = mm->bf16 ? mm->scratch + made[i] : NULL;
        j->edges = (float *)(void *)(mm->scratch + bytes);
    }
    return PR_OK;
}

/* Where a block begins. */
struct corner {
    size_t m, n, k;
};

/* The blocks there of the products that reach so far. */
static void run_corner(const struct batch *whole, const struct pr_matmul_part *parts,
    size_t block_m, struct corner at, bool accumulate)
{
    struct batch b = {.sum = whole->sum};
    for (size_t i = 0; i < whole->n; i++) {
        const struct pr_matmul_part *p = &parts[i];
        struct job j = whole->v[i];
        if (at.m >= j.m || at.n >= j.n || (at.k && at.k >= j.k)) /* once even for k = 0 */
            continue;
        bool nt = j.shape == PR_NT, tn = j.shape == PR_TN;
        size_t b_at = nt ? at.n * p->b.ld + at.k : at.k * p->b.ld + at.n;
        j.m = least(j.m - at.m, block_m);
        j.n = least(j.n - at.n, BLOCK_N);
        j.k = least(j.k - at.k, BLOCK_K);
        j.a = p->a + (tn ? at.k * p->lda + at.m : at.m * p->lda + at.k);
        j.b = (struct pr_mat){
            (const char *)p->b.data + b_at * pr_dtype_size(p->b.dtype), p->b.dtype, p->b.ld};
        j.c = p->c + at.m * p->ldc + at.n;
        j.accumulate = accumulate || at.k || (b.sum && i);
        b.v[b.n++] = j;
    }
    if (b.n)
        run_batch(b.v[0].mm->pool, &b, at.m > 0);
}

enum pr_code pr_matmul_parts(struct pr_matmul *mm, enum pr_matmul_shape shape,
    const struct pr_matmul_part *parts, size_t n_parts, bool accumulate, struct pr_error *e)
{
    struct batch whole = {.n = n_parts, .sum = n_parts > 1 && parts[0].c == parts[1].c};
    struct corner end = {0, 0, 1};
    assert(n_parts <= PR_MATMUL_PARTS);
    for (size_t i = 0; i < n_parts; i++) {
        const struct pr_matmul_part *p = &parts[i];
        whole.v[i] = (struct job){.mm = mm,
            .shape = shape,
            .kind = mm->bf16 ? PR_PANEL_BF16 : PR_PANEL_F32_F32,
            .elem = mm->bf16 ? 2 : 4,
            .m = p->m,
            .n = p->n,
            .k = p->k,
            .lda = p->lda,
            .ldc = p->ldc};
        end.m = p->m > end.m ? p->m : end.m;
        end.n = p->n > end.n ? p->n : end.n;
        end.k = p->k > end.k ? p->k : end.k;
    }
    enum pr_code code = make_scratch(mm, parts, &whole, e);
    if (code)
        return code;
    size_t block_m = mm->bf16 ? BLOCK_M : SIZE_MAX;
    struct corner at = {0};
    for (at.n = 0; at.n < end.n; at.n += BLOCK_N)
        for (at.k = 0; at.k < end.k; at.k += BLOCK_K)
            for (at.m = 0; at.m < end.m; at.m += least(block_m, end.m - at.m))
                run_corner(&whole, parts, block_m, at, accumulate);
    return PR_OK;
}

enum pr_code pr_matmul(struct pr_matmul *mm, enum pr_matmul_shape shape, size_t m, size_t n,
    size_t k, const float *a, size_t lda, struct pr_mat b, float *c, size_t ldc, bool accumulate,
    struct pr_error *e)
{
    const struct pr_matmul_part part = {m, n, k, a, lda, b, c, ldc};
    return pr_matmul_parts(mm, shape, &part, 1, accumulate, e);
}
