/* Products of bf16 pairs by the instruction for them; the name is that of gemm.inc.h. */
#define PAIR_PRODUCT

PR_INLINE void pair_product(const int mr, const int nv, vf acc[TILE_ROWS][TILE_VECTORS],
    const uint16_t *a, size_t lda, const uint16_t *b)
{
    __m512bh w[TILE_VECTORS];
    UNROLL
    for (int j = 0; j < nv; j++)
        w[j] = (__m512bh)_mm512_loadu_si512(b + 2 * VL * j);
    UNROLL
    for (int r = 0; r < mr; r++) {
        int pair;
        memcpy(&pair, a + (size_t)r * lda, 4);
        __m512bh x = (__m512bh)_mm512_set1_epi32(pair); /* once for all columns: loads are scarce */
        UNROLL
        for (int j = 0; j < nv; j++)
            acc[r][j] = (vf)_mm512_dpbf16_ps((__m512)acc[r][j], x, w[j]);
    }
}
