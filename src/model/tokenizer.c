/* The public functions of tokenizer.h over the parts in the tok_*.c files. */
#include "model/tokenizer.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/tok_load.h"
#include "model/tok_unicode.h"

enum pr_code pr_tokenizer_open(
    const char *path, struct pr_tokenizer **ret, struct pr_notes *notes, struct pr_error *e)
{
    char *text;
    size_t n;
    enum pr_code code = pr_file_read(AT_FDCWD, path, PR_TOK_MAX_FILE, &text, &n, e);
    if (code)
        return code;
    char *base = pr_path_base(path);
    code = pr_tokenizer_parse(text, n, base, ret, notes, e);
    pr_free(base);
    pr_free(text);
    return code;
}

enum pr_code pr_tokenizer_parse(const char *json, size_t n, const char *name,
    struct pr_tokenizer **ret, struct pr_notes *notes, struct pr_error *e)
{
    pr_tok_unicode_init();
    if (n > PR_TOK_MAX_FILE)
        return pr_fail(
            e, PR_E_LIMIT, "%s: %zu bytes, at most %zu are taken", name, n, PR_TOK_MAX_FILE);
    struct pr_tokenizer *t = pr_zalloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    enum pr_code code = pr_tok_load(t, json, n, name, notes, e);
    if (code)
        pr_tokenizer_free(t);
    else
        *ret = t;
    return code;
}

void pr_tokenizer_free(struct pr_tokenizer *t)
{
    if (!t)
        return;
    for (struct pr_tok_scratch *x = t->free_scratch, *next; x; x = next) {
        next = x->next;
        pr_tok_scratch_free(x);
    }
    pthread_mutex_destroy(&t->lock);
    pr_tok_bpe_done(&t->bpe);
    pr_tok_added_done(&t->added);
    pr_tok_normalizer_done(&t->normalizer);
    pr_tok_splitter_done(&t->splitter);
    pr_tok_decoder_done(&t->decoder);
    pr_free(t);
}

/* ---- encode -------------------------------------------------------------------------------- */

/* The list of scratches is the one thing that encode changes, so it casts const away, under the
 * lock. */
static struct pr_tok_scratch *take_scratch(const struct pr_tokenizer *t)
{
    struct pr_tokenizer *mut = (struct pr_tokenizer *)(uintptr_t)t;
    pthread_mutex_lock(&mut->lock);
    struct pr_tok_scratch *x = mut->free_scratch;
    if (x)
        mut->free_scratch = x->next;
    pthread_mutex_unlock(&mut->lock);
    return x ? x : pr_tok_scratch_new();
}

static void give_scratch(const struct pr_tokenizer *t, struct pr_tok_scratch *x)
{
    struct pr_tokenizer *mut = (struct pr_tokenizer *)(uintptr_t)t;
    pthread_mutex_lock(&mut->lock);
    x->next = mut->free_scratch;
    mut->free_scratch = x;
    pthread_mutex_unlock(&mut->lock);
}

struct encoding {
    const struct pr_tokenizer *t;
    struct pr_tok_scratch *x;
    struct pr_ids *out;
    bool front; /* the present piece begins where the text does */
};

/* A piece of normalized text. */
static enum pr_code normalized_piece(
    void *ctx, const char *s, size_t n, size_t at, int32_t token, struct pr_error *e)
{
    struct encoding *g = ctx;
    if (token < 0)
        return pr_tok_split_encode(g->t, g->x, s, n, g->front && at == 0, g->out, e);
    pr_ids_push(g->out, g->t->added.v[token].id);
    return PR_OK;
}

/* A piece of the text as given. */
static enum pr_code raw_piece(
    void *ctx, const char *s, size_t n, size_t at, int32_t token, struct pr_error *e)
{
    struct encoding *g = ctx;
    struct pr_tok_text text;
    bool front;
    if (token >= 0) {
        pr_ids_push(g->out, g->t->added.v[token].id);
        return PR_OK;
    }
    enum pr_code code = pr_tok_normalize(&g->t->normalizer, s, n, g->x->text, &text, &front, e);
    if (code)
        return code;
    g->front = front && at == 0;
    return pr_tok_added_find(
        &g->t->added, &g->t->added.normalized, text.s, text.n, normalized_piece, g, e);
}

