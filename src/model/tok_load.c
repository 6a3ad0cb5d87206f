/* tokenizer.json → struct pr_tokenizer.
 *
 * The file is read once into spans, one a component; the vocabulary and the merges are read from
 * theirs directly (tok_json.h says why), the small components by jansson.
 */
#include "model/tok_load.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

struct load {
    struct pr_tokenizer *t;
    struct pr_tok_json j;
    const char *name; /* in front of notes and errors */
    struct pr_notes *notes;
    struct pr_tok_span parts[PR_TOK_PARTS];
    json_t *part[PR_TOK_PARTS]; /* the small ones */
};

static const char *const part_names[PR_TOK_PARTS] = {"version", "truncation", "padding",
    "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"};

enum pr_code pr_tok_component_type(const json_t *obj, const char *what, const char *const *names,
    size_t n_names, size_t *ret, struct pr_error *e)
{
    const char *type;
    enum pr_code code;
    if (!json_is_object(obj))
        return pr_fail(
            e, PR_E_FORMAT, "%s: %s, an object was expected", what, pr_json_type_name(obj));
    if ((code = pr_json_get_str(obj, "type", true, &type, e)))
        return pr_wrap(e, code, "%s", what);
    struct pr_str list = PR_STR_INIT(512);
    for (size_t i = 0; i < n_names; i++) {
        pr_str_printf(&list, "%s%s", i ? ", " : "", names[i]);
        if (!strcmp(type, names[i])) {
            *ret = i;
            pr_str_done(&list);
            return PR_OK;
        }
    }
    code = pr_fail(e, PR_E_UNSUPPORTED, "%s: '%.60s' is not supported (supported: %s)", what, type,
        pr_str_cstr(&list));
    pr_str_done(&list);
    return code;
}

/* ---- spans --------------------------------------------------------------------------------- */

/* A member's key; one longer than any that is known reads as "". */
static enum pr_code read_key(struct pr_tok_json *j, char key[64])
{
    struct pr_tok_span span;
    if (pr_tok_json_peek(j) != '"')
        return pr_tok_json_fail(j, "a key was expected");
    enum pr_code code = pr_tok_json_skip(j, &span);
    key[0] = 0;
    if (code)
        return code;
    if (span.n < 64) {
        struct pr_tok_json again = *j;
        size_t len;
        again.at = span.at;
        if ((code = pr_tok_json_string(&again, key, &len)))
            return code;
    }
    return pr_tok_json_take(j, ':');
}

/* The spans of an object's members that are named; a repeated one's last counts, with a note. */
static enum pr_code read_members(
    struct load *l, const char *const *names, size_t n, struct pr_tok_span *spans, const char *what)
{
    enum pr_code code;
    bool more;
    char key[64];
    if ((code = pr_tok_json_take(&l->j, '{')))
        return code;
    for (size_t i = 0;;) {
        struct pr_tok_span span;
        if ((code = pr_tok_json_next(&l->j, '}', &i, &more)) || !more)
            return code;
        if ((code = read_key(&l->j, key)) || (code = pr_tok_json_skip(&l->j, &span)))
            return code;
        for (size_t k = 0; k < n; k++) {
            if (strcmp(key, names[k]) != 0)
                continue;
            if (spans[k].n)
                pr_notes_add(
                    l->notes, "%s: %s'%s' is given twice, the last one counts", l->name, what, key);
            spans[k] = span;
        }
    }
}

static enum pr_code parse_span(
    struct load *l, struct pr_tok_span span, const char *what, json_t **ret)
{
    if (!span.n)
        return PR_OK;
    enum pr_code code =
        pr_json_parse(l->j.text + span.at, span.n, PR_JSON_ANY, NULL, ret, NULL, l->j.e);
    return code ? pr_wrap(l->j.e, code, "%s, counted from byte %zu", what, span.at) : PR_OK;
}

/* ---- vocabulary and merges ----------------------------------------------------------------- */

