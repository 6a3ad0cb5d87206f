/* Spreads the range tables of tok_unicode_data.c into two-stage tables that take two loads to read.
 */
#include "model/tok_unicode.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

#define MAX_CHAR 0x110000u
#define BLOCKS   (MAX_CHAR / 256)

uint16_t pr_tok_class_block[BLOCKS];
uint8_t (*pr_tok_class_pool)[256];

static bool in_ranges(const struct pr_tok_range *r, size_t n, uint32_t c)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c > r[mid].hi)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && c >= r[lo].lo;
}

enum pr_tok_gc pr_tok_gc(uint32_t c)
{
    size_t lo = 0, hi = pr_tok_gc_runs_n;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (pr_tok_gc_runs[mid] >> 5 <= c)
            lo = mid;
        else
            hi = mid;
    }
    return (enum pr_tok_gc)(pr_tok_gc_runs[lo] & 31);
}

bool pr_tok_inert(uint32_t c)
{
    return c >= 0x80 && in_ranges(pr_tok_after9_active, pr_tok_after9_active_n, c);
}

bool pr_tok_is_punctuation(uint32_t c)
{
    enum pr_tok_gc gc = pr_tok_gc(c);
    if (c < 0x80)
        return c > 0x20 && c < 0x7f && !(pr_tok_classes(c) & (PR_TOK_L | PR_TOK_N));
    return (gc >= PR_TOK_Pc && gc <= PR_TOK_Po) !=
           in_ranges(pr_tok_punctuation_not8, pr_tok_punctuation_not8_n, c);
}

bool pr_tok_is_accent(uint32_t c)
{
    return c >= 0x300 && ((pr_tok_classes(c) & PR_TOK_MARK) != 0) !=
                             in_ranges(pr_tok_marks_not9, pr_tok_marks_not9_n, c);
}

/* Classes that follow from the category alone. */
static uint8_t of_category(enum pr_tok_gc gc)
{
    static const uint8_t table[PR_TOK_GC_N] = {
        [PR_TOK_Lu] = PR_TOK_L | PR_TOK_UPPER | PR_TOK_WORD,
        [PR_TOK_Ll] = PR_TOK_L | PR_TOK_LOWER | PR_TOK_WORD,
        [PR_TOK_Lt] = PR_TOK_L | PR_TOK_UPPER | PR_TOK_WORD,
        [PR_TOK_Lm] = PR_TOK_L | PR_TOK_UPPER | PR_TOK_LOWER | PR_TOK_WORD,
        [PR_TOK_Lo] = PR_TOK_L | PR_TOK_UPPER | PR_TOK_LOWER | PR_TOK_WORD,
        [PR_TOK_Mn] = PR_TOK_MARK | PR_TOK_UPPER | PR_TOK_LOWER | PR_TOK_WORD,
        [PR_TOK_Mc] = PR_TOK_MARK | PR_TOK_UPPER | PR_TOK_LOWER | PR_TOK_WORD,
        [PR_TOK_Me] = PR_TOK_MARK | PR_TOK_UPPER | PR_TOK_LOWER | PR_TOK_WORD,
        [PR_TOK_Nd] = PR_TOK_N | PR_TOK_WORD,
        [PR_TOK_Nl] = PR_TOK_N | PR_TOK_WORD,
        [PR_TOK_No] = PR_TOK_N,
        [PR_TOK_Pc] = PR_TOK_WORD,
    };
    return table[gc];
}

static void set_range(uint8_t *flat, uint32_t lo, uint32_t hi, uint8_t bit)
{
    for (uint32_t c = lo; c <= hi; c++)
        flat[c] |= bit;
}

static void fill(uint8_t *flat)
{
    for (size_t i = 0; i < pr_tok_gc_runs_n; i++) {
        uint32_t from = pr_tok_gc_runs[i] >> 5;
        uint32_t to = i + 1 < pr_tok_gc_runs_n ? pr_tok_gc_runs[i + 1] >> 5 : MAX_CHAR;
        memset(flat + from, of_category((enum pr_tok_gc)(pr_tok_gc_runs[i] & 31)), to - from);
    }
    for (uint32_t c = 0; c <= 0x3000; c++)
        if (pr_utf8_is_space(c))
            flat[c] |= PR_TOK_S;
    /* Letters in circles and squares are alphabetic symbols, which \w takes too. */
    static const struct pr_tok_range symbols[] = {
        {0x24b6, 0x24e9}, {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189}};
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        set_range(flat, symbols[i].lo, symbols[i].hi, PR_TOK_WORD);
    for (size_t i = 0; i < pr_tok_nfc_unsafe_n; i++)
        set_range(flat, pr_tok_nfc_unsafe[i].lo, pr_tok_nfc_unsafe[i].hi, PR_TOK_NFC);
}

static void build(void)
{
    uint8_t *flat = pr_zalloc(MAX_CHAR);
    uint8_t(*pool)[256] = NULL;
    size_t n = 0, cap = 0;
    fill(flat);
    for (uint32_t b = 0; b < BLOCKS; b++) {
        size_t k = n; /* equal blocks are most often neighbours */
        while (k > 0 && memcmp(pool[k - 1], flat + b * 256, 256) != 0)
            k--;
        if (k == 0) {
            pr_grow((void **)&pool, &cap, n + 1, sizeof *pool);
            memcpy(pool[n++], flat + b * 256, 256);
            k = n;
        }
        pr_tok_class_block[b] = (uint16_t)(k - 1);
    }
    pr_free(flat);
    pr_tok_class_pool = pool; /* lives as long as the process */
}

void pr_tok_unicode_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
}