enum pr_code pr_tokenizer_encode(const struct pr_tokenizer *t, const char *text, size_t n,
    struct pr_ids *out, struct pr_error *e)
{
    if (n > PR_TOK_MAX_TEXT)
        return pr_fail(
            e, PR_E_LIMIT, "a text of %zu bytes, at most %zu are taken", n, PR_TOK_MAX_TEXT);
    size_t valid = pr_utf8_valid_prefix(text, n), before = out->n;
    if (valid < n)
        return pr_fail_at(e, PR_E_FORMAT, (int64_t)valid, "the text is not valid UTF-8");
    struct encoding g = {.t = t, .x = take_scratch(t), .out = out};
    enum pr_code code = pr_tok_added_find(&t->added, &t->added.plain, text, n, raw_piece, &g, e);
    give_scratch(t, g.x);
    if (code)
        out->n = before;
    return code;
}

/* ---- decode and look up -------------------------------------------------------------------- */

/* The text that decoding starts from, or {NULL}. */
static struct pr_tok_text token_text(const struct pr_tokenizer *t, int32_t id)
{
    if (id < 0 || id >= t->added.n_ids)
        return (struct pr_tok_text){0};
    if (t->added.by_id[id]) {
        const struct pr_tok_added_token *k = &t->added.v[t->added.by_id[id] - 1];
        return k->normalized_form ? (struct pr_tok_text){k->normalized_form, k->form_n}
                                  : (struct pr_tok_text){k->content, k->n};
    }
    if (id >= t->bpe.n_ids || !t->bpe.by_id[id])
        return (struct pr_tok_text){0};
    const struct pr_tok_entry *v = &t->bpe.vocab.v[t->bpe.by_id[id] - 1];
    return (struct pr_tok_text){t->bpe.vocab.pool + v->off, v->len};
}

enum pr_code pr_tokenizer_decode(const struct pr_tokenizer *t, const int32_t *ids, size_t n,
    bool skip_special, struct pr_str *out, struct pr_error *e)
{
    struct pr_tok_text *v = NULL;
    size_t k = 0, cap = 0;
    for (size_t i = 0; i < n; i++) {
        struct pr_tok_text text = token_text(t, ids[i]);
        if (text.s && !(skip_special && t->added.special_id[ids[i]]))
            PR_PUSH(v, k, cap, text);
    }
    enum pr_code code = pr_tok_decode(&t->decoder, v, k, out, e);
    pr_free(v);
    return code;
}

int32_t pr_tokenizer_id(const struct pr_tokenizer *t, const char *content)
{
    size_t n = strlen(content);
    const struct pr_tok_entry *found = pr_tok_strings_find(&t->added.by_content, content, n);
    if (!found)
        found = pr_tok_strings_find(&t->bpe.vocab, content, n);
    return found ? found->id : -1;
}

const char *pr_tokenizer_content(const struct pr_tokenizer *t, int32_t id)
{
    if (id >= 0 && id < t->added.n_ids && t->added.by_id[id])
        return t->added.v[t->added.by_id[id] - 1].content;
    return token_text(t, id).s;
}

bool pr_tokenizer_is_special(const struct pr_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->added.n_ids && t->added.special_id[id];
}

int32_t pr_tokenizer_size(const struct pr_tokenizer *t)
{
    int32_t top = t->bpe.n_ids;
    for (size_t i = 0; i < t->added.n; i++)
        if (t->added.v[i].id >= top)
            top = t->added.v[i].id + 1;
    return top;
}

const uint8_t *pr_tokenizer_digest(const struct pr_tokenizer *t)
{
    return t->digest;
}
