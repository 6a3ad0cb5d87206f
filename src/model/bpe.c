/* Byte-pair encoding of one word.
 *
 * Always merges the pair of lowest rank, the leftmost among equals, as Hugging Face's
 * Word::merge_all does.  Short words scan their few pairs; long ones keep the pairs in a heap, so
 * that a hostile word of a million letters costs n log n.  Frequent words come from a cache that
 * belongs to the caller's scratch and so needs no lock.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tok_internal.h"

#define NO_RANK     UINT32_MAX
#define CACHE_SLOTS ((size_t)1 << 15)
#define CACHE_POOL  ((size_t)1 << 19) /* in 4-byte units: 2 MiB */
#define CACHE_WORD  128               /* longest word kept, bytes */
#define SCAN_MAX    48                /* symbols up to which scanning beats the heap */

static size_t pair_slot(uint64_t pair)
{
    __uint128_t p = (__uint128_t)(pair ^ 0x9e3779b97f4a7c15u) * 0xa0761d6478bd642fu;
    return (size_t)((uint64_t)p ^ (uint64_t)(p >> 64));
}

static const struct pr_tok_merge *find_merge(const struct pr_tok_bpe *m, int32_t a, int32_t b)
{
    uint64_t pair = (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
    if (!m->merges)
        return NULL;
    for (size_t k = pair_slot(pair) & m->merge_mask; m->merges[k].pair != UINT64_MAX;
         k = (k + 1) & m->merge_mask)
        if (m->merges[k].pair == pair)
            return &m->merges[k];
    return NULL;
}

uint32_t pr_tok_bpe_rank(const struct pr_tok_bpe *m, int32_t a, int32_t b)
{
    const struct pr_tok_merge *g = find_merge(m, a, b);
    return g ? g->rank : NO_RANK;
}

enum pr_code pr_tok_bpe_merge_room(struct pr_tok_bpe *m, size_t n, struct pr_error *e)
{
    size_t cap = 16;
    enum pr_code code;
    void *table, *ids, *pairs;
    while (cap < n * 2)
        cap *= 2;
    if ((code = pr_big_alloc(&table, cap, sizeof *m->merges, "merges", e)))
        return code;
    m->merges = table;
    m->merge_mask = cap - 1;
    memset(m->merges, 0xff, cap * sizeof *m->merges);
    if ((code = pr_big_alloc(&ids, n + 1, sizeof *m->id_of_rank, "merges", e)))
        return code;
    m->id_of_rank = ids;
    m->n_ranks = n;
    if ((code = pr_big_alloc(&pairs, n + 1, sizeof *m->pair_of_rank, "merges", e)))
        return code;
    m->pair_of_rank = pairs;
    return PR_OK;
}

void pr_tok_bpe_add_merge(struct pr_tok_bpe *m, int32_t a, int32_t b, int32_t id)
{
    uint64_t pair = (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
    size_t k = pair_slot(pair) & m->merge_mask;
    while (m->merges[k].pair != UINT64_MAX && m->merges[k].pair != pair)
        k = (k + 1) & m->merge_mask;
    if (m->merges[k].pair == UINT64_MAX)
        m->n_merges++;
    uint32_t rank = (uint32_t)m->n_ranks_added++;
    m->id_of_rank[rank] = id;
    m->pair_of_rank[rank] = pair;
    m->merges[k] = (struct pr_tok_merge){pair, rank, id}; /* a repeated pair's last rank counts */
}

void pr_tok_bpe_done(struct pr_tok_bpe *m)
{
    pr_tok_strings_done(&m->vocab);
    pr_big_free(m->by_id, (size_t)m->n_ids * sizeof *m->by_id);
    if (m->merges)
        pr_big_free(m->merges, (m->merge_mask + 1) * sizeof *m->merges);
    pr_big_free(m->id_of_rank, (m->n_ranks + 1) * sizeof *m->id_of_rank);
    pr_big_free(m->pair_of_rank, (m->n_ranks + 1) * sizeof *m->pair_of_rank);
    pr_free(m->byte_rank);
    pr_free(m->unk);
    pr_free(m->prefix);
    pr_free(m->suffix);
}

/* ---- one word ------------------------------------------------------------------------------ */

static enum pr_code reserve_symbols(struct pr_tok_scratch *x, size_t n, struct pr_error *e)
{
    if (n <= x->n_symbols)
        return PR_OK;
    size_t cap = x->n_symbols ? x->n_symbols : 256;
    if (n > INT32_MAX / 2)
        return pr_fail(e, PR_E_LIMIT, "a word of %zu symbols", n);
    while (cap < n)
        cap *= 2;
    pr_big_free(x->symbols, x->n_symbols * sizeof *x->symbols);
    pr_big_free(x->heap, 2 * x->n_symbols * sizeof *x->heap);
    x->symbols = NULL;
    x->heap = NULL;
    x->n_symbols = 0;
    void *symbols, *heap;
    enum pr_code code = pr_big_alloc(&symbols, cap, sizeof *x->symbols, "a word's symbols", e);
    if (code)
        return code;
    if ((code = pr_big_alloc(&heap, 2 * cap, sizeof *x->heap, "a word's pairs", e))) {
        pr_big_free(symbols, cap * sizeof *x->symbols);
        return code;
    }
    x->symbols = symbols;
    x->heap = heap;
    x->n_symbols = cap;
    return PR_OK;
}

/* The id of a character with the prefix and suffix that its place asks for; -1 when there is none.
 * *ret_text is what was looked up. */
static int32_t char_id(const struct pr_tok_bpe *m, struct pr_tok_scratch *x, const char *s,
    size_t n, bool first, bool last, struct pr_tok_text *ret_text)
{
    *ret_text = (struct pr_tok_text){s, n};
    if ((m->prefix && !first) || (m->suffix && last)) {
        pr_str_clear(&x->mapped);
        if (m->prefix && !first)
            pr_str_puts(&x->mapped, m->prefix);
        pr_str_append(&x->mapped, s, n);
        if (m->suffix && last)
            pr_str_puts(&x->mapped, m->suffix);
        *ret_text = (struct pr_tok_text){pr_str_cstr(&x->mapped), x->mapped.len};
    }
    const struct pr_tok_entry *found = pr_tok_strings_find(&m->vocab, ret_text->s, ret_text->n);
    return found ? found->id : -1;
}

static bool fall_back_to_bytes(
    const struct pr_tok_bpe *m, struct pr_tok_symbol *v, size_t *k, struct pr_tok_text t)
{
    if (!m->byte_fallback)
        return false;
    for (size_t i = 0; i < t.n; i++)
        if (m->byte_id[(uint8_t)t.s[i]] < 0)
            return false;
    for (size_t i = 0; i < t.n; i++)
        v[(*k)++].id = m->byte_id[(uint8_t)t.s[i]];
    return true;
}

/* The word's first symbols, one a character.  An unknown character waits in `unk`, which a later
 * known one writes out, but bytes of a fallback do not: so does Hugging Face. */
static enum pr_code symbols_of_chars(const struct pr_tok_bpe *m, struct pr_tok_scratch *x,
    const char *s, size_t n, size_t *ret_n, struct pr_error *e)
{
    struct pr_tok_symbol *v = x->symbols;
    size_t k = 0;
    bool unk = false;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t len = pr_utf8_decode(s + i, &c);
        struct pr_tok_text t;
        int32_t id = char_id(m, x, s + i, len, i == 0, i + len == n, &t);
        i += len;
        if (id >= 0) {
            if (unk)
                v[k++].id = m->unk_id;
            unk = false;
            v[k++].id = id;
        } else if (!fall_back_to_bytes(m, v, &k, t) && m->unk) {
            if (m->unk_id < 0)
                return pr_fail(e, PR_E_FORMAT,
                    "the unknown token '%s' is not in the vocabulary and the text needs it",
                    m->unk);
            if (unk && !m->fuse_unk)
                v[k++].id = m->unk_id;
            unk = true;
        }
    }
    if (unk)
        v[k++].id = m->unk_id;
    *ret_n = k;
    return PR_OK;
}

static size_t merge_by_scan(const struct pr_tok_bpe *m, struct pr_tok_symbol *v, size_t n)
{
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (v[i].rank < v[best].rank)
                best = i;
        if (v[best].rank == NO_RANK)
            break;
        v[best].id = m->id_of_rank[v[best].rank];
        n--;
        memmove(v + best + 1, v + best + 2, (n - best - 1) * sizeof *v);
        if (best > 0)
            v[best - 1].rank = pr_tok_bpe_rank(m, v[best - 1].id, v[best].id);
        v[best].rank = best + 1 < n ? pr_tok_bpe_rank(m, v[best].id, v[best + 1].id) : NO_RANK;
    }
    return n;
}

