/* What a tokenizer must know about characters, by the Unicode versions that Hugging Face's
 * `tokenizers` 0.23 uses: 16 in its regular expressions, 9 in its normalizers.  The system's
 * libraries have others, so the tables are our own. */
#ifndef PR_MODEL_TOK_UNICODE_H
#define PR_MODEL_TOK_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pr_tok_range {
    uint32_t lo, hi; /* both inside */
};

/* General categories, numbered as in tok_unicode_gen.mjs. */
/* Release 14 of clang-format lays this out anew each time it runs. */
/* clang-format off */
#define PR_TOK_GCS(X)                                                                              \
    X(Cn) X(Lu) X(Ll) X(Lt) X(Lm) X(Lo) X(Mn) X(Mc) X(Me) X(Nd)                                    \
    X(Nl) X(No) X(Pc) X(Pd) X(Ps) X(Pe) X(Pi) X(Pf) X(Po) X(Sm)                                    \
    X(Sc) X(Sk) X(So) X(Zs) X(Zl) X(Zp) X(Cc) X(Cf) X(Cs) X(Co)
/* clang-format on */
enum pr_tok_gc {
#define X(name) PR_TOK_##name,
    PR_TOK_GCS(X)
#undef X
        PR_TOK_GC_N
};

/* Classes of one character, as bits. */
enum pr_tok_class {
    PR_TOK_L = 1 << 0,     /* \p{L} */
    PR_TOK_N = 1 << 1,     /* \p{N} */
    PR_TOK_S = 1 << 2,     /* \s, White_Space */
    PR_TOK_UPPER = 1 << 3, /* Lu Lt Lm Lo M */
    PR_TOK_LOWER = 1 << 4, /* Ll Lm Lo M */
    PR_TOK_WORD = 1 << 5,  /* \w */
    PR_TOK_MARK = 1 << 6,  /* \p{M} */
    PR_TOK_NFC = 1 << 7,   /* NFC may change it, or join or reorder it with what stands before */
};

/* Must have run before the functions below; cheap when it has. */
void pr_tok_unicode_init(void);

extern uint16_t pr_tok_class_block[0x1100];
extern uint8_t (*pr_tok_class_pool)[256];
static inline unsigned pr_tok_classes(uint32_t c)
{
    return pr_tok_class_pool[pr_tok_class_block[c >> 8]][c & 255];
}
enum pr_tok_gc pr_tok_gc(uint32_t c);
/* Punctuation as the Punctuation pre-tokenizer knows it: ASCII's and Unicode 8's. */
bool pr_tok_is_punctuation(uint32_t c);
/* A combining mark of Unicode 9, which StripAccents removes. */
bool pr_tok_is_accent(uint32_t c);
/* A later Unicode version gave c a meaning for normalization that Unicode 9 does not know: it must
 * not reach utf8proc. */
bool pr_tok_inert(uint32_t c);

/* The tables of tok_unicode_data.c. */
extern const uint32_t pr_tok_gc_runs[];
extern const size_t pr_tok_gc_runs_n;
extern const struct pr_tok_range pr_tok_after14[], pr_tok_after9_active[], pr_tok_nfc_unsafe[];
extern const struct pr_tok_range pr_tok_after14_alphabetic[], pr_tok_marks_not9[],
    pr_tok_punctuation_not8[];
extern const size_t pr_tok_after14_n, pr_tok_after9_active_n, pr_tok_nfc_unsafe_n,
    pr_tok_after14_alphabetic_n, pr_tok_marks_not9_n, pr_tok_punctuation_not8_n;

#endif
