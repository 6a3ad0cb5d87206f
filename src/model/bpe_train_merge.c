/* Learning merges, kept incrementally: each merge visits only the words that hold its pair.
 *
 * Pairs wait in a heap with the count they had when they were put there and the words they were
 * seen in; one whose count has changed since is put back with its present count, which can only be
 * smaller.  Both hold because a pair comes up in one merge only, the one that made the newer of its
 * two tokens: a token is made once, everywhere at once.  And no two pairs make the same string,
 * since which symbols a stretch of bytes has become follows from those bytes alone, as long as no
 * symbol reaches across its ends.
 */
#include <string.h>

#include "base/alloc.h"
#include "model/bpe_train_internal.h"

struct list {
    uint32_t *v; /* indices of words, rising */
    size_t n, cap;
};

struct pair {
    uint64_t key; /* left << 32 | right; UINT64_MAX: free slot */
    int64_t count;
    uint32_t fresh; /* index + 1 into fresh: seen in the merge at hand */
};

/* A pair in the heap, with the words to visit. */
struct waiting {
    int64_t count;
    uint64_t key;
    struct list words;
};

struct run {
    const struct pr_bpe_words *words;
    uint32_t *symbols; /* of word i: len[i] of them from words->v[i].off on */
    uint32_t *len;
    size_t n_symbols;
    struct pair *pairs;
    size_t mask, n_pairs;
    struct waiting *heap;
    size_t n_heap, heap_cap;
    struct waiting *fresh; /* its counts are not used */
    size_t n_fresh, fresh_cap;
    struct pr_bpe_result made; /* what will be handed over */
    size_t bytes_cap, offset_cap, merges_cap;
};

/* ---- pairs --------------------------------------------------------------------------------- */

static struct pair *slot_of(struct pair *pairs, size_t mask, uint64_t key)
{
    uint64_t h = key * 0x9e3779b97f4a7c15u;
    size_t k = (h ^ h >> 29) & mask;
    while (pairs[k].key != key && pairs[k].key != UINT64_MAX)
        k = (k + 1) & mask;
    return &pairs[k];
}

static void grow_pairs(struct run *r)
{
    size_t cap = r->pairs ? (r->mask + 1) * 2 : 1 << 12;
    struct pair *pairs = pr_realloc(NULL, cap, sizeof *pairs);
    for (size_t i = 0; i < cap; i++)
        pairs[i] = (struct pair){.key = UINT64_MAX};
    for (size_t i = 0; r->pairs && i <= r->mask; i++)
        if (r->pairs[i].key != UINT64_MAX)
            *slot_of(pairs, cap - 1, r->pairs[i].key) = r->pairs[i];
    pr_free(r->pairs);
    r->pairs = pairs;
    r->mask = cap - 1;
}

static struct pair *pair_of(struct run *r, uint32_t left, uint32_t right)
{
    uint64_t key = (uint64_t)left << 32 | right;
    if (!r->pairs || r->n_pairs * 2 > r->mask)
        grow_pairs(r);
    struct pair *p = slot_of(r->pairs, r->mask, key);
    if (p->key == UINT64_MAX) {
        p->key = key;
        r->n_pairs++;
    }
    return p;
}

static void count_less(struct run *r, uint32_t left, uint32_t right, uint64_t count)
{
    pair_of(r, left, right)->count -= (int64_t)count;
}

/* The pair occurs count times more, in this word. */
static void count_more(struct run *r, uint32_t left, uint32_t right, uint64_t count, uint32_t word)
{
    struct pair *p = pair_of(r, left, right);
    p->count += (int64_t)count;
    if (!p->fresh) {
        struct waiting w = {.key = p->key};
        PR_PUSH(r->fresh, r->n_fresh, r->fresh_cap, w);
        p->fresh = (uint32_t)r->n_fresh;
    }
    struct list *l = &r->fresh[p->fresh - 1].words;
    if (!l->n || l->v[l->n - 1] != word)
        PR_PUSH(l->v, l->n, l->cap, word);
}

/* ---- the heap ------------------------------------------------------------------------------ */

static bool before(const struct waiting *a, const struct waiting *b)
{
    return a->count != b->count ? a->count > b->count : a->key < b->key;
}

