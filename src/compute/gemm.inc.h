/* Matrix products on panels for one instruction set, from the primitives of a vec_*.h.
 *
 * A tile is `mr` rows × `nv` vectors of columns whose sums stay in registers over a block of k. The
 * block of the panel stays in the first-level cache while all rows pass by; between blocks the sums
 * rest in C, which is exact.  Each sum runs over k in ascending order whatever the tile. */

/* The bytes of the panel that all rows pass by before the next, and how far ahead bytes are fetched
 * meanwhile.  With few rows the product waits for memory, so the stream must not pause for long;
 * the more rows, the more a longer block saves in storing and loading C.  Found by measuring. */
struct blocking {
    size_t rows; /* at most */
    size_t block, ahead;
};

static const struct blocking blockings[] = {
    {8, 4 << 10, 8 << 10},
    {12, 16 << 10, 16 << 10},
    {48, 32 << 10, 32 << 10},
    {96, 64 << 10, 64 << 10},
    {SIZE_MAX, 128 << 10, 128 << 10},
};

PR_INLINE struct blocking blocking_for(enum pr_panel_kind kind, size_t rows, size_t cols)
{
    static const struct blocking one_pass = {0, SIZE_MAX, 8 << 10};
    if (rows <= TILE_ROWS && tile_vectors(rows, cols) * VL == cols)
        return one_pass;
    if (kind == PR_PANEL_F32_BF16 || kind == PR_PANEL_F32_F16)
        rows = rows > SIZE_MAX / 2 ? rows : 2 * rows; /* twice the arithmetic for a byte */
    const struct blocking *b = blockings;
    while (b->rows < rows)
        b++;
    return *b;
}

#ifndef PAIR_PRODUCT /* an instruction set with products of bf16 pairs brings its own */
/* acc[r][j] += Σ over one pair, the even element first, as two widened products. */
PR_INLINE void pair_product(const int mr, const int nv, vf acc[TILE_ROWS][TILE_VECTORS],
    const uint16_t *a, size_t lda, const uint16_t *b)
{
    vf even[TILE_VECTORS], odd[TILE_VECTORS];
    UNROLL
    for (int j = 0; j < nv; j++) {
        vu pairs = (vu)vf_load((const float *)(const void *)(b + 2 * VL * j));
        even[j] = (vf)(pairs << 16);
        odd[j] = (vf)(pairs & 0xffff0000u);
    }
    UNROLL
    for (int r = 0; r < mr; r++) {
        vf x = vf_set1(pr_bf16_to_f32(a[(size_t)r * lda]));
        vf y = vf_set1(pr_bf16_to_f32(a[(size_t)r * lda + 1]));
        UNROLL
        for (int j = 0; j < nv; j++) {
            acc[r][j] = vf_fma(x, even[j], acc[r][j]);
            acc[r][j] = vf_fma(y, odd[j], acc[r][j]);
        }
    }
}
#endif

/* Vector number j of one k of a panel whose elements are `kind`'s. */
PR_INLINE vf load_panel(enum pr_panel_kind kind, const void *b, size_t at)
{
    if (kind == PR_PANEL_F32_F32)
        return vf_load((const float *)b + at);
    if (kind == PR_PANEL_F32_BF16)
        return vf_load_bf16((const uint16_t *)b + at);
    return vf_load_f16((const uint16_t *)b + at);
}

struct tile {
    size_t cols, k;
    const void *a, *panel;
    size_t lda, ldb; /* ldb: elements (pairs: of two) from one k of the panel to the next */
    float *c;
    size_t ldc;
    bool accumulate;
    const char *ahead; /* fetched into the second-level cache meanwhile, ahead_step bytes a step */
    size_t ahead_step;
};

PR_INLINE void fetch(const char *p)
{
    __builtin_prefetch(p, 0, 2);
    __builtin_prefetch(p + 64, 0, 2);
}

#define AT_AHEAD 12 /* steps of k that a transposed a is fetched before it is used */

/* kind, turned, mr and nv are constants at every call: the arrays become registers.  turned: a is
 * f32 and transposed, its element (r, k) at k·lda + r. */
