/* Packing of weight matrices into panels for one instruction set.
 *
 * 64 rows × 256 bytes at a time are converted to the panel's type in a small square that stays in
 * the first-level cache (rows and columns past the end as zeros), and then turned by 90 degrees.
 * Sources may lie at any byte address. */

#ifndef TURN_WORDS /* an instruction set with shuffles brings its own */
#define TURN_WORDS
/* out[k·ld + row] = in[row][k] for `cols` rows of `n` words of 32 bits, rows SQUARE_BYTES apart;
 * cols: 16, 32, 48 or 64. */
static void turn32(const unsigned char *in, size_t n, uint32_t *out, size_t cols, size_t ld)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t row = 0; row < cols; row++)
            memcpy(out + k * ld + row, in + row * SQUARE_BYTES + 4 * k, 4);
    }
}

/* The same for words of 16 bits. */
static void turn16(const unsigned char *in, size_t n, uint16_t *out, size_t cols, size_t ld)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t row = 0; row < cols; row++)
            memcpy(out + k * ld + row, in + row * SQUARE_BYTES + 2 * k, 2);
    }
}
#endif

/* Widens n <= VL elements from any byte address. */
PR_INLINE vf load_as_f32(enum pr_dtype type, size_t size, const unsigned char *p, size_t n)
{
    unsigned char tail[4 * VL];
    if (n < VL) {
        memset(tail, 0, sizeof tail);
        memcpy(tail, p, n * size);
        p = tail;
    }
    if (type == PR_F32)
        return vf_load((const float *)(const void *)p);
    if (type == PR_BF16)
        return vf_load_bf16((const uint16_t *)(const void *)p);
    return vf_load_f16((const uint16_t *)(const void *)p);
}

PR_INLINE void convert_vector(enum pr_dtype from, size_t size, const unsigned char *src, size_t n,
    enum pr_dtype to, unsigned char *dst)
{
    vf v = load_as_f32(from, size, src, n);
    if (to == PR_F32)
        st((float *)(void *)dst, v, n);
    else
        vu_store_low16((uint16_t *)(void *)dst, vf_round_bf16(v), n);
}

PR_INLINE void convert(
    enum pr_dtype from, const unsigned char *src, size_t n, enum pr_dtype to, unsigned char *dst)
{
    size_t size = from == PR_F32 ? 4 : 2, out = to == PR_F32 ? 4 : 2, i = 0;
    for (; i + VL <= n; i += VL)
        convert_vector(from, size, src + i * size, VL, to, dst + i * out);
    if (i < n)
        convert_vector(from, size, src + i * size, n - i, to, dst + i * out);
}

/* A part of a row; f16 as a target and f64 as a source are rare enough for plain loops. */
static void convert_row(
    enum pr_dtype from, const unsigned char *src, size_t n, enum pr_dtype to, unsigned char *dst)
{
    if (from == to)
        memcpy(dst, src, n * pr_dtype_size(to));
    else if (from == PR_F32 && to == PR_BF16)
        convert(PR_F32, src, n, PR_BF16, dst);
    else if (from == PR_F16 && to == PR_BF16)
        convert(PR_F16, src, n, PR_BF16, dst);
    else if (from == PR_F16 && to == PR_F32)
        convert(PR_F16, src, n, PR_F32, dst);
    else if (from == PR_BF16 && to == PR_F32)
        convert(PR_BF16, src, n, PR_F32, dst);
    else
        pr_convert(from, src, n, to, dst);
}

PR_INLINE void copy_square_row(const unsigned char *src, unsigned char *dst)
{
    UNROLL
    for (size_t i = 0; i < SQUARE_BYTES; i += 4 * VL)
        vf_store((float *)(void *)(dst + i), vf_load((const float *)(const void *)(src + i)));
}

static const enum pr_dtype panel_types[PR_PANEL_KINDS] = {[PR_PANEL_F32_F32] = PR_F32,
    [PR_PANEL_F32_BF16] = PR_BF16,
    [PR_PANEL_F32_F16] = PR_F16,
    [PR_PANEL_BF16] = PR_BF16};