/* A binary heap of rank << 32 | position: its order is the order of merging. */
static void heap_down(uint64_t *h, size_t n, size_t i)
{
    uint64_t x = h[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && h[child + 1] < h[child])
            child++;
        if (h[child] >= x)
            break;
        h[i] = h[child];
    }
    h[i] = x;
}

static void heap_push(uint64_t *h, size_t *n, uint64_t x)
{
    size_t i = (*n)++;
    for (size_t up; i > 0 && h[up = (i - 1) / 2] > x; i = up)
        h[i] = h[up];
    h[i] = x;
}

static void push_pair(
    const struct pr_tok_bpe *m, struct pr_tok_scratch *x, size_t *heap_n, int32_t at)
{
    struct pr_tok_symbol *v = x->symbols;
    v[at].rank = pr_tok_bpe_rank(m, v[at].id, v[v[at].next].id);
    if (v[at].rank != NO_RANK)
        heap_push(x->heap, heap_n, (uint64_t)v[at].rank << 32 | (uint32_t)at);
}

/* The same result with a heap.  An entry is stale when its symbol was merged away or its pair now
 * becomes another token; one whose pair changed but still becomes the same token (only possible
 * when ids repeat) is taken, as Hugging Face takes it.  The heap never holds more than 2n entries:
 * each merge takes one and adds at most two. */