PR_INLINE void tile(
    enum pr_panel_kind kind, const bool turned, const int mr, const int nv, const struct tile *t)
{
    vf acc[TILE_ROWS][TILE_VECTORS] = {{{0}}};
    size_t k = t->k, lda = t->lda, ldb = t->ldb, ldc = t->ldc, step = t->ahead_step;
    const char *ahead = t->ahead;
    float *c = t->c;
    if (t->accumulate) {
        UNROLL
        for (int r = 0; r < mr; r++) {
            UNROLL
            for (int j = 0; j < nv; j++)
                acc[r][j] = vf_load(c + (size_t)r * ldc + j * VL);
        }
    }
    if (kind == PR_PANEL_BF16) {
        const uint16_t *x = t->a, *b = t->panel;
        for (size_t i = 0; i < k; i += 2, x += 2, b += 2 * ldb, ahead += step) {
            fetch(ahead);
            pair_product(mr, nv, acc, x, lda, b);
        }
    } else {
        const float *x = t->a;
        for (size_t i = 0; i < k; i++, x += turned ? lda : 1, ahead += step) {
            vf b[TILE_VECTORS];
            if (step)
                fetch(ahead);
            if (turned)
                __builtin_prefetch(x + AT_AHEAD * lda, 0, 3);
            UNROLL
            for (int j = 0; j < nv; j++)
                b[j] = load_panel(kind, t->panel, i * ldb + (size_t)(j * VL));
            UNROLL
            for (int r = 0; r < mr; r++) {
                vf v = vf_set1(x[turned ? (size_t)r : (size_t)r * lda]);
                UNROLL
                for (int j = 0; j < nv; j++)
                    acc[r][j] = vf_fma(v, b[j], acc[r][j]);
            }
        }
    }
    UNROLL
    for (int r = 0; r < mr; r++) {
        UNROLL
        for (int j = 0; j < nv; j++)
            vf_store(c + (size_t)r * ldc + j * VL, acc[r][j]);
    }
}

typedef void tile_fn(const struct tile *t);

#define TILE_NAME_(kind, mr, nv) tile_##kind##_##mr##x##nv
#define TILE_DEFINE(kind, mr, nv)                                                                  \
    static void TILE_NAME_(kind, mr, nv)(const struct tile *t)                                     \
    {                                                                                              \
        tile(kind, false, mr, nv, t);                                                              \
    }

#define TILE_OF_F32(mr, nv)  TILE_DEFINE(PR_PANEL_F32_F32, mr, nv)
#define TILE_OF_FB16(mr, nv) TILE_DEFINE(PR_PANEL_F32_BF16, mr, nv)
#define TILE_OF_F16(mr, nv)  TILE_DEFINE(PR_PANEL_F32_F16, mr, nv)
#define TILE_OF_BF16(mr, nv) TILE_DEFINE(PR_PANEL_BF16, mr, nv)
#define TILE_OF_AT(mr, nv)                                                                         \
    static void tile_at_##mr##x##nv(const struct tile *t)                                          \
    {                                                                                              \
        tile(PR_PANEL_F32_F32, true, mr, nv, t);                                                   \
    }
TILES(TILE_OF_F32)
TILES(TILE_OF_AT)
TILES(TILE_OF_FB16)
TILES(TILE_OF_F16)
TILES(TILE_OF_BF16)

static tile_fn *const tiles[PR_PANEL_KINDS][TILE_ROWS + 1][TILE_VECTORS + 1] = {
#define TILE_ENTRY(mr, nv)                                                                         \
    [PR_PANEL_F32_F32][mr][nv] = TILE_NAME_(PR_PANEL_F32_F32, mr, nv),                             \
    [PR_PANEL_F32_BF16][mr][nv] = TILE_NAME_(PR_PANEL_F32_BF16, mr, nv),                           \
    [PR_PANEL_F32_F16][mr][nv] = TILE_NAME_(PR_PANEL_F32_F16, mr, nv),                             \
    [PR_PANEL_BF16][mr][nv] = TILE_NAME_(PR_PANEL_BF16, mr, nv),
    TILES(TILE_ENTRY)
#undef TILE_ENTRY
};

