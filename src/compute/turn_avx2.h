/* Turning squares of weights by 90 degrees with AVX2; the names are those of pack.inc.h. */
#define TURN_WORDS

/* 8 words of each of 8 rows to 8 rows of each of 8 words. */
PR_INLINE void turn8x8(const unsigned char *in, size_t row_bytes, __m256i out[8])
{
    __m256i t[8], u[8];
    UNROLL
    for (int i = 0; i < 8; i += 2) {
        const unsigned char *p = in + (size_t)i * row_bytes;
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + row_bytes));
        t[i] = _mm256_unpacklo_epi32(a, b);
        t[i + 1] = _mm256_unpackhi_epi32(a, b);
    }
    UNROLL
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        u[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        u[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        u[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    UNROLL
    for (int j = 0; j < 4; j++) {
        out[j] = _mm256_permute2x128_si256(u[j], u[4 + j], 0x20);
        out[4 + j] = _mm256_permute2x128_si256(u[j], u[4 + j], 0x31);
    }
}

static void turn32(const unsigned char *in, size_t n, uint32_t *out, size_t cols, size_t ld)
{
    for (size_t k = 0; k < n; k += 8) {
        for (size_t row = 0; row < cols; row += 8) {
            __m256i v[8];
            turn8x8(in + row * SQUARE_BYTES + 4 * k, SQUARE_BYTES, v);
            for (size_t i = 0; i < 8 && i < n - k; i++)
                _mm256_storeu_si256((__m256i *)(void *)(out + (k + i) * ld + row), v[i]);
        }
    }
}

/* The words of 16 bits in the low halves of x and of y, in order. */
PR_INLINE void store_low_halves(uint16_t *p, __m256i x, __m256i y)
{
    __m256i v = _mm256_permute4x64_epi64(_mm256_packus_epi32(x, y), 0xd8);
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

/* Pairs of words are turned as one and then taken apart. */
static void turn16(const unsigned char *in, size_t n, uint16_t *out, size_t cols, size_t ld)
{
    const __m256i low = _mm256_set1_epi32(0xffff);
    for (size_t k = 0; k < n; k += 16) {
        for (size_t row = 0; row < cols; row += 16) {
            __m256i a[8], b[8];
            turn8x8(in + row * SQUARE_BYTES + 2 * k, SQUARE_BYTES, a);
            turn8x8(in + (row + 8) * SQUARE_BYTES + 2 * k, SQUARE_BYTES, b);
            uint16_t *o = out + k * ld + row;
            for (size_t i = 0; i < 16 && i < n - k; i += 2, o += 2 * ld) {
                __m256i x = a[i / 2], y = b[i / 2];
                store_low_halves(o, _mm256_and_si256(x, low), _mm256_and_si256(y, low));
                if (i + 1 < n - k)
                    store_low_halves(o + ld, _mm256_srli_epi32(x, 16), _mm256_srli_epi32(y, 16));
            }
        }
    }
}