static size_t merge_by_heap(const struct pr_tok_bpe *m, struct pr_tok_scratch *x, size_t n)
{
    struct pr_tok_symbol *v = x->symbols;
    size_t heap_n = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        v[i].prev = (int32_t)i - 1;
        v[i].next = i + 1 < n ? (int32_t)i + 1 : -1;
        if (i + 1 < n && v[i].rank != NO_RANK)
            x->heap[heap_n++] = (uint64_t)v[i].rank << 32 | i;
    }
    for (size_t i = heap_n / 2; i-- > 0;)
        heap_down(x->heap, heap_n, i);
    while (heap_n > 0) {
        uint64_t top = x->heap[0];
        x->heap[0] = x->heap[--heap_n];
        heap_down(x->heap, heap_n, 0);
        int32_t at = (int32_t)(uint32_t)top, next = v[at].next;
        int32_t id = m->id_of_rank[top >> 32];
        if (v[at].id < 0 || next < 0 || v[at].rank == NO_RANK || m->id_of_rank[v[at].rank] != id)
            continue;
        v[at].id = id;
        v[at].next = v[next].next;
        v[at].rank = NO_RANK;
        v[next].id = -1;
        if (v[at].next >= 0)
            v[v[at].next].prev = at;
        if (v[at].prev >= 0)
            push_pair(m, x, &heap_n, v[at].prev);
        if (v[at].next >= 0)
            push_pair(m, x, &heap_n, at);
    }
    for (size_t i = 0; i < n; i++)
        if (v[i].id >= 0)
            v[kept++].id = v[i].id;
    return kept;
}