/* All rows × cols over one block of k; `all` describes it, with ahead as where the next begins. */
PR_INLINE void gemm_block(enum pr_panel_kind kind, size_t rows, const struct tile *all)
{
    size_t a_elem = kind == PR_PANEL_BF16 ? 2 : 4, unit = pr_panel_unit(kind);
    size_t n_tiles = (rows + TILE_ROWS - 1) / TILE_ROWS, steps = (all->k + unit - 1) / unit;
    struct tile t = *all;
    const char *a = all->a, *panel = all->panel;
    for (size_t row = 0, i = 0, mr; i < n_tiles; i++, row += mr) {
        mr = (rows - row + (n_tiles - i) - 1) / (n_tiles - i); /* 8 rows are 4 + 4, not 6 + 2 */
        t.a = a + row * t.lda * a_elem;
        for (size_t j = 0, nv; j < t.cols; j += nv * VL) {
            nv = tile_vectors(mr, t.cols - j);
            t.panel = panel + j * unit * pr_panel_elem(kind);
            t.c = all->c + row * t.ldc + j;
            tiles[kind][mr][nv](&t);
            t.ahead += steps * t.ahead_step;
        }
    }
}

/* --- many rows of a kind that costs more to widen in the tile than beforehand --- */

#define WIDE_K      256           /* of one block */
#define WIDE_STRIDE (WIDE_K + 16) /* no power of two: rows must not share lines of the cache */

/* A block of any panel as one of f32; k is even where the elements are pairs. */
PR_INLINE void widen_panel(
    enum pr_panel_kind kind, size_t cols, size_t k, const char *panel, float *out)
{
    if (kind != PR_PANEL_BF16) {
        for (size_t i = 0; i < k * cols; i += VL)
            vf_store(out + i, load_panel(kind, panel, i));
        return;
    }
    for (size_t i = 0; i < k; i += 2, out += 2 * cols) {
        for (size_t j = 0; j < cols; j += VL, panel += 4 * VL) {
            vu pairs = (vu)vf_load((const float *)(const void *)panel);
            vf_store(out + j, (vf)(pairs << 16));
            vf_store(out + cols + j, (vf)(pairs & 0xffff0000u));
        }
    }
}

PR_INLINE void widen_rows(size_t rows, size_t k, const uint16_t *a, size_t lda, float *out)
{
    for (size_t r = 0; r < rows; r++, a += lda, out += WIDE_STRIDE) {
        size_t i = 0;
        for (; i + VL <= k; i += VL)
            vf_store(out + i, vf_load_bf16(a + i));
        for (; i < k; i++)
            out[i] = pr_bf16_to_f32(a[i]);
    }
}

/* As gemm, by way of f32: the same products are added in the same order. */
PR_INLINE void gemm_wide(enum pr_panel_kind kind, size_t rows, size_t cols, size_t k, const char *a,
    size_t lda, const char *panel, float *c, size_t ldc, bool accumulate)
{
    _Alignas(64) float wide_panel[WIDE_K * PR_PANEL], wide_rows[TILE_ROWS * WIDE_STRIDE];
    bool pairs = kind == PR_PANEL_BF16;
    size_t k_bytes = cols * pr_panel_elem(kind), a_elem = pairs ? 2 : 4;
    k = (k + pr_panel_unit(kind) - 1) / pr_panel_unit(kind) * pr_panel_unit(kind);
    for (size_t i = 0; i < k || !i; i += WIDE_K) { /* once even for k = 0 */
        size_t n = k - i < WIDE_K ? k - i : WIDE_K;
        struct tile t = {.cols = cols,
            .k = n,
            .panel = wide_panel,
            .ldb = cols,
            .ldc = ldc,
            .accumulate = accumulate || i,
            .ahead = panel + (i + n) * k_bytes,
            .ahead_step = k_bytes * TILE_ROWS / rows * VL / cols};
        widen_panel(kind, cols, n, panel + i * k_bytes, wide_panel);
        for (size_t r = 0; r < rows; r += TILE_ROWS) {
            size_t mr = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
            t.a = a + (r * lda + i) * a_elem;
            t.lda = lda;
            t.c = c + r * ldc;
            if (pairs) {
                widen_rows(mr, n, t.a, lda, wide_rows);
                t.a = wide_rows;
                t.lda = WIDE_STRIDE;
            }
            gemm_block(PR_PANEL_F32_F32, mr, &t);
            t.ahead += n * t.ahead_step * cols / VL;
        }
    }
}

