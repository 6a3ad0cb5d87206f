/* The digest of what a tokenizer does: equal for files that differ in spaces, in the order of keys,
 * in how merges are written or in a post-processor, which proctor does not run. */
#include <string.h>

#include "base/sha256.h"
#include "model/tok_load.h"

/* Numbers as 8 bytes little-endian, strings with their length: no two contents run together. */
static void add_number(struct pr_sha256 *h, int64_t v)
{
    uint8_t b[8];
    for (int i = 0; i < 8; i++)
        b[i] = (uint8_t)((uint64_t)v >> (8 * i));
    pr_sha256_update(h, b, sizeof b);
}

static void add_text(struct pr_sha256 *h, const char *s, size_t n)
{
    add_number(h, (int64_t)n);
    pr_sha256_update(h, s, n);
}

static void add_json(struct pr_sha256 *h, const json_t *v)
{
    struct pr_str text = PR_STR_INIT(PR_TOK_MAX_FILE);
    if (v)
        pr_json_dump_canonical(v, &text);
    else
        pr_str_puts(&text, "null");
    add_text(h, pr_str_cstr(&text), text.len);
    pr_str_done(&text);
}

static void add_model(struct pr_sha256 *h, const struct pr_tok_bpe *m)
{
    add_text(h, m->unk ? m->unk : "", m->unk ? strlen(m->unk) : 0);
    add_text(h, m->prefix ? m->prefix : "", m->prefix ? strlen(m->prefix) : 0);
    add_text(h, m->suffix ? m->suffix : "", m->suffix ? strlen(m->suffix) : 0);
    add_number(
        h, (m->unk != NULL) | m->fuse_unk << 1 | m->byte_fallback << 2 | m->ignore_merges << 3);
    for (int32_t id = 0; id < m->n_ids; id++) {
        if (!m->by_id[id])
            continue;
        const struct pr_tok_entry *v = &m->vocab.v[m->by_id[id] - 1];
        add_number(h, id);
        add_text(h, m->vocab.pool + v->off, v->len);
    }
    for (size_t i = 0; m->ids_repeat && i < m->vocab.n; i++)
        if (m->by_id[m->vocab.v[i].id] != i + 1) {
            add_number(h, m->vocab.v[i].id);
            add_text(h, m->vocab.pool + m->vocab.v[i].off, m->vocab.v[i].len);
        }
    /* Every pair with its rank, in the order of ranks, which holds for any size of table. */
    for (size_t k = 0; k < m->n_ranks; k++) {
        add_number(h, m->pair_of_rank[k] >> 32);
        add_number(h, (int64_t)(m->pair_of_rank[k] & UINT32_MAX));
    }
}

void pr_tok_make_digest(struct pr_tokenizer *t, json_t *const part[PR_TOK_PARTS])
{
    struct pr_sha256 *h = pr_sha256_new();
    add_json(h, part[PR_TOK_PART_NORMALIZER]);
    add_json(h, part[PR_TOK_PART_PRE_TOKENIZER]);
    add_json(h, part[PR_TOK_PART_DECODER]);
    add_model(h, &t->bpe);
    for (size_t i = 0; i < t->added.n; i++) {
        const struct pr_tok_added_token *k = &t->added.v[i];
        add_number(h, k->id);
        add_text(h, k->content, k->n);
        add_number(h, k->single_word | k->lstrip << 1 | k->rstrip << 2 | k->normalized << 3 |
                          k->special << 4);
    }
    pr_sha256_final(h, t->digest);
}
