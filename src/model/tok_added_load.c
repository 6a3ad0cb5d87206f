/* The list "added_tokens" of tokenizer.json, with the rules of Hugging Face: a token keeps the id
 * that the vocabulary or an earlier entry gives its content, else takes the next free one; the id
 * that the file states only causes a note when it differs. */
#include <string.h>

#include "base/alloc.h"
#include "model/tok_load.h"

struct adder {
    struct pr_tokenizer *t;
    struct pr_notes *notes;
    const char *name;
    struct pr_error *e;
    struct pr_tok_strings special; /* contents that were special once */
    int32_t next_id;
    struct pr_str buf[2];
    size_t n_other_ids; /* entries whose stated id is not the one they get */
};

static enum pr_code read_entry(
    const json_t *o, struct pr_tok_added_token *k, int64_t *ret_id, struct pr_error *e)
{
    const char *content;
    enum pr_code code;
    if (!json_is_object(o))
        return pr_fail(e, PR_E_FORMAT, "%s, an object was expected", pr_json_type_name(o));
    if ((code = pr_json_get_int(o, "id", true, 0, UINT32_MAX, ret_id, e)) ||
        (code = pr_json_get_str(o, "content", true, &content, e)) ||
        (code = pr_json_get_bool(o, "single_word", true, &k->single_word, e)) ||
        (code = pr_json_get_bool(o, "lstrip", true, &k->lstrip, e)) ||
        (code = pr_json_get_bool(o, "rstrip", true, &k->rstrip, e)) ||
        (code = pr_json_get_bool(o, "normalized", true, &k->normalized, e)) ||
        (code = pr_json_get_bool(o, "special", true, &k->special, e)))
        return code;
    k->n = strlen(content);
    k->content = pr_strdup(content);
    return PR_OK;
}

static int32_t id_for(struct adder *a, const struct pr_tok_added_token *k)
{
    const struct pr_tok_entry *found =
        pr_tok_strings_find(&a->t->added.by_content, k->content, k->n);
    if (!found)
        found = pr_tok_strings_find(&a->t->bpe.vocab, k->content, k->n);
    return found ? found->id : a->next_id++;
}

static enum pr_code normalize_entry(struct adder *a, struct pr_tok_added_token *k)
{
    struct pr_tok_text form;
    bool front;
    if (!k->normalized)
        return PR_OK;
    enum pr_code code =
        pr_tok_normalize(&a->t->normalizer, k->content, k->n, a->buf, &form, &front, a->e);
    if (!code && (form.n != k->n || memcmp(form.s, k->content, k->n) != 0)) {
        k->normalized_form = pr_strndup(form.s, form.n);
        k->form_n = form.n;
    }
    return code;
}

/* Takes k's strings over.  An entry for an id that is there replaces the old one, which leaves its
 * normalized form behind when the new one has none. */
static enum pr_code add_entry(struct adder *a, struct pr_tok_added_token *k, int64_t stated)
{
    struct pr_tok_added *added = &a->t->added;
    enum pr_code code = PR_OK;
    k->id = id_for(a, k);
    if (k->id != stated && a->n_other_ids++ == 0)
        pr_notes_add(a->notes, "%s: added token '%.60s' says id %lld and gets %d", a->name,
            k->content, (long long)stated, k->id);
    code = normalize_entry(a, k);
    pr_tok_strings_put(&added->by_content, k->content, k->n, k->id);
    if (k->special)
        pr_tok_strings_put(&a->special, k->content, k->n, k->id);
    uint32_t *slot = &added->by_id[k->id];
    if (*slot) {
        struct pr_tok_added_token *old = &added->v[*slot - 1];
        if (!k->normalized_form) {
            k->normalized_form = old->normalized_form;
            k->form_n = old->form_n;
            old->normalized_form = NULL;
        }
        pr_free(old->content);
        pr_free(old->normalized_form);
        *old = *k;
    } else {
        PR_PUSH(added->v, added->n, added->cap, *k);
        *slot = (uint32_t)added->n;
    }
    return code;
}

