/* Prints; see print.h. */
#include "queue/print.h"

#include <math.h>
#include <string.h>

#define N_ROWS (PR_PRINT_BANDS * PR_PRINT_ROWS)
#define N_BITS (PR_PRINT_SKETCH * 64)

/* x·a + b modulo 2^32 for odd a: permutations of the 32-bit hashes. */
struct rows {
    uint32_t a[N_ROWS], b[N_ROWS];
};

static void make_rows(struct rows *r)
{
    for (unsigned i = 0; i < N_ROWS; i++) {
        r->a[i] = (uint32_t)pr_mix(2 * i + 1) | 1;
        r->b[i] = (uint32_t)pr_mix(2 * i + 2);
    }
}

static void lower(uint32_t min[N_ROWS], const struct rows *r, uint32_t h)
{
    for (unsigned i = 0; i < N_ROWS; i++) {
        uint32_t v = h * r->a[i] + r->b[i];
        min[i] = v < min[i] ? v : min[i];
    }
}

static uint64_t shingle_at(const uint64_t *w, size_t left)
{
    size_t n = left < PR_PRINT_SHINGLE ? left : PR_PRINT_SHINGLE;
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = (h ^ w[i]) * 0x9e3779b97f4a7c15u + (h >> 29);
    return pr_mix(h);
}

static void fold_bands(const uint32_t min[N_ROWS], struct pr_print *p)
{
    for (unsigned b = 0; b < PR_PRINT_BANDS; b++) {
        uint64_t h = b;
        for (unsigned r = 0; r < PR_PRINT_ROWS; r++)
            h = pr_mix(h ^ min[b * PR_PRINT_ROWS + r]) + r;
        p->band[b] = (uint32_t)(pr_mix(h) >> 32);
    }
}

/* Numbers in their order, the signs right after them, and an answer that is short enough to be the
 * point of the whole text. */
static uint32_t key_of(const uint64_t *w, size_t n, size_t answer_at)
{
    uint64_t h = 1;
    bool whole = answer_at < n && n - answer_at <= PR_PRINT_ANSWER;
    enum pr_word_kind before = PR_WORD_PLAIN;
    for (size_t i = 0; i < n; i++) {
        enum pr_word_kind kind = pr_word_kind(w[i]);
        if (kind == PR_WORD_NUMBER || (kind == PR_WORD_SIGN && before == PR_WORD_NUMBER) ||
            (whole && i >= answer_at))
            h = pr_mix(h ^ w[i]) + 1;
        before = kind;
    }
    return (uint32_t)(h >> 32);
}

void pr_print_make(const uint64_t *words, size_t n, size_t answer_at, struct pr_print *ret)
{
    struct rows rows;
    uint32_t min[N_ROWS];
    *ret = (struct pr_print){.empty = !n};
    if (!n)
        return;
    ret->exact = pr_words_hash(words, n);
    ret->key = key_of(words, n, answer_at);
    size_t shingles = n < PR_PRINT_SHINGLE ? 1 : n - PR_PRINT_SHINGLE + 1;
    ret->n_shingles = shingles > UINT32_MAX ? UINT32_MAX : (uint32_t)shingles;
    while (ret->scale < 24 && (ret->n_shingles >> ret->scale) > PR_PRINT_SHINGLES)
        ret->scale++;
    make_rows(&rows);
    memset(min, 0xff, sizeof min);
    uint64_t out = ((uint64_t)1 << ret->scale) - 1;
    for (size_t i = 0; i < shingles; i++) {
        uint64_t h = shingle_at(words + i, n - i);
        lower(min, &rows, (uint32_t)(h >> 32));
        if (!(h & out)) {
            uint64_t bit = h >> 24 & (N_BITS - 1);
            ret->sketch[bit / 64] ^= (uint64_t)1 << bit % 64;
        }
    }
    fold_bands(min, ret);
}

double pr_print_similarity(const struct pr_print *a, const struct pr_print *b)
{
    int set = 0;
    for (size_t i = 0; i < PR_PRINT_SKETCH; i++)
        set += __builtin_popcountll(a->sketch[i] ^ b->sketch[i]);
    double share = 1 - 2.0 * set / N_BITS;
    if (share <= 0)
        return 0;
    double apart = -N_BITS / 2.0 * log(share) * (double)(1u << a->scale);
    double both = (double)a->n_shingles + b->n_shingles;
    return apart >= both ? 0 : (both - apart) / (both + apart);
}