static enum pr_code read_vocab(struct load *l, struct pr_tok_span span)
{
    struct pr_tok_strings *v = &l->t->bpe.vocab;
    struct pr_tok_json j = l->j;
    enum pr_code code;
    bool more;
    j.at = span.at;
    j.n = span.at + span.n;
    if ((code = pr_tok_json_take(&j, '{')))
        return pr_wrap(j.e, code, "model: vocab");
    pr_tok_strings_room(v, span.n); /* a string takes more bytes in the text than in the pool */
    for (size_t i = 0;;) {
        size_t len;
        uint64_t id;
        if ((code = pr_tok_json_next(&j, '}', &i, &more)) || !more)
            break;
        if ((code = pr_tok_json_string(&j, v->pool + v->pool_n, &len)) ||
            (code = pr_tok_json_take(&j, ':')) ||
            (code = pr_tok_json_uint(&j, PR_TOK_MAX_ID - 1, &id)))
            break;
        pr_tok_strings_added(v, len, (int32_t)id);
    }
    if (code)
        return pr_wrap(j.e, code, "model: vocab");
    if (v->n == 0)
        return pr_fail_at(j.e, PR_E_FORMAT, (int64_t)span.at,
            "model: vocab is empty, tokens with their ids were expected");
    size_t repeated = pr_tok_strings_index(v);
    if (repeated)
        pr_notes_add(
            l->notes, "%s: %zu tokens are given twice, the last id counts", l->name, repeated);
    return PR_OK;
}

struct triple {
    int32_t a, b, id;
};
struct merge_reader {
    struct load *l;
    struct pr_tok_json j;
    char *buf; /* holds any string of the merges twice */
    struct triple *v;
    size_t n, cap;
    int kind; /* '"' or '[': of the first one */
    size_t prefix;
};

/* The two parts of the merge at hand lie in buf one behind the other; *ret_skip for a comment. */
static enum pr_code read_merge(struct merge_reader *r, size_t *ret_a, size_t *ret_b, bool *ret_skip)
{
    enum pr_code code;
    size_t n;
    int c = pr_tok_json_peek(&r->j);
    if (c != '"' && c != '[')
        return pr_tok_json_fail(&r->j, "\"left right\" or [\"left\", \"right\"] was expected");
    if (r->kind && c != r->kind)
        return pr_tok_json_fail(&r->j, "merges are strings or lists, not both");
    r->kind = c;
    if (c == '[') {
        r->j.at++;
        if ((code = pr_tok_json_string(&r->j, r->buf, ret_a)) ||
            (code = pr_tok_json_take(&r->j, ',')) ||
            (code = pr_tok_json_string(&r->j, r->buf + *ret_a, ret_b)))
            return code;
        return pr_tok_json_take(&r->j, ']');
    }
    if ((code = pr_tok_json_string(&r->j, r->buf, &n)))
        return code;
    if ((*ret_skip = n >= 8 && !memcmp(r->buf, "#version", 8)))
        return PR_OK;
    char *space = memchr(r->buf, ' ', n);
    if (!space || memchr(space + 1, ' ', n - (size_t)(space + 1 - r->buf)))
        return pr_tok_json_fail(&r->j, "two tokens with one space between them were expected");
    *ret_a = (size_t)(space - r->buf);
    *ret_b = n - *ret_a - 1;
    memmove(space, space + 1, *ret_b + 1);
    return PR_OK;
}

static enum pr_code missing_part(struct merge_reader *r, const char *s, size_t n)
{
    char text[100];
    size_t keep = n < sizeof text ? n : sizeof text - 1;
    keep = pr_utf8_valid_prefix(s, keep);
    memcpy(text, s, keep);
    text[keep] = 0;
    return pr_tok_json_fail(&r->j, "'%s' is not in the vocabulary", text);
}

/* Looks the parts and what they make up; the parts lie one behind the other in buf. */
static enum pr_code resolve_merge(struct merge_reader *r, size_t a, size_t b)
{
    const struct pr_tok_strings *v = &r->l->t->bpe.vocab;
    const struct pr_tok_entry *left = pr_tok_strings_find(v, r->buf, a);
    const struct pr_tok_entry *right = pr_tok_strings_find(v, r->buf + a, b);
    if (!left)
        return missing_part(r, r->buf, a);
    if (!right)
        return missing_part(r, r->buf + a, b);
    if (b < r->prefix)
        return pr_tok_json_fail(
            &r->j, "the second token is shorter than continuing_subword_prefix");
    memmove(r->buf + a, r->buf + a + r->prefix, b - r->prefix);
    const struct pr_tok_entry *both = pr_tok_strings_find(v, r->buf, a + b - r->prefix);
    if (!both)
        return missing_part(r, r->buf, a + b - r->prefix);
    struct triple t = {left->id, right->id, both->id};
    PR_PUSH(r->v, r->n, r->cap, t);
    return PR_OK;
}

