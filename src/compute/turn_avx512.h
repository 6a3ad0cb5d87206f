/* Turning squares of weights by 90 degrees with AVX-512; the names are those of pack.inc.h. */
#define TURN_WORDS

/* 16 words of each of 16 rows to 16 rows of each of 16 words. */
PR_INLINE void turn16x16(const unsigned char *in, size_t row_bytes, __m512i out[16])
{
    __m512i t[16], u[16];
    UNROLL
    for (int i = 0; i < 16; i += 2) {
        __m512i a = _mm512_loadu_si512(in + (size_t)i * row_bytes);
        __m512i b = _mm512_loadu_si512(in + (size_t)(i + 1) * row_bytes);
        t[i] = _mm512_unpacklo_epi32(a, b);
        t[i + 1] = _mm512_unpackhi_epi32(a, b);
    }
    UNROLL
    for (int i = 0; i < 16; i += 4) {
        u[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        u[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        u[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        u[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    /* u[4g + j] holds, in quarter q, word 4q + j of rows 4g to 4g + 3 */
    UNROLL
    for (int j = 0; j < 4; j++) {
        __m512i a = _mm512_shuffle_i32x4(u[j], u[4 + j], 0x88);
        __m512i b = _mm512_shuffle_i32x4(u[j], u[4 + j], 0xdd);
        __m512i c = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0x88);
        __m512i d = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0xdd);
        out[j] = _mm512_shuffle_i32x4(a, c, 0x88);
        out[4 + j] = _mm512_shuffle_i32x4(b, d, 0x88);
        out[8 + j] = _mm512_shuffle_i32x4(a, c, 0xdd);
        out[12 + j] = _mm512_shuffle_i32x4(b, d, 0xdd);
    }
}

static void turn32(const unsigned char *in, size_t n, uint32_t *out, size_t cols, size_t ld)
{
    for (size_t k = 0; k < n; k += 16) {
        for (size_t row = 0; row < cols; row += 16) {
            __m512i v[16];
            turn16x16(in + row * SQUARE_BYTES + 4 * k, SQUARE_BYTES, v);
            if (n - k >= 16) {
                UNROLL
                for (size_t i = 0; i < 16; i++)
                    _mm512_storeu_si512(out + (k + i) * ld + row, v[i]);
            } else {
                for (size_t i = 0; i < n - k; i++)
                    _mm512_storeu_si512(out + (k + i) * ld + row, v[i]);
            }
        }
    }
}

/* Pairs of words are turned as one and then taken apart. */
static void turn16(const unsigned char *in, size_t n, uint16_t *out, size_t cols, size_t ld)
{
    uint16_t even[32], odd[32];
    for (uint16_t i = 0; i < 32; i++) {
        even[i] = (uint16_t)(2 * i);
        odd[i] = (uint16_t)(2 * i + 1);
    }
    __m512i take_even = _mm512_loadu_si512(even), take_odd = _mm512_loadu_si512(odd);
    for (size_t k = 0; k < n; k += 32) {
        for (size_t row = 0; row < cols; row += 32) {
            __mmask32 wanted = cols - row < 32 ? 0xffff : 0xffffffff;
            __m512i a[16], b[16];
            turn16x16(in + row * SQUARE_BYTES + 2 * k, SQUARE_BYTES, a);
            turn16x16(in + (row + 16) * SQUARE_BYTES + 2 * k, SQUARE_BYTES, b);
            uint16_t *o = out + k * ld + row;
            for (size_t i = 0; i < 32 && i < n - k; i += 2, o += 2 * ld) {
                __m512i x = a[i / 2], y = b[i / 2];
                _mm512_mask_storeu_epi16(o, wanted, _mm512_permutex2var_epi16(x, take_even, y));
                if (i + 1 < n - k)
                    _mm512_mask_storeu_epi16(
                        o + ld, wanted, _mm512_permutex2var_epi16(x, take_odd, y));
            }
        }
    }
}