/* The word's first symbols by the general way: character by character through the vocabulary. */
static enum pr_code start_by_chars(const struct pr_tok_bpe *m, struct pr_tok_scratch *x,
    const char *s, size_t n, size_t *ret_n, struct pr_error *e)
{
    /* Each character may fall back to its bytes and those of a prefix and a suffix. */
    size_t extra = (m->prefix ? strlen(m->prefix) : 0) + (m->suffix ? strlen(m->suffix) : 0);
    struct pr_str mapped = PR_STR_INIT(2 * n);
    enum pr_code code = reserve_symbols(x, n * (2 + extra) + 2, e);
    if (code)
        return code;
    if (m->bytes) {
        pr_tok_bytes_map(s, n, &mapped);
        s = pr_str_cstr(&mapped);
        n = mapped.len;
    }
    code = symbols_of_chars(m, x, s, n, ret_n, e);
    pr_str_done(&mapped);
    for (size_t i = 0; !code && i + 1 < *ret_n; i++)
        x->symbols[i].rank = pr_tok_bpe_rank(m, x->symbols[i].id, x->symbols[i + 1].id);
    return code;
}

/* The same where each byte has a token: two loads a byte. */
static enum pr_code start_by_bytes(const struct pr_tok_bpe *m, struct pr_tok_scratch *x,
    const char *s, size_t n, struct pr_error *e)
{
    const uint8_t *u = (const uint8_t *)s;
    enum pr_code code = reserve_symbols(x, n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n; i++) {
        x->symbols[i].id = m->byte_id[u[i]];
        x->symbols[i].rank = i + 1 < n ? m->byte_rank[u[i] << 8 | u[i + 1]] : NO_RANK;
    }
    return PR_OK;
}

/* Leaves the word's tokens in x->symbols. */
static enum pr_code merge_word(const struct pr_tok_bpe *m, struct pr_tok_scratch *x, const char *s,
    size_t n, size_t *ret_n, struct pr_error *e)
{
    size_t k = n;
    enum pr_code code =
        m->byte_rank ? start_by_bytes(m, x, s, n, e) : start_by_chars(m, x, s, n, &k, e);
    if (code)
        return code;
    if (k)
        x->symbols[k - 1].rank = NO_RANK;
    *ret_n =
        k <= SCAN_MAX && !m->ids_repeat ? merge_by_scan(m, x->symbols, k) : merge_by_heap(m, x, k);
    return PR_OK;
}

/* ---- the cache ----------------------------------------------------------------------------- */

struct pr_tok_scratch *pr_tok_scratch_new(void)
{
    struct pr_tok_scratch *x = pr_zalloc(sizeof *x);
    x->cache = pr_zalloc(CACHE_SLOTS * sizeof *x->cache);
    x->pool = pr_alloc(CACHE_POOL * sizeof *x->pool);
    x->mapped = PR_STR_INIT(PR_TOK_MAX_TEXT);
    for (size_t i = 0; i < 2; i++)
        x->text[i] = PR_STR_INIT(PR_TOK_MAX_TEXT);
    for (size_t i = 0; i < PR_TOK_MAX_STAGES; i++)
        x->stage[i] = PR_STR_INIT(PR_TOK_MAX_TEXT);
    return x;
}

void pr_tok_scratch_free(struct pr_tok_scratch *x)
{
    if (!x)
        return;
    pr_big_free(x->symbols, x->n_symbols * sizeof *x->symbols);
    pr_big_free(x->heap, 2 * x->n_symbols * sizeof *x->heap);
    pr_free(x->cache);
    pr_free(x->pool);
    pr_str_done(&x->mapped);
    for (size_t i = 0; i < 2; i++)
        pr_str_done(&x->text[i]);
    for (size_t i = 0; i < PR_TOK_MAX_STAGES; i++)
        pr_str_done(&x->stage[i]);
    pr_free(x);
}