static enum pr_code read_merges(struct load *l, struct pr_tok_span span)
{
    struct pr_tok_bpe *m = &l->t->bpe;
    struct merge_reader r = {.l = l, .j = l->j, .prefix = m->prefix ? strlen(m->prefix) : 0};
    enum pr_code code;
    bool more;
    size_t i = 0;
    r.j.at = span.at;
    r.j.n = span.at + span.n;
    r.buf = pr_alloc(span.n + 2);
    if ((code = pr_tok_json_take(&r.j, '['))) {
        code = pr_wrap(l->j.e, code, "model: merges");
        goto out;
    }
    for (;;) {
        size_t a = 0, b = 0;
        bool skip = false;
        if ((code = pr_tok_json_next(&r.j, ']', &i, &more)) || !more)
            break;
        if ((code = read_merge(&r, &a, &b, &skip)) || (!skip && (code = resolve_merge(&r, a, b))))
            break;
    }
    if (code) {
        code = pr_wrap(l->j.e, code, "model: merges[%zu]", i ? i - 1 : 0);
        goto out;
    }
    if ((code = pr_tok_bpe_merge_room(m, r.n, l->j.e)))
        goto out;
    for (size_t k = 0; k < r.n; k++)
        pr_tok_bpe_add_merge(m, r.v[k].a, r.v[k].b, r.v[k].id);
    if (m->n_merges < r.n)
        pr_notes_add(l->notes, "%s: %zu merges are given twice, the last place counts", l->name,
            r.n - m->n_merges);
out:
    pr_free(r.v);
    pr_free(r.buf);
    return code;
}

/* ---- the model ----------------------------------------------------------------------------- */

enum {
    TYPE,
    DROPOUT,
    UNK,
    PREFIX,
    SUFFIX,
    FUSE_UNK,
    BYTE_FALLBACK,
    IGNORE_MERGES,
    SMALL,
    VOCAB = SMALL,
    MERGES,
    FIELDS
};
static const char *const field_names[FIELDS] = {"type", "dropout", "unk_token",
    "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges",
    "vocab", "merges"};

static enum pr_code get_affix(
    const json_t *o, const char *key, size_t max, char **ret, struct pr_error *e)
{
    const char *text = NULL;
    enum pr_code code = pr_json_get_str(o, key, false, &text, e);
    if (!code && text && strlen(text) > max)
        return pr_fail(
            e, PR_E_LIMIT, "'%s' has %zu bytes, at most %zu are taken", key, strlen(text), max);
    if (!code && text && (*text || max > 64))
        *ret = pr_strdup(text);
    return code;
}

static enum pr_code read_options(struct pr_tok_bpe *m, const json_t *o, struct pr_error *e)
{
    static const char *const types[] = {"BPE"};
    double dropout = 0;
    size_t type;
    enum pr_code code;
    if (json_object_get(o, "type") &&
        (code = pr_tok_component_type(o, "model", types, 1, &type, e)))
        return code;
    if ((code = pr_json_get_real(o, "dropout", false, 0, 1, &dropout, e)) ||
        (code = get_affix(o, "unk_token", 4096, &m->unk, e)) ||
        (code = get_affix(o, "continuing_subword_prefix", 64, &m->prefix, e)) ||
        (code = get_affix(o, "end_of_word_suffix", 64, &m->suffix, e)) ||
        (code = pr_json_get_bool(o, "fuse_unk", false, &m->fuse_unk, e)) ||
        (code = pr_json_get_bool(o, "byte_fallback", false, &m->byte_fallback, e)) ||
        (code = pr_json_get_bool(o, "ignore_merges", false, &m->ignore_merges, e)))
        return pr_wrap(e, code, "model");
    if (dropout != 0)
        return pr_fail(e, PR_E_UNSUPPORTED,
            "model: 'dropout' is %g: the same text would give other ids each time; 0 or null was "
            "expected",
            dropout);
    return PR_OK;
}

