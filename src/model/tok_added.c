/* Finds added tokens in text, with the rules of Hugging Face's AddedVocabulary.
 *
 * Matches are leftmost-longest and do not overlap; a match that single_word rejects is passed over
 * whole.  lstrip and rstrip widen a match over white space after it was found, so a widened token
 * may reach into the next match: that is theirs, and kept.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tok_internal.h"
#include "model/tok_unicode.h"

static void trie_done(struct pr_tok_trie *t)
{
    pr_free(t->edge);
    pr_free(t->child);
    pr_free(t->token);
}

void pr_tok_added_done(struct pr_tok_added *a)
{
    for (size_t i = 0; i < a->n; i++) {
        pr_free(a->v[i].content);
        pr_free(a->v[i].normalized_form);
    }
    pr_free(a->v);
    pr_tok_strings_done(&a->by_content);
    trie_done(&a->plain);
    trie_done(&a->normalized);
    pr_big_free(a->special_id, (size_t)a->n_ids * sizeof *a->special_id);
    pr_big_free(a->by_id, (size_t)a->n_ids * sizeof *a->by_id);
}

static size_t edge_slot(const struct pr_tok_trie *t, uint64_t key)
{
    size_t k = (size_t)(key * 0x9e3779b97f4a7c15u >> 20) & t->mask;
    while (t->edge[k] && t->edge[k] != key)
        k = (k + 1) & t->mask;
    return k;
}

static uint64_t edge_key(uint32_t node, uint8_t b)
{
    return (uint64_t)1 << 63 | (uint64_t)node << 8 | b;
}

static void grow_edges(struct pr_tok_trie *t)
{
    struct pr_tok_trie old = *t;
    size_t cap = t->edge ? (t->mask + 1) * 2 : 256;
    t->mask = cap - 1;
    t->edge = pr_zalloc(cap * sizeof *t->edge);
    t->child = pr_zalloc(cap * sizeof *t->child);
    for (size_t i = 0; old.edge && i <= old.mask; i++) {
        if (!old.edge[i])
            continue;
        size_t k = edge_slot(t, old.edge[i]);
        t->edge[k] = old.edge[i];
        t->child[k] = old.child[i];
    }
    pr_free(old.edge);
    pr_free(old.child);
}

static uint32_t new_node(struct pr_tok_trie *t)
{
    PR_PUSH(t->token, t->n_nodes, t->cap_nodes, -1);
    return (uint32_t)t->n_nodes - 1;
}

enum pr_code pr_tok_trie_add(
    struct pr_tok_trie *t, const char *s, size_t n, int32_t token, struct pr_error *e)
{
    if (t->n_nodes == 0) {
        new_node(t);
        t->only_first = (uint8_t)s[0];
        t->any = true;
    }
    if (n > PR_TOK_MAX_ADDED || t->n_nodes > UINT32_MAX - n)
        return pr_fail(
            e, PR_E_LIMIT, "the added token '%.40s…' is longer than %d bytes", s, PR_TOK_MAX_ADDED);
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        if (!t->edge || t->n_edges * 2 >= t->mask)
            grow_edges(t);
        uint64_t key = edge_key(node, (uint8_t)s[i]);
        size_t k = edge_slot(t, key);
        if (!t->edge[k]) {
            t->edge[k] = key;
            t->child[k] = new_node(t);
            t->n_edges++;
        }
        node = t->child[k];
    }
    if (t->token[node] >= 0)
        return pr_fail(e, PR_E_FORMAT, "two added tokens are both '%.60s' once normalized", s);
    t->token[node] = token;
    t->first[(uint8_t)s[0]] = true;
    if (t->only_first != (uint8_t)s[0])
        t->only_first = -1;
    return PR_OK;
}

/* The longest token that starts at s, or -1.  A try costs at most PR_TOK_MAX_ADDED steps. */
static int32_t match_at(const struct pr_tok_trie *t, const char *s, size_t n, size_t *ret_len)
{
    uint32_t node = 0;
    int32_t found = -1;
    for (size_t i = 0; i < n; i++) {
        size_t k = edge_slot(t, edge_key(node, (uint8_t)s[i]));
        if (!t->edge[k])
            break;
        node = t->child[k];
        if (t->token[node] >= 0) {
            found = t->token[node];
            *ret_len = i + 1;
        }
    }
    return found;
}

/* The first place from `at` on where some token could start; n when there is none. */
static size_t candidate(const struct pr_tok_trie *t, const char *s, size_t n, size_t at)
{
    if (t->only_first >= 0) {
        const char *p = at < n ? memchr(s + at, t->only_first, n - at) : NULL;
        return p ? (size_t)(p - s) : n;
    }
    while (at < n && !t->first[(uint8_t)s[at]])
        at++;
    return at;
}

static size_t char_before(const char *s, size_t at)
{
    do
        at--;
    while (at > 0 && ((uint8_t)s[at] & 0xc0) == 0x80);
    return at;
}

static bool is_word_at(const char *s, size_t at)
{
    uint32_t c;
    pr_utf8_decode(s + at, &c);
    return pr_tok_classes(c) & PR_TOK_WORD || c == 0x200c || c == 0x200d;
}

static bool stands_alone(const char *s, size_t n, size_t from, size_t to)
{
    bool left = from == 0 || !is_word_at(s, char_before(s, from));
    bool right = to == n || !is_word_at(s, to);
    return left && right;
}

static size_t strip_left(const char *s, size_t from)
{
    while (from > 0) {
        size_t before = char_before(s, from);
        uint32_t c;
        pr_utf8_decode(s + before, &c);
        if (!pr_utf8_is_space(c))
            break;
        from = before;
    }
    return from;
}

static size_t strip_right(const char *s, size_t n, size_t to)
{
    while (to < n) {
        uint32_t c;
        size_t len = pr_utf8_decode(s + to, &c);
        if (!pr_utf8_is_space(c))
            break;
        to += len;
    }
    return to;
}

enum pr_code pr_tok_added_find(const struct pr_tok_added *a, const struct pr_tok_trie *t,
    const char *s, size_t n, pr_tok_piece_fn *each, void *ctx, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    size_t done = 0;
    for (size_t at = t->any ? candidate(t, s, n, 0) : n; at < n; at = candidate(t, s, n, at)) {
        size_t len, from = at;
        int32_t token = match_at(t, s + at, n - at, &len);
        if (token < 0) {
            at++;
            continue;
        }
        at += len;
        size_t to = at;
        const struct pr_tok_added_token *k = &a->v[token];
        if (k->single_word && !stands_alone(s, n, from, to))
            continue;
        if (k->lstrip) {
            size_t left = strip_left(s, from);
            from = left > done ? left : done;
        }
        if (k->rstrip)
            to = strip_right(s, n, to);
        if (done < from && (code = each(ctx, s + done, from - done, done, -1, e)))
            return code;
        if (from < to && (code = each(ctx, s + from, to - from, from, token, e)))
            return code;
        done = to;
    }
    return done < n ? each(ctx, s + done, n - done, done, -1, e) : PR_OK;
}