static void sift_up(struct run *r, size_t i)
{
    struct waiting w = r->heap[i];
    for (; i && before(&w, &r->heap[(i - 1) / 2]); i = (i - 1) / 2)
        r->heap[i] = r->heap[(i - 1) / 2];
    r->heap[i] = w;
}

static void sift_down(struct run *r, size_t i)
{
    struct waiting w = r->heap[i];
    for (size_t k; (k = 2 * i + 1) < r->n_heap; i = k) {
        if (k + 1 < r->n_heap && before(&r->heap[k + 1], &r->heap[k]))
            k++;
        if (!before(&r->heap[k], &w))
            break;
        r->heap[i] = r->heap[k];
    }
    r->heap[i] = w;
}

/* What the merge at hand (or the first count) brought up waits from now on. */
static void put_fresh(struct run *r)
{
    for (size_t i = 0; i < r->n_fresh; i++) {
        struct waiting w = r->fresh[i];
        struct pair *p = slot_of(r->pairs, r->mask, w.key);
        p->fresh = 0;
        w.count = p->count;
        if (w.count <= 0) {
            pr_free(w.words.v);
            continue;
        }
        PR_PUSH(r->heap, r->n_heap, r->heap_cap, w);
        sift_up(r, r->n_heap - 1);
    }
    r->n_fresh = 0;
}

/* The pair that occurs most often, with its present count; false when none is left. */
static bool take_best(struct run *r, struct waiting *ret)
{
    while (r->n_heap) {
        struct waiting *top = &r->heap[0];
        int64_t now = slot_of(r->pairs, r->mask, top->key)->count;
        if (top->count == now) {
            *ret = *top;
            r->heap[0] = r->heap[--r->n_heap];
            if (r->n_heap)
                sift_down(r, 0);
            return true;
        }
        top->count = now;
        sift_down(r, 0);
    }
    return false;
}

/* ---- words and tokens ---------------------------------------------------------------------- */

/* Token n of the result ends where its bytes end now. */
static void end_token(struct run *r, size_t n_bytes)
{
    size_t n = r->made.n_tokens + 1;
    if (n == r->offset_cap)
        pr_grow((void **)&r->made.offset, &r->offset_cap, n + 1, sizeof *r->made.offset);
    r->made.offset[n] = r->made.offset[n - 1] + n_bytes;
    r->made.n_tokens = n;
}

static void start_tokens(struct run *r, uint32_t ids[256])
{
    pr_bpe_byte_ids(ids);
    pr_grow((void **)&r->made.bytes, &r->bytes_cap, 4096, 1);
    pr_grow((void **)&r->made.offset, &r->offset_cap, 512, sizeof *r->made.offset);
    r->made.offset[0] = 0;
    for (int b = 0; b < 256; b++) {
        r->made.bytes[ids[b]] = (char)b;
        end_token(r, 1);
    }
}

static enum pr_code start_words(struct run *r, const uint32_t ids[256], struct pr_error *e)
{
    const struct pr_bpe_words *w = r->words;
    void *symbols, *len;
    enum pr_code code;
    r->n_symbols = w->pool_n;
    if ((code = pr_big_alloc(&symbols, w->pool_n + 1, sizeof *r->symbols, "words", e)))
        return code;
    r->symbols = symbols;
    if ((code = pr_big_alloc(&len, w->n + 1, sizeof *r->len, "words", e)))
        return code;
    r->len = len;
    for (size_t i = 0; i < w->pool_n; i++)
        r->symbols[i] = ids[(uint8_t)w->pool[i]];
    for (size_t i = 0; i < w->n; i++) {
        const uint32_t *s = r->symbols + w->v[i].off;
        r->len[i] = w->v[i].len;
        for (uint32_t k = 0; k + 1 < r->len[i]; k++)
            count_more(r, s[k], s[k + 1], w->v[i].count, (uint32_t)i);
    }
    put_fresh(r);
    return PR_OK;
}