static enum pr_code read_model(struct load *l)
{
    struct pr_tok_span spans[FIELDS] = {{0}};
    json_t *o = json_object();
    enum pr_code code;
    size_t end = l->j.n;
    l->j.at = l->parts[PR_TOK_PART_MODEL].at;
    l->j.n = l->j.at + l->parts[PR_TOK_PART_MODEL].n;
    code = read_members(l, field_names, FIELDS, spans, "model: ");
    l->j.n = end;
    for (size_t i = 0; i < SMALL && !code; i++) {
        json_t *v = NULL;
        if (!(code = parse_span(l, spans[i], "model", &v)) && v)
            json_object_set_new(o, field_names[i], v);
    }
    if (code || (code = read_options(&l->t->bpe, o, l->j.e)))
        goto out;
    if (!spans[VOCAB].n || !spans[MERGES].n) {
        code = pr_fail(
            l->j.e, PR_E_FORMAT, "model: '%s' is missing", spans[VOCAB].n ? "merges" : "vocab");
        goto out;
    }
    if (!(code = read_vocab(l, spans[VOCAB])) && !(code = read_merges(l, spans[MERGES])))
        code = pr_tok_bpe_finish(&l->t->bpe, l->notes, l->name, l->j.e);
out:
    l->part[PR_TOK_PART_MODEL] = o;
    return code;
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* A post-processor adds special tokens and moves offsets, which proctor never asks for; it is only
 * looked at, so that a file that Hugging Face refuses is refused here. */
static enum pr_code check_post_processor(const json_t *j, int depth, struct pr_error *e)
{
    static const char *const names[] = {
        "TemplateProcessing", "ByteLevel", "BertProcessing", "RobertaProcessing", "Sequence"};
    size_t kind = 0;
    if (!j || json_is_null(j))
        return PR_OK;
    enum pr_code code = pr_tok_component_type(j, "post_processor", names, 5, &kind, e);
    const json_t *list = json_object_get(j, "processors");
    if (code || kind != 4)
        return code;
    if (!json_is_array(list) || depth > 16)
        return pr_fail(e, PR_E_FORMAT,
            "post_processor: Sequence: 'processors' is %s, a list was expected",
            pr_json_type_name(list));
    for (size_t i = 0; i < json_array_size(list) && !code; i++)
        code = check_post_processor(json_array_get(list, i), depth + 1, e);
    return code;
}

static enum pr_code read_small_parts(struct load *l)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < PR_TOK_PART_MODEL && !code; i++)
        code = parse_span(l, l->parts[i], part_names[i], &l->part[i]);
    const json_t *version = l->part[PR_TOK_PART_VERSION];
    if (!code && version &&
        !(json_is_string(version) && !strcmp(json_string_value(version), "1.0")))
        code = pr_fail(l->j.e, PR_E_UNSUPPORTED, "version: \"1.0\" was expected");
    for (size_t i = PR_TOK_PART_TRUNCATION; i <= PR_TOK_PART_PADDING && !code; i++)
        if (l->part[i] && !json_is_null(l->part[i]))
            pr_notes_add(l->notes, "%s: '%s' is set and not applied", l->name, part_names[i]);
    if (code ||
        (code = pr_tok_normalizer_parse(
             l->part[PR_TOK_PART_NORMALIZER], &l->t->normalizer, l->j.e)) ||
        (code = pr_tok_splitter_parse(
             l->part[PR_TOK_PART_PRE_TOKENIZER], &l->t->splitter, l->j.e)) ||
        (code = pr_tok_decoder_parse(l->part[PR_TOK_PART_DECODER], &l->t->decoder, l->j.e)))
        return code;
    l->t->bpe.bytes = l->t->splitter.bytes;
    return check_post_processor(l->part[PR_TOK_PART_POST_PROCESSOR], 0, l->j.e);
}

static enum pr_code load(struct load *l)
{
    enum pr_code code;
    size_t valid = pr_utf8_valid_prefix(l->j.text, l->j.n);
    if (valid < l->j.n)
        return pr_fail_at(l->j.e, PR_E_FORMAT, (int64_t)valid, "not valid UTF-8");
    if ((code = read_members(l, part_names, PR_TOK_PARTS, l->parts, "")))
        return code;
    if (pr_tok_json_peek(&l->j) >= 0)
        return pr_tok_json_fail(&l->j, "the end of the file was expected");
    if (!l->parts[PR_TOK_PART_MODEL].n)
        return pr_fail(l->j.e, PR_E_FORMAT, "'model' is missing");
    if ((code = read_small_parts(l)) || (code = read_model(l)))
        return code;
    if ((code = pr_tok_added_load(
             l->t, l->part[PR_TOK_PART_ADDED_TOKENS], l->notes, l->name, l->j.e)))
        return code;
    pr_tok_make_digest(l->t, l->part);
    return PR_OK;
}

enum pr_code pr_tok_load(struct pr_tokenizer *t, const char *json, size_t n, const char *name,
    struct pr_notes *notes, struct pr_error *e)
{
    struct load l = {.t = t,
        .j = {.text = json, .n = n, .e = e},
        .name = name ? name : "tokenizer",
        .notes = notes};
    enum pr_code code = load(&l);
    for (size_t i = 0; i < PR_TOK_PARTS; i++)
        json_decref(l.part[i]);
    return code ? pr_wrap(e, code, "%s", l.name) : PR_OK;
}