static struct pr_tok_cache_slot *cache_slot(
    struct pr_tok_scratch *x, const char *s, size_t n, uint64_t hash)
{
    size_t k = hash & (CACHE_SLOTS - 1);
    for (; x->cache[k].len; k = (k + 1) & (CACHE_SLOTS - 1)) {
        struct pr_tok_cache_slot *slot = &x->cache[k];
        if (slot->hash == hash && slot->len == n && !memcmp(x->pool + slot->at + slot->n_ids, s, n))
            return slot;
    }
    return &x->cache[k];
}

/* Keeps a word; a full cache starts again empty, so that it follows a change of subject. */
static void cache_put(struct pr_tok_scratch *x, struct pr_tok_cache_slot *slot, const char *s,
    size_t n, uint64_t hash, const int32_t *ids, size_t n_ids)
{
    size_t need = n_ids + (n + 3) / 4;
    if (x->cache_used >= CACHE_SLOTS * 3 / 4 || CACHE_POOL - x->pool_used < need) {
        memset(x->cache, 0, CACHE_SLOTS * sizeof *x->cache);
        x->cache_used = x->pool_used = 0;
        slot = &x->cache[hash & (CACHE_SLOTS - 1)];
    }
    *slot = (struct pr_tok_cache_slot){hash, (uint32_t)x->pool_used, (uint16_t)n, (uint16_t)n_ids};
    if (n_ids) /* ids may be NULL then */
        memcpy(x->pool + x->pool_used, ids, n_ids * sizeof *ids);
    memcpy(x->pool + x->pool_used + n_ids, s, n);
    x->pool_used += need;
    x->cache_used++;
}

static int32_t *ids_room(struct pr_ids *out, size_t n)
{
    if (out->cap - out->n < n)
        pr_grow((void **)&out->v, &out->cap, out->n + n, sizeof *out->v);
    return out->v + out->n;
}

/* The whole word as one token, where the model takes that before merging; -1 when it is none. */
static int32_t whole_word(
    const struct pr_tok_bpe *m, struct pr_tok_scratch *x, const char *s, size_t n)
{
    if (m->bytes) {
        pr_str_clear(&x->mapped);
        pr_tok_bytes_map(s, n, &x->mapped);
        s = pr_str_cstr(&x->mapped);
        n = x->mapped.len;
    }
    const struct pr_tok_entry *found = pr_tok_strings_find(&m->vocab, s, n);
    return found ? found->id : -1;
}

enum pr_code pr_tok_bpe_word(const struct pr_tok_bpe *m, struct pr_tok_scratch *x, const char *s,
    size_t n, struct pr_ids *out, struct pr_error *e)
{
    struct pr_tok_cache_slot *slot = NULL;
    uint64_t hash = 0;
    if (n <= CACHE_WORD) {
        hash = pr_tok_hash(s, n);
        slot = cache_slot(x, s, n, hash);
        if (slot->len) {
            int32_t *room = ids_room(out, slot->n_ids);
            for (size_t i = 0; i < slot->n_ids; i++)
                room[i] = (int32_t)x->pool[slot->at + i];
            out->n += slot->n_ids;
            return PR_OK;
        }
    }
    size_t k = 1;
    int32_t *room, whole = m->ignore_merges ? whole_word(m, x, s, n) : -1;
    if (whole >= 0) {
        room = ids_room(out, 1);
        room[0] = whole;
    } else {
        enum pr_code code = merge_word(m, x, s, n, &k, e);
        if (code)
            return code;
        room = ids_room(out, k);
        for (size_t i = 0; i < k; i++)
            room[i] = x->symbols[i].id;
    }
    out->n += k;
    if (slot && k <= CACHE_WORD)
        cache_put(x, slot, s, n, hash, room, k);
    return PR_OK;
}
