/* The texts of a tokenizer's training, as words with counts. */
#include "model/bpe_train.h"

#include <string.h>

#include "base/alloc.h"
#include "model/bpe_train_internal.h"
#include "model/tok_unicode.h"

const char pr_bpe_pattern[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
                              "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
                              "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const char *const pr_bpe_specials[PR_BPE_SPECIALS] = {
    "<|endoftext|>", "<|im_start|>", "<|im_end|>"};

void pr_bpe_byte_ids(uint32_t ret[256])
{
    for (int b = 0; b < 256; b++) {
        ret[b] = 0;
        for (int other = 0; other < 256; other++)
            ret[b] += pr_tok_byte_char((uint8_t)other) < pr_tok_byte_char((uint8_t)b);
    }
}

enum pr_code pr_bpe_trainer_new(struct pr_bpe_trainer **ret, struct pr_error *e)
{
    struct pr_bpe_trainer *t = pr_zalloc(sizeof *t);
    pr_tok_unicode_init();
    json_t *nfc = json_object();
    pr_json_set_str(nfc, "type", "NFC");
    enum pr_code code = pr_tok_normalizer_parse(nfc, &t->normalizer, e);
    json_decref(nfc);
    t->scratch[0] = t->scratch[1] = PR_STR_INIT(PR_TOK_MAX_TEXT);
    t->match = pr_tok_match_known(pr_bpe_pattern);
    if (!code && !t->match)
        code = pr_fail(e, PR_E_UNSUPPORTED, "no matcher for Qwen2's pattern");
    if (code)
        pr_bpe_trainer_free(t);
    else
        *ret = t;
    return code;
}

void pr_bpe_trainer_free(struct pr_bpe_trainer *t)
{
    if (!t)
        return;
    pr_tok_normalizer_done(&t->normalizer);
    pr_str_done(&t->scratch[0]);
    pr_str_done(&t->scratch[1]);
    pr_free(t->words.pool);
    pr_free(t->words.v);
    pr_free(t->words.slots);
    pr_free(t);
}

/* ---- the set of words ---------------------------------------------------------------------- */

static void grow_index(struct pr_bpe_words *w)
{
    size_t cap = w->slots ? (w->mask + 1) * 2 : 1 << 12;
    pr_free(w->slots);
    w->slots = pr_zalloc(cap * sizeof *w->slots);
    w->mask = cap - 1;
    for (size_t i = 0; i < w->n; i++) {
        uint64_t h = pr_tok_hash(w->pool + w->v[i].off, w->v[i].len);
        size_t k = h & w->mask;
        while (w->slots[k])
            k = (k + 1) & w->mask;
        w->slots[k] = h >> 32 << 32 | (uint32_t)(i + 1);
    }
}

static enum pr_code count_word(struct pr_bpe_words *w, const char *s, size_t n, struct pr_error *e)
{
    if (!w->slots || w->n * 2 > w->mask)
        grow_index(w);
    uint64_t h = pr_tok_hash(s, n);
    size_t k = h & w->mask;
    for (; w->slots[k]; k = (k + 1) & w->mask) {
        struct pr_bpe_word *word = &w->v[(uint32_t)w->slots[k] - 1];
        if (w->slots[k] >> 32 == h >> 32 && word->len == n && !memcmp(w->pool + word->off, s, n)) {
            word->count++;
            return PR_OK;
        }
    }
    if (w->n == UINT32_MAX - 1)
        return pr_fail(e, PR_E_LIMIT, "more than %zu different words", w->n);
    struct pr_bpe_word word = {w->pool_n, (uint32_t)n, 1};
    if (w->pool_cap - w->pool_n < n)
        pr_grow((void **)&w->pool, &w->pool_cap, w->pool_n + n, 1);
    memcpy(w->pool + w->pool_n, s, n);
    w->pool_n += n;
    PR_PUSH(w->v, w->n, w->cap, word);
    w->slots[k] = h >> 32 << 32 | (uint32_t)w->n;
    return PR_OK;
}

/* ---- texts --------------------------------------------------------------------------------- */

/* A text without special tokens. */
static enum pr_code add_piece(struct pr_bpe_trainer *t, const char *s, size_t n, struct pr_error *e)
{
    struct pr_tok_text text;
    bool front;
    if (!n)
        return PR_OK;
    enum pr_code code = pr_tok_normalize(&t->normalizer, s, n, t->scratch, &text, &front, e);
    for (size_t at = 0, len; at < text.n && !code; at += len) {
        len = t->match(text.s + at, text.n - at);
        t->figures.words++;
        if (len > PR_BPE_MAX_WORD)
            t->figures.too_long++;
        else
            code = count_word(&t->words, text.s + at, len, e);
    }
    return code;
}

/* The length of the special token that s starts with, or 0. */
static size_t special_at(const char *s, size_t n)
{
    for (size_t i = 0; i < PR_BPE_SPECIALS; i++) {
        size_t len = strlen(pr_bpe_specials[i]);
        if (n >= len && !memcmp(s, pr_bpe_specials[i], len))
            return len;
    }
    return 0;
}

enum pr_code pr_bpe_trainer_add(
    struct pr_bpe_trainer *t, const char *text, size_t n, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    size_t from = 0;
    t->figures.bytes += n;
    for (size_t at = 0; at < n && !code;) {
        const char *open = memmem(text + at, n - at, "<|", 2);
        at = open ? (size_t)(open - text) : n;
        size_t len = special_at(text + at, n - at);
        if (len) {
            code = add_piece(t, text + from, at - from, e);
            from = at + len;
        }
        at += len ? len : 2;
    }
    return code ? code : from < n ? add_piece(t, text + from, n - from, e) : PR_OK;
}

struct pr_bpe_figures pr_bpe_trainer_figures(const struct pr_bpe_trainer *t)
{
    struct pr_bpe_figures f = t->figures;
    f.distinct = t->words.n;
    return f;
}