PR_INLINE void gemm(enum pr_panel_kind kind, size_t rows, size_t cols, size_t k, const char *a,
    size_t lda, const char *panel, size_t ldb, float *c, size_t ldc, bool accumulate)
{
    size_t a_elem = kind == PR_PANEL_BF16 ? 2 : 4, k_bytes = ldb * pr_panel_elem(kind);
    struct blocking how = blocking_for(kind, rows, cols);
    size_t block = how.block / k_bytes / 2 * 2; /* even, for pairs */
    size_t vectors = tile_vectors(rows < TILE_ROWS ? rows : TILE_ROWS, cols);
    size_t passes = (rows + TILE_ROWS - 1) / TILE_ROWS * (cols / (vectors * VL));
    size_t i = 0;
    if (WIDEN_BEFORE(kind, rows)) {
        gemm_wide(kind, rows, cols, k, a, lda, panel, c, ldc, accumulate);
        return;
    }
    do { /* once even for k = 0 */
        size_t n = k - i < block ? k - i : block;
        struct tile t = {.cols = cols,
            .k = n,
            .a = a + i * a_elem,
            .panel = panel + i * k_bytes,
            .lda = lda,
            .ldb = ldb,
            .c = c,
            .ldc = ldc,
            .accumulate = accumulate || i,
            .ahead = panel + i * k_bytes + how.ahead,
            .ahead_step = k_bytes * pr_panel_unit(kind) / passes};
        gemm_block(kind, rows, &t);
        i += n;
    } while (i < k);
}

#define GEMM_DEFINE(name, kind)                                                                    \
    static void name(size_t rows, size_t cols, size_t k, const void *a, size_t lda,                \
        const void *panel, float *c, size_t ldc, bool accumulate)                                  \
    {                                                                                              \
        gemm(kind, rows, cols, k, a, lda, panel, cols, c, ldc, accumulate);                        \
    }
GEMM_DEFINE(gemm_f32_f32, PR_PANEL_F32_F32)
GEMM_DEFINE(gemm_f32_bf16, PR_PANEL_F32_BF16)
GEMM_DEFINE(gemm_f32_f16, PR_PANEL_F32_F16)
GEMM_DEFINE(gemm_bf16, PR_PANEL_BF16)

static void gemm_columns(size_t rows, size_t cols, size_t k, const float *a, size_t lda,
    const float *panel, size_t ld_panel, float *c, size_t ldc, bool accumulate)
{
    gemm(PR_PANEL_F32_F32, rows, cols, k, (const char *)a, lda, (const char *)panel, ld_panel, c,
        ldc, accumulate);
}

/* --- a transposed --- */

/* Of k; the panel of training is in a near cache already, so that nothing is fetched ahead. */
#define AT_BLOCK ((size_t)512)

static tile_fn *const tiles_at[TILE_ROWS + 1][TILE_VECTORS + 1] = {
#define TILE_AT_ENTRY(mr, nv) [mr][nv] = tile_at_##mr##x##nv,
    TILES(TILE_AT_ENTRY)
#undef TILE_AT_ENTRY
};

static void gemm_at(size_t rows, size_t cols, size_t k, const float *a, size_t lda,
    const void *panel, float *c, size_t ldc, bool accumulate)
{
    size_t i = 0, n_tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    do { /* once even for k = 0 */
        size_t n = k - i < AT_BLOCK ? k - i : AT_BLOCK;
        struct tile t = {.cols = cols,
            .k = n,
            .lda = lda,
            .ldb = cols,
            .ldc = ldc,
            .accumulate = accumulate || i};
        for (size_t row = 0, number = 0, mr; row < rows; row += mr, number++) {
            mr = (rows - row + (n_tiles - number) - 1) / (n_tiles - number);
            t.a = a + i * lda + row;
            for (size_t j = 0, nv; j < cols; j += nv * VL) {
                nv = tile_vectors(mr, cols - j);
                t.panel = (const float *)panel + i * cols + j;
                t.c = c + row * ldc + j;
                tiles_at[mr][nv](&t);
            }
        }
        i += n;
    } while (i < k);
}