static void op_pack_ld(enum pr_panel_kind kind, enum pr_dtype src_dtype, const void *src,
    size_t stride, size_t n, size_t k, size_t ld, void *panel)
{
    _Alignas(64) unsigned char square[PR_PANEL][SQUARE_BYTES];
    enum pr_dtype type = panel_types[kind];
    size_t elem = pr_panel_elem(kind), src_elem = pr_dtype_size(src_dtype);
    size_t width = SQUARE_BYTES / elem, columns = ld < PR_PANEL ? ld : PR_PANEL;
    if (n < PR_PANEL || k < width)
        memset(square, 0, sizeof square);
    for (size_t i = 0; i < k; i += width) {
        size_t cols = k - i < width ? k - i : width;
        const unsigned char *row = (const unsigned char *)src + i * src_elem;
        for (size_t r = 0; r < n; r++, row += stride * src_elem) {
            if (src_dtype == type && cols == width)
                copy_square_row(row, square[r]);
            else
                convert_row(src_dtype, row, cols, type, square[r]);
            if (cols < width)
                memset(square[r] + cols * elem, 0, SQUARE_BYTES - cols * elem);
        }
        unsigned char *out = (unsigned char *)panel + i * ld * elem;
        if (elem == 4)
            turn32(square[0], cols, (uint32_t *)(void *)out, columns, ld);
        else if (kind == PR_PANEL_BF16)
            turn32(square[0], (cols + 1) / 2, (uint32_t *)(void *)out, columns, ld);
        else
            turn16(square[0], cols, (uint16_t *)(void *)out, columns, ld);
    }
}

static void op_pack(enum pr_panel_kind kind, enum pr_dtype src_dtype, const void *src,
    size_t stride, size_t n, size_t k, void *panel)
{
    op_pack_ld(kind, src_dtype, src, stride, n, k, PR_PANEL, panel);
}

/* VL elements of a row as bits of bf16, in the low halves. */
PR_INLINE vu load_bf16_bits(enum pr_dtype from, const unsigned char *p)
{
    if (from == PR_BF16)
        return (vu)vf_load_bf16((const uint16_t *)(const void *)p) >> 16;
    return vf_round_bf16(vf_load((const float *)(const void *)p));
}

/* Two rows (bf16 or f32) as pairs of bf16, the first's in the low halves. */
PR_INLINE void interleave(enum pr_dtype from, const unsigned char *low, const unsigned char *high,
    size_t cols, uint16_t *out)
{
    size_t step = VL * (from == PR_BF16 ? 2 : 4);
    for (size_t j = 0; j < cols; j += VL, low += step, high += step) {
        vu pairs = load_bf16_bits(from, low) | load_bf16_bits(from, high) << 16;
        vf_store((float *)(void *)(out + 2 * j), (vf)pairs);
    }
}

static void interleave_rows(enum pr_dtype src_dtype, const unsigned char *in, size_t in_row,
    size_t n, size_t k, size_t cols, uint16_t *out)
{
    _Alignas(64) unsigned char rows[2][PR_PANEL * 2] = {{0}};
    for (size_t i = 0; i < k; i += 2, in += 2 * in_row, out += 2 * cols) {
        if (n == cols && i + 1 < k && src_dtype == PR_BF16) {
            interleave(PR_BF16, in, in + in_row, cols, out);
        } else if (n == cols && i + 1 < k && src_dtype == PR_F32) {
            interleave(PR_F32, in, in + in_row, cols, out);
        } else {
            memset(rows[1], 0, sizeof rows[1]);
            convert_row(src_dtype, in, n, PR_BF16, rows[0]);
            if (i + 1 < k)
                convert_row(src_dtype, in + in_row, n, PR_BF16, rows[1]);
            interleave(PR_BF16, rows[0], rows[1], cols, out);
        }
    }
}

static void op_pack_rows(enum pr_panel_kind kind, enum pr_dtype src_dtype, const void *src,
    size_t stride, size_t n, size_t k, size_t cols, void *panel)
{
    const unsigned char *in = src;
    unsigned char *out = panel;
    enum pr_dtype type = panel_types[kind];
    size_t elem = pr_panel_elem(kind), in_row = stride * pr_dtype_size(src_dtype);
    if (kind == PR_PANEL_BF16) {
        interleave_rows(src_dtype, in, in_row, n, k, cols, panel);
    } else if (src_dtype == type && n * elem == SQUARE_BYTES) {
        for (size_t i = 0; i < k; i++, in += in_row, out += SQUARE_BYTES) {
            for (size_t j = 0; j < SQUARE_BYTES; j += 64)
                __builtin_prefetch(in + 12 * in_row + j, 0, 3);
            copy_square_row(in, out);
        }
    } else {
        for (size_t i = 0; i < k; i++, in += in_row, out += cols * elem) {
            convert_row(src_dtype, in, n, type, out);
            memset(out + n * elem, 0, (cols - n) * elem);
        }
    }
}
