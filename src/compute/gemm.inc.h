/* Matrix products on panels for one instruction set, from the primitives of a vec_*.h.
 *
 * A tile is `mr` rows × `nv` vectors of columns whose sums stay in registers over a block of k. The
 * block of the panel stays in the first-level cache while all rows pass by; between blocks the sums
 * rest in C, which is exact.  Each sum runs over k in ascending order whatever the tile. */

/* Bytes of a panel block that stays in the first-level cache beside a few rows of A. */
#define BLOCK_BYTES 32768

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

/* kind, mr and nv are constants at every call: the arrays become registers. */
PR_INLINE void tile(enum pr_panel_kind kind, const int mr, const int nv, size_t cols, size_t k,
    const void *a, size_t lda, const void *panel, float *c, size_t ldc, bool accumulate)
{
    vf acc[TILE_ROWS][TILE_VECTORS] = {{{0}}};
    if (accumulate) {
        UNROLL
        for (int r = 0; r < mr; r++) {
            UNROLL
            for (int j = 0; j < nv; j++)
                acc[r][j] = vf_load(c + (size_t)r * ldc + j * VL);
        }
    }
    if (kind == PR_PANEL_BF16) {
        const uint16_t *x = a, *b = panel;
        for (size_t i = 0; i < k; i += 2, x += 2, b += 2 * cols)
            PAIR_PRODUCT(mr, nv, acc, x, lda, b);
    } else {
        const float *x = a;
        for (size_t i = 0; i < k; i++, x++) {
            vf b[TILE_VECTORS];
            UNROLL
            for (int j = 0; j < nv; j++)
                b[j] = load_panel(kind, panel, i * cols + (size_t)(j * VL));
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

typedef void tile_fn(size_t cols, size_t k, const void *a, size_t lda, const void *panel, float *c,
    size_t ldc, bool accumulate);

#define TILE_NAME_(kind, mr, nv) tile_##kind##_##mr##x##nv
#define TILE_DEFINE(kind, mr, nv)                                                                  \
    static void TILE_NAME_(kind, mr, nv)(size_t cols, size_t k, const void *a, size_t lda,         \
        const void *panel, float *c, size_t ldc, bool accumulate)                                  \
    {                                                                                              \
        tile(kind, mr, nv, cols, k, a, lda, panel, c, ldc, accumulate);                            \
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

/* All rows × cols over one block of k. */
PR_INLINE void gemm_block(enum pr_panel_kind kind, size_t rows, size_t cols, size_t k,
    const char *a, size_t lda, const char *panel, float *c, size_t ldc, bool accumulate)
{
    size_t a_elem = kind == PR_PANEL_BF16 ? 2 : 4, unit = pr_panel_unit(kind);
    size_t n_tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t t = 0, mr; t < n_tiles; t++, rows -= mr) {
        mr = (rows + (n_tiles - t) - 1) / (n_tiles - t); /* 8 rows are 4 + 4, not 6 + 2 */
        for (size_t j = 0, nv; j < cols; j += nv * VL) {
            nv = tile_vectors(mr, cols - j);
            tiles[kind][mr][nv](
                cols, k, a, lda, panel + j * unit * pr_panel_elem(kind), c + j, ldc, accumulate);
        }
        a += mr * lda * a_elem;
        c += mr * ldc;
    }
}

PR_INLINE void gemm(enum pr_panel_kind kind, size_t rows, size_t cols, size_t k, const char *a,
    size_t lda, const char *panel, float *c, size_t ldc, bool accumulate)
{
    size_t a_elem = kind == PR_PANEL_BF16 ? 2 : 4, k_bytes = cols * pr_panel_elem(kind);
    size_t block = rows <= TILE_ROWS ? k : BLOCK_BYTES / k_bytes / 2 * 2;
    size_t i = 0;
    do { /* once even for k = 0 */
        size_t n = k - i < block ? k - i : block;
        gemm_block(
            kind, rows, cols, n, a + i * a_elem, lda, panel + i * k_bytes, c, ldc, accumulate || i);
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