/* The token that two make together. */
static uint32_t joined(struct run *r, uint32_t left, uint32_t right)
{
    struct pr_bpe_result *m = &r->made;
    struct pr_bpe_merge merge = {left, right};
    size_t n_left = m->offset[left + 1] - m->offset[left];
    size_t n_right = m->offset[right + 1] - m->offset[right], end = m->offset[m->n_tokens];
    if (r->bytes_cap - end < n_left + n_right)
        pr_grow((void **)&m->bytes, &r->bytes_cap, end + n_left + n_right, 1);
    memcpy(m->bytes + end, m->bytes + m->offset[left], n_left);
    memcpy(m->bytes + end + n_left, m->bytes + m->offset[right], n_right);
    end_token(r, n_left + n_right);
    PR_PUSH(m->merges, m->n_merges, r->merges_cap, merge);
    return (uint32_t)m->n_tokens - 1;
}

/* Joins each left and right that follow each other in a word, from its front. */
static void merge_in_word(struct run *r, uint32_t word, uint32_t left, uint32_t right, uint32_t id)
{
    uint32_t *s = r->symbols + r->words->v[word].off, n = r->len[word], kept = 0;
    uint64_t count = r->words->v[word].count;
    for (uint32_t i = 0; i < n; i++) {
        if (s[i] != left || i + 1 >= n || s[i + 1] != right) {
            s[kept++] = s[i];
            continue;
        }
        if (kept) {
            count_less(r, s[kept - 1], left, count);
            count_more(r, s[kept - 1], id, count, word);
        }
        if (i + 2 < n) {
            count_less(r, right, s[i + 2], count);
            count_more(r, id, s[i + 2], count, word);
        }
        s[kept++] = id;
        i++;
    }
    r->len[word] = kept;
}

static enum pr_code learn(struct run *r, const struct pr_bpe_train_options *o, struct pr_error *e)
{
    size_t wanted = o->vocab_size - PR_BPE_SPECIALS;
    int64_t least = o->min_frequency > 1 ? (int64_t)o->min_frequency : 1;
    struct waiting best;
    size_t visited = 0;
    while (r->made.n_tokens < wanted && take_best(r, &best)) {
        uint32_t left = (uint32_t)(best.key >> 32), right = (uint32_t)best.key;
        if (best.count < least) {
            pr_free(best.words.v);
            break;
        }
        uint32_t id = joined(r, left, right);
        for (size_t i = 0; i < best.words.n; i++)
            merge_in_word(r, best.words.v[i], left, right, id);
        visited += best.words.n + 64;
        pr_free(best.words.v);
        put_fresh(r);
        if (visited > 1 << 16 && o->on_progress) {
            visited = 0;
            if (o->on_progress(o->ctx, r->made.n_tokens + PR_BPE_SPECIALS, o->vocab_size))
                return pr_fail(e, PR_E_CANCELLED, "stopped");
        }
    }
    return PR_OK;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void run_done(struct run *r)
{
    for (size_t i = 0; i < r->n_heap; i++)
        pr_free(r->heap[i].words.v);
    for (size_t i = 0; i < r->n_fresh; i++)
        pr_free(r->fresh[i].words.v);
    pr_free(r->heap);
    pr_free(r->fresh);
    pr_free(r->pairs);
    pr_bpe_result_done(&r->made);
    pr_big_free(r->symbols, (r->n_symbols + 1) * sizeof *r->symbols);
    pr_big_free(r->len, (r->words->n + 1) * sizeof *r->len);
}

enum pr_code pr_bpe_trainer_run(const struct pr_bpe_trainer *t,
    const struct pr_bpe_train_options *options, struct pr_bpe_result *ret, struct pr_error *e)
{
    struct run r = {.words = &t->words};
    uint32_t ids[256];
    if (options->vocab_size < PR_BPE_MIN_VOCAB || options->vocab_size > PR_BPE_MAX_VOCAB)
        return pr_fail(e, PR_E_USAGE, "a vocabulary has %d to %zu tokens, not %zu",
            PR_BPE_MIN_VOCAB, PR_BPE_MAX_VOCAB, options->vocab_size);
    start_tokens(&r, ids);
    enum pr_code code = start_words(&r, ids, e);
    if (!code)
        code = learn(&r, options, e);
    if (!code) {
        *ret = r.made;
        r.made = (struct pr_bpe_result){0};
    }
    run_done(&r);
    return code;
}

void pr_bpe_result_done(struct pr_bpe_result *r)
{
    pr_free(r->bytes);
    pr_free(r->offset);
    pr_free(r->merges);
    *r = (struct pr_bpe_result){0};
}