static enum pr_code build_tries(struct pr_tok_added *a, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < a->n && !code; i++) {
        const struct pr_tok_added_token *k = &a->v[i];
        bool form = k->normalized && k->normalized_form;
        size_t n = form ? k->form_n : k->n;
        if (n == 0)
            return pr_fail(e, PR_E_FORMAT, "'%.60s' is empty once normalized", k->content);
        code = pr_tok_trie_add(k->normalized ? &a->normalized : &a->plain,
            form ? k->normalized_form : k->content, n, (int32_t)i, e);
    }
    return code;
}

/* Which ids decoding leaves out: those whose text is a special token's content. */
static void mark_special(struct adder *a)
{
    struct pr_tok_added *added = &a->t->added;
    const struct pr_tok_bpe *m = &a->t->bpe;
    for (size_t i = 0; i < a->special.n; i++) {
        const char *text = a->special.pool + a->special.v[i].off;
        const struct pr_tok_entry *v = pr_tok_strings_find(&m->vocab, text, a->special.v[i].len);
        if (v && m->by_id[v->id] == (uint32_t)(v - m->vocab.v) + 1)
            added->special_id[v->id] = true;
    }
    for (size_t i = 0; i < added->n; i++) {
        const struct pr_tok_added_token *k = &added->v[i];
        const char *text = k->normalized_form ? k->normalized_form : k->content;
        size_t n = k->normalized_form ? k->form_n : k->n;
        added->special_id[k->id] = pr_tok_strings_find(&a->special, text, n) != NULL;
    }
}

static enum pr_code make_room(struct adder *a, size_t n_tokens)
{
    struct pr_tok_added *added = &a->t->added;
    size_t top = a->t->bpe.vocab.n + n_tokens; /* new ids follow the vocabulary's size */
    if (top < (size_t)a->t->bpe.n_ids)
        top = (size_t)a->t->bpe.n_ids;
    if (top > PR_TOK_MAX_ID)
        return pr_fail(a->e, PR_E_LIMIT, "%zu ids, at most %d are taken", top, PR_TOK_MAX_ID);
    void *by_id, *special;
    enum pr_code code = pr_big_alloc(&by_id, top, sizeof *added->by_id, "ids", a->e);
    if (code)
        return code;
    if ((code = pr_big_alloc(&special, top, sizeof *added->special_id, "ids", a->e))) {
        pr_big_free(by_id, top * sizeof *added->by_id);
        return code;
    }
    added->by_id = by_id;
    added->special_id = special;
    added->n_ids = (int32_t)top;
    return PR_OK;
}

static enum pr_code add_all(struct adder *a, const json_t *list)
{
    enum pr_code code = make_room(a, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list) && !code; i++) {
        struct pr_tok_added_token k = {0};
        int64_t id;
        if ((code = read_entry(json_array_get(list, i), &k, &id, a->e)))
            pr_free(k.content);
        else if (k.n == 0)
            pr_free(k.content);
        else
            code = add_entry(a, &k, id);
        if (code)
            return pr_wrap(a->e, code, "added_tokens[%zu]", i);
    }
    return code;
}

enum pr_code pr_tok_added_load(struct pr_tokenizer *t, const json_t *list, struct pr_notes *notes,
    const char *name, struct pr_error *e)
{
    struct adder a = {.t = t,
        .notes = notes,
        .name = name,
        .e = e,
        .next_id = (int32_t)t->bpe.vocab.n,
        .buf = {PR_STR_INIT(PR_TOK_MAX_TEXT), PR_STR_INIT(PR_TOK_MAX_TEXT)}};
    enum pr_code code;
    if (list && !json_is_array(list))
        return pr_fail(
            e, PR_E_FORMAT, "added_tokens: %s, a list was expected", pr_json_type_name(list));
    code = add_all(&a, list);
    if (!code && (code = build_tries(&t->added, e)))
        code = pr_wrap(e, code, "added_tokens");
    if (!code)
        mark_special(&a);
    if (a.n_other_ids > 1)
        pr_notes_add(
            notes, "%s: %zu added tokens get another id than they say", name, a.n_other_ids);
    pr_tok_strings_done(&a.special);
    pr_str_done(&a.buf[0]);
    pr_str_done(&a.buf[1]);
    return code;
}
