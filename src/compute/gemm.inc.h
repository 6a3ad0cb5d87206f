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

PR_INLINE uint32_t load_pair(const void *p)
{
    uint32_t u;
    memcpy(&u, p, 4);
    return u;
}

#ifndef PAIR_PRODUCT /* an instruction set with products of bf16 pairs brings its own */
/* acc[r][j] += Σ over one pair, the even element first, as two widened products. */
#define PAIR_PRODUCT(mr, nv, acc, a, lda, b)                                                       \
    do {                                                                                           \
        vf even_[TILE_VECTORS], odd_[TILE_VECTORS];                                                \
        UNROLL                                                                                     \
        for (int j = 0; j < (nv); j++) {                                                           \
            vu w_ = (vu)vf_load((const float *)(const void *)((b) + 2 * VL * j));                  \
            even_[j] = (vf)(w_ << 16);                                                             \
            odd_[j] = (vf)(w_ & 0xffff0000u);                                                      \
        }                                                                                          \
        UNROLL                                                                                     \
        for (int r = 0; r < (mr); r++) {                                                           \
            uint32_t pair_ = load_pair((a) + (size_t)r * (lda));                                   \
            vf lo_ = vf_set1(pr_bf16_to_f32((uint16_t)pair_));                                     \
            vf hi_ = vf_set1(pr_bf16_to_f32((uint16_t)(pair_ >> 16)));                             \
            UNROLL                                                                                 \
            for (int j = 0; j < (nv); j++) {                                                       \
                acc[r][j] = vf_fma(lo_, even_[j], acc[r][j]);                                      \
                acc[r][j] = vf_fma(hi_, odd_[j], acc[r][j]);                                       \
            }                                                                                      \
        }                                                                                          \
    } while (0)
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
    size_t lda;
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

/* kind, mr and nv are constants at every call: the arrays become registers. */
PR_INLINE void tile(enum pr_panel_kind kind, const int mr, const int nv, const struct tile *t)
{
    vf acc[TILE_ROWS][TILE_VECTORS] = {{{0}}};
    size_t k = t->k, lda = t->lda, cols = t->cols, ldc = t->ldc, step = t->ahead_step;
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
        for (size_t i = 0; i < k; i += 2, x += 2, b += 2 * cols, ahead += step) {
            fetch(ahead);
            PAIR_PRODUCT(mr, nv, acc, x, lda, b);
        }
    } else {
        const float *x = t->a;
        for (size_t i = 0; i < k; i++, x++, ahead += step) {
            vf b[TILE_VECTORS];
            fetch(ahead);
            UNROLL
            for (int j = 0; j < nv; j++)
                b[j] = load_panel(kind, t->panel, i * cols + (size_t)(j * VL));
            UNROLL
            for (int r = 0; r < mr; r++) {
                vf v = vf_set1(x[(size_t)r * lda]);
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
        tile(kind, mr, nv, t);                                                                     \
    }

#define TILE_OF_F32(mr, nv)  TILE_DEFINE(PR_PANEL_F32_F32, mr, nv)
#define TILE_OF_FB16(mr, nv) TILE_DEFINE(PR_PANEL_F32_BF16, mr, nv)
#define TILE_OF_F16(mr, nv)  TILE_DEFINE(PR_PANEL_F32_F16, mr, nv)
#define TILE_OF_BF16(mr, nv) TILE_DEFINE(PR_PANEL_BF16, mr, nv)
TILES(TILE_OF_F32)
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
    for (size_t i = 0, mr; i < n_tiles; i++, rows -= mr) {
        mr = (rows + (n_tiles - i) - 1) / (n_tiles - i); /* 8 rows are 4 + 4, not 6 + 2 */
        for (size_t j = 0, nv; j < t.cols; j += nv * VL) {
            nv = tile_vectors(mr, t.cols - j);
            struct tile part = t;
            part.panel = (const char *)t.panel + j * unit * pr_panel_elem(kind);
            part.c = t.c + j;
            tiles[kind][mr][nv](&part);
            t.ahead += steps * t.ahead_step;
        }
        t.a = (const char *)t.a + mr * t.lda * a_elem;
        t.c += mr * t.ldc;
    }
}

PR_INLINE void gemm(enum pr_panel_kind kind, size_t rows, size_t cols, size_t k, const char *a,
    size_t lda, const char *panel, float *c, size_t ldc, bool accumulate)
{
    size_t a_elem = kind == PR_PANEL_BF16 ? 2 : 4, k_bytes = cols * pr_panel_elem(kind);
    struct blocking how = blocking_for(kind, rows, cols);
    size_t block = how.block / k_bytes / 2 * 2; /* even, for pairs */
    size_t vectors = tile_vectors(rows < TILE_ROWS ? rows : TILE_ROWS, cols);
    size_t passes = (rows + TILE_ROWS - 1) / TILE_ROWS * (cols / (vectors * VL));
    size_t i = 0;
    do { /* once even for k = 0 */
        size_t n = k - i < block ? k - i : block;
        struct tile t = {.cols = cols,
            .k = n,
            .a = a + i * a_elem,
            .panel = panel + i * k_bytes,
            .lda = lda,
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
        gemm(kind, rows, cols, k, a, lda, panel, c, ldc, accumulate);                              \
    }
GEMM_DEFINE(gemm_f32_f32, PR_PANEL_F32_F32)
GEMM_DEFINE(gemm_f32_bf16, PR_PANEL_F32_BF16)
GEMM_DEFINE(gemm_f32_f16, PR_PANEL_F32_F16)
GEMM_DEFINE(gemm_bf16, PR_PANEL_BF16)
